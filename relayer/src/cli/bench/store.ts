// SPDX-License-Identifier: GPL-3.0-or-later

import { rmSync } from "node:fs";
import { type Hex, keccak256Text, randomBytes32 } from "@meantime/sdk/hex";
import pg from "pg";
import { databaseFault } from "../../ledger/faults.ts";
import { type Ledger, type LedgerSource, nameOf, openLedger } from "../../ledger/ledger.ts";
import { insertReceipt, type StoredReceipt } from "../../ledger/receipts.ts";
import { median, quantile, tenths } from "./samples.ts";

const CLIENTS = 64;
const STORING_MILLISECONDS = 2_000;
const ALONE = 50;

/**
 * Receipts stored durably a second in a scratch file beside the ledger, or a scratch schema of its database, which is gone
 * afterwards; with many clients at a time, and how long one alone waits.
 *
 * @throws RelayerError those of `openLedger`; `MT-LED-003` and others where no scratch schema can be made
 */
export async function timeStore(source: LedgerSource): Promise<Record<string, unknown>> {
  const scratch = await makeScratch(source);
  try {
    const ledger = await openLedger(scratch.source);
    try {
      return { store: ledger.kind, ...(await measure(ledger)) };
    } finally {
      await ledger.close();
    }
  } finally {
    await scratch.remove();
  }
}

async function measure(ledger: Ledger): Promise<Record<string, unknown>> {
  const alone: number[] = [];
  for (let stored = 0; stored < ALONE; stored++) alone.push(await store(ledger));
  const together: number[] = [];
  const start = performance.now();
  const client = async () => {
    while (performance.now() - start < STORING_MILLISECONDS) together.push(await store(ledger));
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  const seconds = (performance.now() - start) / 1_000;
  return {
    perSecond: Math.round(together.length / seconds),
    clients: CLIENTS,
    p99Milliseconds: tenths(quantile(together, 0.99)),
    aloneMilliseconds: tenths(median(alone)),
  };
}

/** @returns milliseconds until the receipt was durable */
async function store(ledger: Ledger): Promise<number> {
  const receipt = anyReceipt();
  const start = performance.now();
  await insertReceipt(ledger, receipt);
  return performance.now() - start;
}

function anyReceipt(): StoredReceipt {
  const address: Hex = `0x${"0b".repeat(20)}`;
  const [modelId, policyId] = [keccak256Text("model"), keccak256Text("policy")];
  const [requestId, inputHash, outputHash] = [randomBytes32(), randomBytes32(), randomBytes32()];
  return {
    receipt: {
      claim: {
        ...{ modelId, policyId, requestId, inputHash, outputHash, operator: address, requester: address },
        ...{ servedAt: 1_700_000_000n, commitBy: 1_700_000_600n },
      },
      claimId: randomBytes32(),
      signature: `0x${"1b".repeat(65)}`,
    },
    opening: { input: new Uint8Array(256), salt: randomBytes32(), output: new Uint8Array(256) },
    requestDigest: randomBytes32(),
    answer: JSON.stringify({ answer: "a".repeat(256) }),
  };
}

interface Scratch {
  source: LedgerSource;
  remove(): Promise<void>;
}

async function makeScratch(source: LedgerSource): Promise<Scratch> {
  const name = `meantime_bench_${process.pid}`;
  return "file" in source ? scratchFile(`${source.file}.${name}`) : scratchSchema(source.url, name);
}

function scratchFile(file: string): Scratch {
  return {
    source: { file },
    async remove() {
      for (const suffix of ["", "-wal", "-shm", "-journal", ".lock", ".lock-journal"]) {
        rmSync(file + suffix, { force: true });
      }
    },
  };
}

async function scratchSchema(url: string, name: string): Promise<Scratch> {
  await runOn(url, `CREATE SCHEMA ${name}`);
  const inside = new URL(url);
  const options = [inside.searchParams.get("options"), `-c search_path=${name}`].filter(Boolean).join(" ");
  inside.searchParams.set("options", options);
  return {
    source: { url: inside.href.replaceAll("+", "%20") },
    remove: () => runOn(url, `DROP SCHEMA ${name} CASCADE`),
  };
}

async function runOn(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  try {
    await client.connect();
    await client.query(statement);
  } catch (error) {
    throw databaseFault(error, nameOf({ url }));
  } finally {
    await client.end().catch(() => undefined);
  }
}
