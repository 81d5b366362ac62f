// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
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
import { checksumOf, MIGRATIONS } from "../../relayer/src/ledger/migrations.ts";
import { duePayments, holdPayment, notePayment, paymentCounts } from "../../relayer/src/ledger/payments.ts";
import { forgetDerived } from "../../relayer/src/ledger/rebuild.ts";
import { insertReceipt, type StoredReceipt, waitingGroups } from "../../relayer/src/ledger/receipts.ts";
import type { PaymentState, Writer } from "../../relayer/src/ledger/schema.ts";
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

    it("know every table but those that are of the running program", async () => {
      const ledger = await openLedger(await database.fresh());
      const { rows } = await ledger.transaction((tx) =>
        sql.raw<{ name: string }>(TABLE_NAMES[ledger.kind]).execute(tx),
      );
      await ledger.close();
      // The steps are those of whoever restores; leases are of processes.
      const known = [...TABLES.map(({ table }) => table), "schema_migrations", "leases"];
      assert.deepEqual(rows.map(({ name }) => name).sort(), known.sort());
    });

    it("carry payments in every state: what is under way is asked for again, what was spent stays spent", async () => {
      const source = await database.fresh();
      const ledger = await filled(source);
      for (const [at, state] of PAYMENT_STATES.entries()) {
        assert.deepEqual(await holdPayment(ledger, paymentOf(at), 1_000 + at, 9), { held: true });
        if (state === "held") continue;
        const outcome = { transactionHash: `0x${at}`, reason: `why ${at}`, nextTryAtMilliseconds: at };
        await notePayment(ledger, paymentOf(at).id, { state, ...outcome }, 2_000 + at);
      }
      const sidecar = {
        dedupe_key: "commit:1",
        bytes: Uint8Array.from({ length: 300 }, (_, at) => at % 256),
      };
      await ledger.transaction((tx) => tx.insertInto("sidecars").values(sidecar).execute());
      const before = await ledger.selectFrom("payments").selectAll().orderBy("id").execute();
      await ledger.close();
      const file = join(await freshFolder(), "backup");
      await backUpOf(source, file);
      for (const target of TEST_DATABASES) {
        if (target.skip) continue;
        const restored = await openLedger(await target.fresh());
        await restore(restored, file);
        const after = await restored.selectFrom("payments").selectAll().orderBy("id").execute();
        assert.deepEqual(
          after.map((row) => ({ ...row })),
          before.map((row) => ({ ...row })),
        );
        assert.deepEqual(await paymentCounts(restored), {
          ...{ held: 1, pending: 1, settled: 1, failed: 1, released: 1 },
        });
        const due = await duePayments(restored, "pending", 3_000, 60_000, 9);
        assert.deepEqual(
          due.map(({ id }) => id),
          [paymentOf(PAYMENT_STATES.indexOf("pending")).id],
        );
        const spent = { ...paymentOf(PAYMENT_STATES.indexOf("settled")), requestDigest: "0xff" as Hex };
        const again = await holdPayment(restored, spent, 3_000, 9);
        assert.deepEqual([again.held, !again.held && again.payment?.state], [false, "settled"]);
        const [carried] = await restored.selectFrom("sidecars").selectAll().execute();
        assert.deepEqual([...(carried?.bytes ?? [])], [...sidecar.bytes]);
        await restored.close();
      }
    });

    it("of every earlier schema are brought up to date, and count on from there", async () => {
      const source = await database.fresh();
      await (await filled(source)).close();
      const file = join(await freshFolder(), "backup");
      await backUpOf(source, file);
      const text = await readFile(file, "utf8");
      const content = await contentOf(source);
      for (const { version } of MIGRATIONS.slice(0, -1)) {
        await writeFile(file, asOfSchema(text, version));
        const copy = await database.fresh();
        const restored = await openLedger(copy);
        await restore(restored, file);
        const kept = await contentOf(copy);
        for (const table of ["batches", "receipts", "exposure", "intents", "blocks"])
          assert.deepEqual(kept[table], content[table], `${table}, from schema ${version}`);
        assert.deepEqual((await verify(copy)).problems, []);
        assert.equal(await insertReceipt(restored, genuine(9_999)), "stored");
        assert.equal(await restored.transaction((tx) => enqueue(tx, anIntent("second"))), true);
        await restored.close();
        await (await openLedger(copy)).close();
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
        asOfSchema(text, 1).replace('"answer":"', '"answer":"x'),
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
        "another time to commit by",
        /its nearest commitBy is not that of its receipts/,
        (tx) => tx.updateTable("batches").set({ nearest_commit_by: 1_999 }).execute(),
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
      await ledger.transaction(async (tx) => {
        await tx.updateTable("exposure").set({ waiting: 1 }).execute();
        await tx.updateTable("batches").set({ nearest_commit_by: 1_999 }).execute();
      });
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

const TABLE_NAMES = {
  sqlite: "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
  postgres: "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = current_schema()",
};

/** A backup as the program wrote it that knew the first steps of the schema only. */
function asOfSchema(text: string, version: number): string {
  const [header = "", ...lines] = text.trimEnd().split("\n");
  const { format } = JSON.parse(header) as { format: string };
  const schema = MIGRATIONS.filter((step) => step.version <= version).map(checksumOf);
  const later = MIGRATIONS.filter((step) => step.version > version).map(({ text }) => text);
  const isLater = (statement: string) => later.some((text) => text.includes(statement));
  const hadTwoLanes = isLater("RENAME COLUMN lane");
  const rows = lines.slice(0, -1).flatMap((line) => {
    const [table, row] = JSON.parse(line) as [string, Record<string, unknown>];
    if (isLater(`CREATE TABLE ${table} (`)) return [];
    for (const column of Object.keys(row)) {
      if (isLater(`ALTER TABLE ${table} ADD COLUMN ${column} `)) delete row[column];
    }
    if (table === "intents" && hadTwoLanes) row.lane = "operator";
    return [JSON.stringify([table, row])];
  });
  const all = [JSON.stringify({ format, schema }), ...rows].map((line) => `${line}\n`).join("");
  const sha256 = createHash("sha256").update(all).digest("hex");
  return `${all}${JSON.stringify({ rows: rows.length, sha256 })}\n`;
}

const PAYMENT_STATES: readonly PaymentState[] = ["held", "pending", "settled", "failed", "released"];

function paymentOf(seed: number) {
  const id: Hex = `0x0${seed}`;
  const requestDigest: Hex = `0xd${seed}`;
  return {
    ...{ id, identifier: seed === 0 ? null : `number ${seed}`, payer: OPERATOR, network: "eip155:8453" },
    ...{ asset: DOMAIN.settlement, amount: String(2n ** 70n), requestDigest, settlement: '{"payload":"…"}' },
  };
}

async function contentOf(source: LedgerSource): Promise<Record<string, unknown[]>> {
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
