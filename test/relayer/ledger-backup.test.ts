// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { type BatchHeader, batchId } from "@meantime/sdk/batch";
import type { Hex } from "@meantime/sdk/hex";
import { signReceipt } from "@meantime/sdk/receipt";
import { addressOf } from "@meantime/sdk/signature";
import { sql } from "kysely";
import { backUp, restore } from "../../relayer/src/ledger/backup.ts";
import { insertBatch } from "../../relayer/src/ledger/batches.ts";
import { advance, findChainBatch } from "../../relayer/src/ledger/chain-facts.ts";
import { claimIdentity } from "../../relayer/src/ledger/facts.ts";
import { type Ledger, type LedgerSource, openLedger } from "../../relayer/src/ledger/ledger.ts";
import { forgetDerived } from "../../relayer/src/ledger/rebuild.ts";
import { insertReceipt, type StoredReceipt, waitingGroups } from "../../relayer/src/ledger/receipts.ts";
import type { Writer } from "../../relayer/src/ledger/schema.ts";
import { openSnapshot, rowsOf, TABLES } from "../../relayer/src/ledger/snapshot.ts";
import { treeOfClaims, treeOfOpenings } from "../../relayer/src/ledger/trees.ts";
import { type Verification, verifyLedger } from "../../relayer/src/ledger/verify.ts";
import { enqueue } from "../../relayer/src/tx/intents.ts";
import { TEST_DATABASES } from "./databases.ts";
import { freshFolder } from "./local-relayer.ts";
import { storedReceipt } from "./receipts.ts";

const KEY: Hex = `0x${"11".repeat(32)}`;
const OPERATOR: Hex = `0x${"0a".repeat(20)}`;
const DOMAIN = { chainId: 31_337n, settlement: `0x${"5e".repeat(20)}` as Hex };
const BATCHED = 20;
/** More than one query reads. */
const MANY = 520;
const WAITING = 3;

for (const database of TEST_DATABASES) {
  describe(`backups on ${database.name}`, { skip: database.skip }, () => {
    after(() => Promise.all(TEST_DATABASES.map((each) => each.stop())));

    it("carry everything, byte for byte, into either database, which counts on from there", async () => {
      const source = await database.fresh();
      const ledger = await filled(source, MANY);
      const file = join(await freshFolder(), "backup");
      // While the ledger is open, as beside a relayer.
      const summary = await backUpOf(source, file);
      await ledger.close();
      for (const target of TEST_DATABASES) {
        if (target.skip) continue;
        const copy = await target.fresh();
        const restored = await openLedger(copy);
        assert.deepEqual(await restore(restored, file), summary);
        await assert.rejects(restore(restored, file), { code: "MT-LED-010" });
        assert.deepEqual(await contentOf(copy), await contentOf(source));
        assert.equal(await insertReceipt(restored, genuine(9_999)), "stored");
        assert.equal(await restored.transaction((tx) => enqueue(tx, anIntent("second"))), true);
        await restored.close();
        assert.deepEqual((await verify(copy)).problems, []);
      }
    });

    it("that were cut off or changed restore nothing", async () => {
      const source = await database.fresh();
      await (await filled(source)).close();
      const file = join(await freshFolder(), "backup");
      await backUpOf(source, file);
      const text = await readFile(file, "utf8");
      const spoilt = [
        text.slice(0, text.length / 2),
        text.slice(0, text.lastIndexOf("\n", text.length - 2) + 1),
        text.replace('"answer":"', '"answer":"x'),
        `{"format":"meantime-ledger-1","schema":["other"]}\n${text.slice(text.indexOf("\n") + 1)}`,
        "a letter\n",
        "",
      ];
      const ledger = await openLedger(await database.fresh());
      for (const content of spoilt) {
        await writeFile(file, content);
        await assert.rejects(restore(ledger, file), { code: "MT-LED-011" });
      }
      await writeFile(file, text);
      await restore(ledger, file);
      await ledger.close();
    });

    const lies: [string, RegExp, (tx: Writer) => Promise<unknown>][] = [
      [
        "another signature",
        /signature is none/,
        (tx) => tx.updateTable("receipts").set({ signature: "0x" }).where("leaf_index", "=", 5).execute(),
      ],
      [
        "another claim",
        /its id is not that of its claim/,
        (tx) =>
          sql`UPDATE receipts SET claim = (SELECT claim FROM receipts WHERE leaf_index = 6) WHERE leaf_index = 5`.execute(
            tx,
          ),
      ],
      [
        "another answer",
        /data root is not that of its openings/,
        (tx) =>
          tx
            .updateTable("receipts")
            .set({ output: Uint8Array.of(7) })
            .where("leaf_index", "=", 5)
            .execute(),
      ],
      [
        "a receipt that is gone",
        /it has 19 receipts in its leaves, not 20/,
        (tx) => tx.deleteFrom("receipts").where("leaf_index", "=", 5).execute(),
      ],
      [
        "another root",
        /its root is not that/,
        (tx) => tx.updateTable("batches").set({ root: "0x00" }).execute(),
      ],
      [
        "a commit that no event tells of",
        /whether it is committed/,
        (tx) => tx.deleteFrom("chain_batches").execute(),
      ],
      [
        "a wrong count of what waits",
        /not as many as are counted/,
        (tx) => tx.updateTable("exposure").set({ waiting: 1 }).execute(),
      ],
    ];
    for (const [what, message, lie] of lies) {
      it(`are worth making only of what verifies: ${what} is found`, async () => {
        const source = await database.fresh();
        const ledger = await filled(source);
        await ledger.transaction(async (tx) => void (await lie(tx)));
        await ledger.close();
        const { problems } = await verify(source);
        assert.ok(
          problems.some((problem) => message.test(problem.message)),
          JSON.stringify(problems),
        );
      });
    }

    it("can be made of a ledger that verifies, and is rebuilt from receipts and events", async () => {
      const source = await database.fresh();
      const ledger = await filled(source);
      const found = await verify(source);
      assert.deepEqual(found, {
        receipts: BATCHED + WAITING,
        batches: 1,
        signers: [addressOf(KEY)],
        signed: new Map([[addressOf(KEY), { first: 1_000, last: 1_000 + BATCHED + WAITING - 1 }]]),
        problems: [],
      });
      await ledger.transaction(
        async (tx) => void (await tx.updateTable("exposure").set({ waiting: 1 }).execute()),
      );
      const { batch_id } = await ledger.selectFrom("batches").select("batch_id").executeTakeFirstOrThrow();
      await forgetDerived(ledger);
      assert.equal(await findChainBatch(ledger, batch_id), undefined);
      assert.equal((await waitingGroups(ledger))[0]?.count, WAITING);
      await commitOnChain(ledger, batch_id);
      assert.deepEqual((await verify(source)).problems, []);
      await ledger.close();
    });
  });
}

async function backUpOf(source: LedgerSource, file: string) {
  const snapshot = await openSnapshot(source);
  try {
    return await backUp(snapshot, file);
  } finally {
    await snapshot.close();
  }
}

async function verify(source: LedgerSource): Promise<Verification> {
  const snapshot = await openSnapshot(source);
  try {
    return await verifyLedger(snapshot);
  } finally {
    await snapshot.close();
  }
}

async function contentOf(source: LedgerSource): Promise<object> {
  const snapshot = await openSnapshot(source);
  const content: Record<string, unknown[]> = {};
  for (const each of TABLES) {
    content[each.table] = [];
    for await (const rows of rowsOf(snapshot, each))
      content[each.table]?.push(...rows.map((row) => ({ ...row })));
  }
  await snapshot.close();
  return content;
}

/** A ledger with one committed batch, receipts that wait, and a transaction. */
async function filled(source: LedgerSource, count = BATCHED): Promise<Ledger> {
  const ledger = await openLedger(source);
  const identity = {
    chainId: 31_337,
    genesisHash: "0xaa",
    settlement: DOMAIN.settlement,
    operator: OPERATOR,
  };
  await claimIdentity(ledger, identity);
  const stored = Array.from({ length: count + WAITING }, (_, seed) => genuine(seed));
  await Promise.all(stored.map((each) => insertReceipt(ledger, each)));
  const batched = stored.slice(0, count);
  const claimIds = batched.map(({ receipt }) => receipt.claimId);
  const { policyId, modelId } = genuine(0).receipt.claim;
  const header: BatchHeader = {
    ...{ operator: OPERATOR, policyId, modelId },
    ...{ root: (await treeOfClaims(claimIds)).root, dataRoot: (await treeOfOpenings(batched)).root },
    ...{ count, oldestServedAt: 1_000n, nonce: 2n ** 64n - 1n },
  };
  const id = batchId(DOMAIN, header);
  await ledger.transaction(async (tx) => {
    await insertBatch(tx, id, header, claimIds);
    await enqueue(tx, anIntent("first"));
  });
  await commitOnChain(ledger, id);
  return ledger;
}

async function commitOnChain(ledger: Ledger, id: Hex): Promise<void> {
  const batch = await ledger
    .selectFrom("batches")
    .selectAll()
    .where("batch_id", "=", id)
    .executeTakeFirstOrThrow();
  const committed = {
    ...{ blockNumber: 5, logIndex: 0, blockHash: "0x05" as Hex, txHash: "0x06" as Hex, timestamp: 2_000 },
    name: "BatchCommitted",
    arguments: {
      ...{ batchId: id, operator: OPERATOR, policyId: batch.policy_id, modelId: batch.model_id },
      ...{ root: batch.root, dataRoot: batch.data_root, count: String(batch.count), nonce: batch.nonce },
      ...{ oldestServedAt: String(batch.oldest_served_at), finalAt: "5000" },
    },
  };
  await advance(ledger, [committed], { number: 5, hash: "0x05" });
}

const signed = new Map<number, StoredReceipt>();

function genuine(seed: number): StoredReceipt {
  const known = signed.get(seed);
  if (known) return known;
  // Texts of JSON may have what other formats take for ends of lines.
  const stored = { ...storedReceipt(seed), answer: `{"label":${seed},"text":"one\u2028two\u2029three"}` };
  const receipt = signReceipt(KEY, stored.receipt.claim, DOMAIN);
  signed.set(seed, { ...stored, receipt });
  return { ...stored, receipt };
}

function anIntent(dedupeKey: string) {
  return {
    ...{ dedupeKey, kind: "commit" as const, subject: {} },
    ...{ to: OPERATOR, data: "0x" as Hex, valueWei: 10n ** 30n },
  };
}
