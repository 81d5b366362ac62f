// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { type Hex, ZERO_ADDRESS } from "@meantime/sdk/hex";
import { EVIDENCE_KINDS, EVIDENCE_RULES } from "@meantime/sdk/policy";
import { TemporaryError } from "../../relayer/src/errors.ts";
import { noteReplayDue, replayIfDue } from "../../relayer/src/indexer/replay.ts";
import { backUp, restore } from "../../relayer/src/ledger/backup.ts";
import { type ChainEvent, rollBack } from "../../relayer/src/ledger/chain-facts.ts";
import { type Ledger, type LedgerSource, openLedger } from "../../relayer/src/ledger/ledger.ts";
import { MIGRATIONS } from "../../relayer/src/ledger/migrations.ts";
import { forgetDerived } from "../../relayer/src/ledger/rebuild.ts";
import type { Writer } from "../../relayer/src/ledger/schema.ts";
import { openSnapshot, rowsOf, TABLES } from "../../relayer/src/ledger/snapshot.ts";
import { TEST_DATABASES } from "./databases.ts";
import { claimsFacts } from "./index-facts.ts";
import {
  addressOf,
  buildBatch,
  commitOf,
  eventAt,
  follow,
  idOf,
  indexApi,
  storeBatch,
  timeOf,
} from "./index-ledger.ts";
import { registryLog, startDuty } from "./index-node.ts";
import { freshFolder } from "./local-relayer.ts";
import { writeOldLedger } from "./old-ledger.ts";

const POLICY = idOf(0x77);
const FIRST_BLOCK = 10;
const LAST_BLOCK = 30;
const NOW = timeOf(LAST_BLOCK);
const WINDOW_SECONDS = 400;
const OPEN_UNTIL = timeOf(90);
const SHOWN_UNASKED = 2;

/** Two commits in a block at most. */
const BATCHES = [1, 2, 3, 4, 5].map((nonce) => ({
  block: FIRST_BLOCK + Math.floor(nonce / 2),
  log: nonce % 2,
  built: buildBatch({
    ...{ operator: addressOf(1 + (nonce % 2)), policyId: POLICY, modelId: idOf(21), nonce },
    served: [1, 2, 3].map((ago) => ({ at: timeOf(FIRST_BLOCK) - ago, requester: addressOf(11) })),
  }),
}));
const COMMITTED = BATCHES.map(({ built }) => built.batchId);
const EVENTS = [
  ...BATCHES.map(({ built, block, log }) => commitOf(built, block, log, WINDOW_SECONDS)),
  ofFirstBatch(20, "EvidenceAccepted", 0, { kind: String(EVIDENCE_KINDS.tee) }),
  ofFirstBatch(21, "RevealDemanded", 1, { demander: addressOf(7), revealBy: String(timeOf(60)) }),
  ofFirstBatch(LAST_BLOCK, "ClaimRevealed", SHOWN_UNASKED, { finalAt: String(OPEN_UNTIL) }),
];
/** That an enclave's word makes a claim final. */
const REGISTERED = registryLog(5, "PolicyRegistered", [
  POLICY,
  {
    ...{ rule: EVIDENCE_RULES.tee, answerKinds: 7, publicData: true, bondToken: ZERO_ADDRESS },
    ...{ zkEvidence: ZERO_ADDRESS, teeEvidence: ZERO_ADDRESS, quorumEvidence: ZERO_ADDRESS },
    ...{ challengeWindowSeconds: 3_600, attestedWindowSeconds: 0, proveWindowSeconds: 900 },
    ...{ claimBondWei: 10n, challengeBondWei: 5n, challengerBps: 4_000, requesterBps: 4_000 },
  },
]);

function ofFirstBatch(
  block: number,
  name: string,
  index: number,
  values: Record<string, string>,
): ChainEvent {
  const { batchId, claims } = BATCHES[0]?.built ?? assert.fail();
  const claimId = claims[index]?.claimId ?? assert.fail();
  return eventAt(block, 0, name, { batchId, claimId, index: String(index), ...values });
}

for (const database of TEST_DATABASES) {
  describe(`an index that is to be derived anew, on ${database.name}`, { skip: database.skip }, () => {
    after(() => database.stop());

    async function outdated(source?: LedgerSource): Promise<Ledger> {
      const ledger = await openLedger(source ?? (await database.fresh()));
      await follow(ledger, EVENTS);
      await storeData(ledger);
      await ledger.transaction(outdate);
      return ledger;
    }

    async function anew(events: readonly ChainEvent[], withData: boolean): Promise<object> {
      const ledger = await openLedger(await database.fresh());
      await follow(ledger, events);
      if (withData) await storeData(ledger);
      await startDuty(ledger, [REGISTERED], NOW).step();
      const tables = await derived(ledger);
      await ledger.close();
      return tables;
    }

    it("is so with the next start, whichever transaction of the step is the last and undone", async () => {
      const expected = await anew(EVENTS, true);
      const ledger = await outdated();
      const failed = await failingEach(
        ledger,
        (failing) => startDuty(failing, [REGISTERED], NOW).step(),
        async (at) => {
          assert.deepEqual(await committed(ledger), COMMITTED, at);
          await startDuty(ledger, [REGISTERED], NOW).step();
          assert.deepEqual(await derived(ledger), expected, at);
          await ledger.transaction(async (tx) => {
            await outdate(tx);
            await forgetRegistry(tx);
          });
        },
      );
      assert.ok(failed > 5, String(failed));
      await ledger.close();
    });

    it("is so whatever a replay over many transactions has left, of this version or of one before", async () => {
      const expected = await anew(EVENTS, true);
      const ledger = await outdated();
      await startDuty(ledger, [REGISTERED], NOW).step();
      for (const broken of [outdate, empty]) {
        const breakAgain = () =>
          ledger.transaction(async (tx) => {
            await broken(tx);
            await noteReplayDue(tx);
          });
        await breakAgain();
        const failed = await failingEach(
          ledger,
          (failing) => replayIfDue(failing, 2),
          async (at) => {
            await startDuty(ledger, [REGISTERED], NOW).step();
            assert.deepEqual(await derived(ledger), expected, at);
            await breakAgain();
          },
        );
        // The operators, three times two batches at most, and the end.
        assert.equal(failed, 5);
      }
      await ledger.close();
    });

    it("is so on the branch that a reorganisation leads to meanwhile", async () => {
      const ancestor = FIRST_BLOCK + 1;
      const again = commitOf(BATCHES[4]?.built ?? assert.fail(), LAST_BLOCK + 1, 0, WINDOW_SECONDS);
      const kept = EVENTS.filter(({ blockNumber }) => blockNumber <= ancestor);
      const ledger = await openLedger(await database.fresh());
      await follow(ledger, EVENTS);
      await ledger.transaction(outdate);
      await breakOff(ledger);
      await rollBack(ledger, ancestor);
      await follow(ledger, [again]);
      await startDuty(ledger, [REGISTERED], NOW).step();
      assert.deepEqual(await derived(ledger), await anew([...kept, again], false));
      await ledger.close();
    });

    it("is so in the ledger that is restored from a backup of that moment", async () => {
      const source = await database.fresh();
      const ledger = await outdated(source);
      await breakOff(ledger);
      const snapshot = await openSnapshot(source);
      const file = join(await freshFolder(), "ledger.backup");
      await backUp(snapshot, file);
      await snapshot.close();
      await ledger.close();
      const restored = await openLedger(await database.fresh());
      await restore(restored, file);
      await startDuty(restored, [REGISTERED], NOW).step();
      assert.deepEqual(await derived(restored), await anew(EVENTS, true));
      await restored.close();
    });

    it("is due no more when everything is to be read again", async () => {
      const ledger = await outdated();
      await breakOff(ledger);
      await forgetDerived(ledger);
      const nothing = { operators: [], batches: [], leaves: [], groups: [], due: [] };
      assert.deepEqual(await derived(ledger), nothing);
      await ledger.close();
    });

    for (const step of ["leaf-changes", "replay the index"]) {
      it(`is so after an upgrade whose first step is "${step}"`, async () => {
        const { version } = MIGRATIONS.find(({ name }) => name === step) ?? assert.fail();
        const source = await database.fresh();
        const written = await outdated();
        await writeOldLedger(source, version, await rowsBefore(version, written));
        await written.close();
        const ledger = await openLedger(source);
        await startDuty(ledger, [], NOW).step();
        const facts = await claimsFacts(ledger, NOW);
        const { items } = await indexApi(ledger, { seconds: NOW }).ask<{
          items: { claimId: Hex; status: string; finalAt: number | null }[];
        }>("/claims?limit=500");
        assert.deepEqual(
          items.map(({ claimId, status, finalAt }) => [claimId, status, finalAt]),
          facts.map(({ claimId, status, finalAt }) => [claimId, status, finalAt]),
        );
        const shown = BATCHES[0]?.built.claims[SHOWN_UNASKED]?.claimId;
        const { finalAt } = items.find(({ claimId }) => claimId === shown) ?? assert.fail();
        assert.equal(finalAt, timeOf(FIRST_BLOCK) + WINDOW_SECONDS);
        await ledger.close();
      });
    }

    it("is not due in a new ledger", async () => {
      const ledger = await openLedger(await database.fresh());
      assert.deepEqual(await due(ledger), []);
      await ledger.close();
    });
  });
}

async function storeData(ledger: Ledger): Promise<void> {
  const { built, block, log } = BATCHES[0] ?? assert.fail();
  await storeBatch(ledger, built, block, log);
}

/** As if derived without the policy's terms: a process that has read them once knows them in every ledger. */
async function outdate(tx: Writer): Promise<void> {
  await tx.updateTable("index_batches").set({ standing: "Proven" }).execute();
  await tx.updateTable("index_leaves").set({ standing: "Proven", final_at: OPEN_UNTIL }).execute();
}

/** As if the registry had not been found. */
async function forgetRegistry(tx: Writer): Promise<void> {
  await tx.deleteFrom("index_sources").execute();
  await tx.deleteFrom("events").where("name", "=", "PolicyRegistered").execute();
  await tx.updateTable("index_data").set({ grouped: 0 }).execute();
}

/** As replays began before batches stayed until their turn. */
async function empty(tx: Writer): Promise<void> {
  for (const table of ["index_batches", "index_leaves", "index_operators"] as const)
    await tx.deleteFrom(table).execute();
}

/** The policy is read and not yet followed; then a replay of two batches at a time stops after the first two. */
async function breakOff(ledger: Ledger): Promise<void> {
  await assert.rejects(startDuty(failingAt(ledger, 3), [REGISTERED], NOW).step(), TemporaryError);
  await assert.rejects(replayIfDue(failingAt(ledger, 3), 2), TemporaryError);
}

/** The ledger, of which the transaction with this number, from one, is undone at its end. */
function failingAt(ledger: Ledger, number: number): Ledger {
  let count = 0;
  return {
    ...{ kind: ledger.kind, migrated: ledger.migrated, selectFrom: ledger.selectFrom, runAll: undefined },
    close: () => ledger.close(),
    transaction: (work) => {
      count += 1;
      if (count !== number) return ledger.transaction(work);
      return ledger.transaction(async (tx) => {
        await work(tx);
        throw new TemporaryError("MT-LED-005", "there is no space left", "Free some space.");
      });
    },
  };
}

/** Runs until no transaction fails, each time with the next one failing. @returns how many there are */
async function failingEach(
  ledger: Ledger,
  run: (failing: Ledger) => Promise<void>,
  then: (at: string) => Promise<void>,
): Promise<number> {
  for (let number = 1; ; number++) {
    try {
      await run(failingAt(ledger, number));
      return number - 1;
    } catch (error) {
      if (!(error instanceof TemporaryError)) throw error;
    }
    await then(`transaction ${number}`);
  }
}

async function derived(ledger: Ledger): Promise<object> {
  const leaves = ledger.selectFrom("index_leaves").selectAll();
  const groups = ledger.selectFrom("index_groups").selectAll();
  return {
    operators: await ledger.selectFrom("index_operators").selectAll().orderBy("operator").execute(),
    batches: await ledger.selectFrom("index_batches").selectAll().orderBy("ordinal").execute(),
    leaves: await leaves.orderBy("ordinal").orderBy("leaf_index").execute(),
    groups: await groups.orderBy("ordinal").orderBy("place").execute(),
    due: await due(ledger),
  };
}

function due(ledger: Ledger): Promise<object[]> {
  return ledger.selectFrom("facts").selectAll().where("name", "=", "indexReplay").execute();
}

async function committed(ledger: Ledger): Promise<Hex[]> {
  const rows = await ledger.selectFrom("index_batches").select("batch_id").orderBy("ordinal").execute();
  return rows.map(({ batch_id }) => batch_id);
}

/** What a version without one of the last steps had written by then. */
async function rowsBefore(version: number, ledger: Ledger): Promise<string[]> {
  const changes = MIGRATIONS.find(({ name }) => name === "leaf-changes") ?? assert.fail();
  const knowsChanges = version > changes.version;
  const statements: string[] = [];
  for (const each of TABLES.filter(({ table }) => /^(blocks|events|chain_|index_(?!feed))/.test(table))) {
    for await (const rows of rowsOf(ledger, each)) {
      for (const { changed_at, ...row } of rows) {
        if (each.table === "chain_leaves" && knowsChanges) Object.assign(row, { changed_at });
        if (row.state === "revealed" && !knowsChanges) row.final_at = OPEN_UNTIL;
        const fields = Object.entries(row).filter(([, value]) => !(value instanceof Uint8Array));
        const names = fields.map(([name]) => name).join();
        const values = fields.map(([, value]) => (typeof value === "string" ? `'${value}'` : String(value)));
        statements.push(`INSERT INTO ${each.table} (${names}) VALUES (${values.join()})`);
      }
    }
  }
  return statements;
}
