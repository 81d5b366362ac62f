// SPDX-License-Identifier: MIT
// A worker that writes in the name of a lane whenever it holds it, and says so; its test kills, stops and resumes it.
// With a second argument it stops itself in the middle of a write, once, after its lease was checked.
import { writeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { sql } from "kysely";
import { acquireLease, fencedLedger, type Lease } from "../../relayer/src/ledger/leases.ts";
import { openLedger } from "../../relayer/src/ledger/ledger.ts";

const LEASE_MILLISECONDS = 400;

const [, , url = "", stopsItself] = process.argv;
const ledger = await openLedger({ url });
const holder = `worker ${process.pid}`;
let lease: Lease | undefined;
const fenced = fencedLedger(ledger, "operator", () => lease);
let stopped = stopsItself === undefined;

writeSync(1, "ready\n");
for (;;) {
  lease = await acquireLease(ledger, "operator", holder, LEASE_MILLISECONDS).catch(() => undefined);
  for (let write = 0; lease && write < 5; write++) await writeOnce(lease.token);
  await delay(20);
}

async function writeOnce(token: number): Promise<void> {
  try {
    await fenced.transaction(async (tx) => {
      if (!stopped) {
        stopped = true;
        writeSync(1, "stopping\n");
        process.kill(process.pid, "SIGSTOP");
        await delay(1);
      }
      await sql`INSERT INTO lane_writes (holder, token) VALUES (${holder}, ${token})`.execute(tx);
    });
    writeSync(1, `wrote ${token}\n`);
  } catch (error) {
    writeSync(1, `refused ${(error as { code?: string }).code}\n`);
  }
}
