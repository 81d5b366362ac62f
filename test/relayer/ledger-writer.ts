// SPDX-License-Identifier: MIT
// A process that stores receipts as fast as it can and says each one's claim id once it is stored; it is killed by its test.
import { writeSync } from "node:fs";
import { openLedger } from "../../relayer/src/ledger/ledger.ts";
import { insertReceipt } from "../../relayer/src/ledger/receipts.ts";
import { storedReceipt } from "./receipts.ts";

const where = process.argv[2] ?? "";
const ledger = await openLedger(where.startsWith("postgres:") ? { url: where } : { file: where });
for (let seed = 0; ; seed++) {
  const stored = storedReceipt(seed);
  await insertReceipt(ledger, stored);
  writeSync(1, `${stored.receipt.claimId}\n`);
}
