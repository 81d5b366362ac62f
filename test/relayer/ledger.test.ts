// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { type Hex, keccak256Text, ZERO_HASH } from "@meantime/sdk/hex";
import { insertBatch } from "../../relayer/src/ledger/batches.ts";
import {
  advance,
  announcedEndpoint,
  announcementsOf,
  type ChainEvent,
  findChainBatch,
  findChainLeaf,
  lastCheckpoint,
  rollBack,
} from "../../relayer/src/ledger/chain-facts.ts";
import { claimIdentity } from "../../relayer/src/ledger/facts.ts";
import { type Ledger, type LedgerSource, openLedger } from "../../relayer/src/ledger/ledger.ts";
import { openOmissions } from "../../relayer/src/ledger/omissions.ts";
import {
  countReceipts,
  findReceipt,
  insertReceipt,
  receiptsOfBatch,
  type UnlockedCount,
  unlockedCounts,
  waitingGroups,
} from "../../relayer/src/ledger/receipts.ts";
import { insertFinding } from "../../relayer/src/watch/findings.ts";
import { TEST_DATABASES } from "./databases.ts";
import { storedReceipt } from "./receipts.ts";

const WRITER = fileURLToPath(new URL("ledger-writer.ts", import.meta.url));
const OPERATOR: Hex = `0x${"0a".repeat(20)}`;
const STRANGER: Hex = `0x${"0c".repeat(20)}`;

for (const database of TEST_DATABASES) {
  describe(`ledger on ${database.name}`, { skip: database.skip }, () => {
    after(() => database.stop());

    async function open(): Promise<Ledger> {
      return openLedger(await database.fresh());
    }

    it("R-57 keeps every acknowledged receipt when its process is killed in mid-write", async () => {
      for (let round = 0; round < 3; round++) {
        const source = await database.fresh();
        const acknowledged = await writeUntilKilled(source, 40 + 30 * round);
        const ledger = await openLedger(source);
        for (const claimId of acknowledged)
          assert.ok(await findReceipt(ledger, claimId), `${claimId} is lost`);
        // At most the one that was being written is there without having been acknowledged.
        assert.ok((await countReceipts(ledger)) - acknowledged.length <= 1);
        await ledger.close();
      }
    });

    it("belongs to one chain and operator for ever", async () => {
      const ledger = await open();
      const identity = { chainId: 1, genesisHash: "0xaa", settlement: "0xbb", operator: "0xcc" };
      await claimIdentity(ledger, identity);
      await claimIdentity(ledger, identity);
      await assert.rejects(claimIdentity(ledger, { ...identity, genesisHash: "0xdd" }), {
        code: "MT-LED-004",
      });
      await ledger.close();
    });

    it("gives one receipt per requester, request and model, whatever the caller does", async () => {
      const ledger = await open();
      const stored = storedReceipt(1);
      await insertReceipt(ledger, stored);
      const second = { ...stored, receipt: { ...stored.receipt, claimId: keccak256Text("another claim") } };
      assert.equal(await insertReceipt(ledger, second), "known");
      const third = storedReceipt(2);
      const twin = { ...third, receipt: { ...third.receipt, claimId: keccak256Text("its twin") } };
      const results = await Promise.all([insertReceipt(ledger, third), insertReceipt(ledger, twin)]);
      assert.deepEqual(results.toSorted(), ["known", "stored"], "within one group");
      assert.equal(await countReceipts(ledger), 2);
      assert.deepEqual((await findReceipt(ledger, stored.receipt.claimId))?.receipt, stored.receipt);
      await ledger.close();
    });

    it("R-57 puts all of a batch on disk, or nothing of it", async () => {
      const ledger = await open();
      const all = [storedReceipt(1), storedReceipt(2)];
      for (const stored of all) await insertReceipt(ledger, stored);
      const [header, batchId] = [headerOf(2), keccak256Text("batch")];
      const claimIds = all.map(({ receipt }) => receipt.claimId);
      await assert.rejects(
        ledger.transaction(async (tx) => {
          await insertBatch(tx, batchId, header, claimIds);
          throw new Error("crash");
        }),
        /crash/,
      );
      assert.equal((await receiptsOfBatch(ledger, batchId)).length, 0);
      await ledger.transaction((tx) => insertBatch(tx, batchId, header, claimIds.toReversed()));
      assert.deepEqual(
        (await receiptsOfBatch(ledger, batchId)).map(({ receipt }) => receipt.claimId),
        claimIds.toReversed(),
      );
      await ledger.close();
    });

    it("gives each claim of a large batch its place, however many share a statement", async () => {
      const ledger = await open();
      // In no group of 64, and in one statement of each size twice over.
      const all = Array.from({ length: 2 * (256 + 64 + 16 + 4 + 1) + 3 }, (_, seed) => storedReceipt(seed));
      await Promise.all(all.map((stored) => insertReceipt(ledger, stored)));
      const claimIds = all.map(({ receipt }) => receipt.claimId).toSorted();
      const batchId = keccak256Text("batch");
      await ledger.transaction((tx) => insertBatch(tx, batchId, headerOf(claimIds.length), claimIds));
      const leaves = await receiptsOfBatch(ledger, batchId);
      assert.deepEqual(
        leaves.map(({ receipt, index }) => [receipt.claimId, index]),
        claimIds.map((claimId, index) => [claimId, index]),
      );
      assert.deepEqual(await waitingGroups(ledger), []);
      await ledger.close();
    });

    it("stores what opens a claim as it is, in whatever order its members come", async () => {
      const ledger = await open();
      const [first, second] = [storedReceipt(1), storedReceipt(2)];
      const { input, salt, output } = second.opening;
      await insertReceipt(ledger, first);
      await insertReceipt(ledger, { ...second, opening: { output, salt, input } });
      for (const { receipt, opening } of [first, second]) {
        const found = await findReceipt(ledger, receipt.claimId);
        assert.equal(found?.opening.salt, opening.salt);
        assert.deepEqual([...(found?.opening.input ?? [])], [...opening.input]);
        assert.deepEqual([...(found?.opening.output ?? [])], [...opening.output]);
      }
      await ledger.close();
    });

    it("R-58 admits no more than is free, however many gateways store at once", async () => {
      const source = await database.fresh();
      const gateways = [await openLedger(source)];
      if ("url" in source) gateways.push(await openLedger(source), await openLedger(source));
      const free = 40;
      const admits = (unlocked: readonly UnlockedCount[]) =>
        unlocked.reduce((sum, { count }) => sum + count, 0) < free;
      const results = await Promise.all(
        Array.from({ length: 300 }, (_, seed) => {
          const gateway = gateways[seed % gateways.length];
          assert.ok(gateway);
          return insertReceipt(gateway, storedReceipt(seed), 0, admits);
        }),
      );
      assert.equal(results.filter((result) => result === "stored").length, free);
      assert.equal(results.filter((result) => result === "refused").length, 300 - free);
      const [ledger] = gateways;
      assert.ok(ledger);
      assert.equal(await countReceipts(ledger), free);
      const { policyId } = storedReceipt(0).receipt.claim;
      assert.deepEqual(await unlockedCounts(ledger, 0), [{ policyId, count: free }]);
      for (const gateway of gateways) await gateway.close();
    });

    it("counts a claim as promised until its commit is in a block that the view shows", async () => {
      const ledger = await open();
      const { claim, claimId } = storedReceipt(1).receipt;
      await insertReceipt(ledger, storedReceipt(1));
      const batchId = keccak256Text("batch");
      const promised = async (readUpTo: number) => (await unlockedCounts(ledger, readUpTo))[0]?.count;
      assert.equal(await promised(100), 1);
      await ledger.transaction((tx) => insertBatch(tx, batchId, headerOf(1), [claimId]));
      assert.equal(await promised(100), 1);
      assert.deepEqual(await waitingGroups(ledger), []);
      await advance(ledger, [committed(5, batchId)], { number: 5, hash: "0x05" });
      assert.equal(await promised(4), 1, "the accounts do not show it yet");
      assert.deepEqual(await unlockedCounts(ledger, 5), [{ policyId: claim.policyId, count: 0 }]);
      await rollBack(ledger, 4);
      assert.equal(await promised(5), 1);
      await ledger.close();
    });

    it("seals no claim twice, whoever tries", async () => {
      const source = await database.fresh();
      const sealers = [await openLedger(source)];
      if ("url" in source) sealers.push(await openLedger(source));
      const [ledger, other = ledger] = sealers;
      assert.ok(ledger && other);
      const all = [storedReceipt(1), storedReceipt(2)];
      for (const stored of all) await insertReceipt(ledger, stored);
      const claimIds = all.map(({ receipt }) => receipt.claimId);
      const seal = (by: Ledger, name: string) =>
        by.transaction((tx) => insertBatch(tx, keccak256Text(name), headerOf(2), claimIds));
      const outcomes = await Promise.allSettled([seal(ledger, "one"), seal(other, "two")]);
      assert.deepEqual(outcomes.map(({ status }) => status).toSorted(), ["fulfilled", "rejected"]);
      assert.equal((await ledger.selectFrom("batches").selectAll().execute()).length, 1);
      for (const sealer of sealers) await sealer.close();
    });

    it("R-57 undoes what a reorg took back and keeps the rest", async () => {
      const ledger = await open();
      const batchId = keccak256Text("batch");
      const claim = { batchId, claimId: keccak256Text("claim"), index: "0" };
      const leaf = () => findChainLeaf(ledger, batchId, 0);
      await advance(ledger, [committed(5, batchId)], { number: 5, hash: "0x05" });
      await advance(
        ledger,
        [event(6, "ClaimChallenged", { ...claim, challenger: STRANGER, proveBy: "900" })],
        {
          number: 6,
          hash: "0x06",
        },
      );
      await advance(ledger, [event(7, "EvidenceAccepted", { ...claim, beneficiary: OPERATOR, kind: "1" })], {
        number: 7,
        hash: "0x07",
      });
      assert.equal((await leaf())?.state, "answered");
      await rollBack(ledger, 6);
      assert.deepEqual(
        [(await leaf())?.state, (await leaf())?.opener, (await leaf())?.kinds],
        ["challenged", STRANGER, 0],
      );
      assert.equal((await lastCheckpoint(ledger))?.number, 6);
      await rollBack(ledger, 4);
      assert.equal(await findChainBatch(ledger, batchId), undefined);
      assert.equal(await leaf(), undefined);
      await ledger.close();
    });

    it("follows a leaf from demand to revelation, challenge and its end, and every deadline that moves", async () => {
      const ledger = await open();
      const batchId = keccak256Text("batch");
      const claimId = keccak256Text("claim");
      const place = { batchId, index: "0" };
      let block = 5;
      await advance(ledger, [committed(block, batchId)], { number: block, hash: "0x05" });
      const happen = async (name: string, values: Record<string, string>) => {
        block += 1;
        await advance(ledger, [event(block, name, { ...place, ...values })], {
          number: block,
          hash: `0x0${block}`,
        });
        const leaf = await findChainLeaf(ledger, batchId, 0);
        assert.ok(leaf);
        return leaf;
      };
      const demanded = await happen("RevealDemanded", { demander: STRANGER, revealBy: "900" });
      assert.deepEqual(
        [demanded.state, demanded.claim_id, demanded.opener, demanded.deadline, demanded.disputed_at],
        ["demanded", null, STRANGER, 900, 600],
      );
      assert.equal((await happen("DeadlineLengthened", { deadline: "950" })).deadline, 950);
      const revealed = await happen("ClaimRevealed", { claimId, finalAt: "5000" });
      assert.deepEqual([revealed.state, revealed.claim_id, revealed.final_at], ["revealed", claimId, 5_000]);
      const attested = await happen("EvidenceAccepted", { claimId, kind: "2", beneficiary: OPERATOR });
      assert.deepEqual([attested.state, attested.kinds], ["revealed", 2], "an enclave leaves it open");
      const reopened = await happen("ClaimReopened", { claimId, kind: "2", finalAt: "6000" });
      assert.deepEqual(
        [reopened.state, reopened.kinds, reopened.evidence_at, reopened.final_at],
        ["revealed", 0, null, 6_000],
      );
      assert.equal(
        (await happen("ClaimChallenged", { claimId, challenger: OPERATOR, proveBy: "990" })).opener,
        OPERATOR,
      );
      const voided = await happen("ClaimVoided", { claimId, challenger: OPERATOR });
      assert.deepEqual([voided.state, voided.ended_at], ["voided", 1_200]);

      const batch = () => findChainBatch(ledger, batchId);
      await happen("BatchAttested", { finalAt: "1300", source: "1" });
      assert.deepEqual([(await batch())?.attested_at, (await batch())?.final_at], [1_300, 1_300]);
      await happen("BatchReopened", { finalAt: "4000" });
      assert.deepEqual(
        [(await batch())?.attested_at, (await batch())?.attested_tx, (await batch())?.final_at],
        [null, null, 4_000],
      );
      await happen("ChallengeWindowLengthened", { finalAt: "4500" });
      assert.equal((await batch())?.final_at, 4_500);
      await rollBack(ledger, 6);
      assert.deepEqual(await findChainLeaf(ledger, batchId, 0), demanded);
      assert.deepEqual([(await batch())?.attested_at, (await batch())?.final_at], [null, 4_000]);
      await ledger.close();
    });

    it("lets a claim that was shown unasked go on as its batch does", async () => {
      const ledger = await open();
      const batchId = keccak256Text("batch");
      await advance(ledger, [committed(5, batchId)], { number: 5, hash: "0x05" });
      const shown = { batchId, claimId: keccak256Text("claim"), index: "0", finalAt: "4000" };
      await advance(ledger, [event(6, "ClaimRevealed", shown)], { number: 6, hash: "0x06" });
      const leaf = await findChainLeaf(ledger, batchId, 0);
      assert.deepEqual([leaf?.state, leaf?.final_at, leaf?.changed_at], ["revealed", null, 600]);
      await ledger.close();
    });

    it("reopens a claim whose evidence counts no more, unless another kind has answered for it", async () => {
      const ledger = await open();
      const batchId = keccak256Text("batch");
      const claimId = keccak256Text("claim");
      const policyId: Hex = `0x${"ab".repeat(31)}03`;
      const batch = committed(5, batchId);
      await advance(ledger, [{ ...batch, arguments: { ...batch.arguments, policyId } }], {
        number: 5,
        hash: "0x05",
      });
      const happen = async (block: number, name: string, values: Record<string, string>) => {
        const happened = event(block, name, { batchId, claimId, index: "0", ...values });
        await advance(ledger, [happened], { number: block, hash: `0x0${block}` });
        const leaf = await findChainLeaf(ledger, batchId, 0);
        return [leaf?.state, leaf?.kinds, leaf?.evidence_at];
      };
      await happen(6, "ClaimChallenged", { challenger: STRANGER, proveBy: "900" });
      await happen(7, "EvidenceAccepted", { kind: "1", source: "0", beneficiary: OPERATOR });
      const both = await happen(8, "EvidenceAccepted", { kind: "2", source: "1", beneficiary: OPERATOR });
      assert.deepEqual(both, ["answered", 3, 800]);
      assert.deepEqual(await happen(9, "ClaimReopened", { kind: "1", finalAt: "5000" }), [
        "answered",
        2,
        800,
      ]);
      assert.deepEqual(await happen(10, "ClaimReopened", { kind: "2", finalAt: "6000" }), [
        "revealed",
        0,
        null,
      ]);
      await ledger.close();
    });

    it("knows a leaf that was rejected unseen, by its demander or by a proof", async () => {
      const ledger = await open();
      const batchId = keccak256Text("batch");
      const claimId = keccak256Text("claim");
      const rejected = { batchId, operator: OPERATOR };
      await advance(
        ledger,
        [
          event(5, "ClaimRejected", { ...rejected, index: "3", claimId: ZERO_HASH }),
          { ...event(5, "ClaimRejected", { ...rejected, index: "4", claimId }), logIndex: 99 },
        ],
        { number: 5, hash: "0x05" },
      );
      const leaves = await Promise.all([3, 4].map((index) => findChainLeaf(ledger, batchId, index)));
      assert.deepEqual(
        leaves.map((leaf) => [leaf?.state, leaf?.claim_id, leaf?.ended_at]),
        [
          ["rejected", null, 500],
          ["rejected", claimId, 500],
        ],
      );
      await ledger.close();
    });

    it("keeps the same wrong claim once for every leaf it stands at: each has a bond of its own", async () => {
      const ledger = await open();
      const { claim, claimId } = storedReceipt(1).receipt;
      const [batchA, batchB] = [keccak256Text("batch a"), keccak256Text("batch b")];
      const places: [Hex, number][] = [
        [batchA, 0],
        [batchA, 1],
        [batchB, 0],
        [batchB, 0],
      ];
      for (const [batchId, index] of places) {
        await ledger.transaction((tx) =>
          insertFinding(tx, { batchId, index, claimId, claim, proof: [], reason: "wrong" }),
        );
      }
      assert.equal((await ledger.selectFrom("findings").selectAll().execute()).length, 3);
      await ledger.close();
    });

    it("lists a report of omission until its outcome is known, and again when a reorg takes that back", async () => {
      const ledger = await open();
      const [claimId, other] = [keccak256Text("claim"), keccak256Text("other")];
      const report = (block: number, id: Hex, operator: Hex) =>
        event(block, "OmissionReported", {
          ...{ claimId: id, operator, reporter: STRANGER, includeBy: "300", answerBy: "900" },
        });
      await advance(ledger, [report(5, claimId, OPERATOR)], { number: 5, hash: "0x05" });
      await advance(ledger, [report(6, other, STRANGER)], { number: 6, hash: "0x06" });
      const reported = [{ claimId, includeBy: 300, answerBy: 900 }];
      assert.deepEqual(await openOmissions(ledger, OPERATOR), reported);
      const refuted = { claimId, batchId: keccak256Text("batch"), index: "0" };
      await advance(ledger, [event(7, "OmissionRefuted", refuted)], { number: 7, hash: "0x07" });
      assert.deepEqual(await openOmissions(ledger, OPERATOR), []);
      await rollBack(ledger, 6);
      assert.deepEqual(await openOmissions(ledger, OPERATOR), reported);
      await ledger.close();
    });

    it("believes the endpoint that an operator announced last, and no other operator's", async () => {
      const ledger = await open();
      const announce = (block: number, operator: Hex, endpoint: string) =>
        event(block, "EndpointAnnounced", { operator, endpoint });
      await advance(ledger, [announce(1, STRANGER, "http://stranger")], { number: 1, hash: "0x01" });
      assert.equal(await announcedEndpoint(ledger, OPERATOR), undefined);
      await advance(ledger, [announce(2, OPERATOR, "http://old")], { number: 2, hash: "0x02" });
      await advance(ledger, [announce(3, OPERATOR, "http://new")], { number: 3, hash: "0x03" });
      assert.equal(await announcedEndpoint(ledger, OPERATOR), "http://new");
      assert.deepEqual(await announcementsOf(ledger, OPERATOR), { count: 2, latest: "http://new" });
      await rollBack(ledger, 2);
      assert.equal(await announcedEndpoint(ledger, OPERATOR), "http://old");
      await ledger.close();
    });
  });
}

async function writeUntilKilled(source: LedgerSource, receipts: number): Promise<Hex[]> {
  const child = spawn(process.execPath, [WRITER, "url" in source ? source.url : source.file], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  let output = "";
  let alive = true;
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
    if (!alive || output.split("\n").length <= receipts) return;
    alive = false;
    child.kill("SIGKILL");
  });
  await once(child, "close");
  assert.equal(child.signalCode, "SIGKILL");
  // What follows the last line feed was cut off by the kill: nobody heard it.
  return output.split("\n").slice(0, -1) as Hex[];
}

function headerOf(count: number) {
  const { policyId, modelId } = storedReceipt(0).receipt.claim;
  const word = keccak256Text("any");
  return {
    ...{ operator: OPERATOR, policyId, modelId, root: word, dataRoot: word },
    ...{ count, oldestServedAt: 1n, nonce: 2n ** 64n - 1n },
  };
}

function event(blockNumber: number, name: string, values: Record<string, string>): ChainEvent {
  const hash: Hex = `0x${blockNumber.toString(16).padStart(2, "0")}`;
  const timestamp = blockNumber * 100;
  return {
    blockNumber,
    logIndex: name.length,
    blockHash: hash,
    txHash: hash,
    timestamp,
    name,
    arguments: values,
  };
}

function committed(blockNumber: number, batchId: Hex): ChainEvent {
  const word = keccak256Text("any");
  return event(blockNumber, "BatchCommitted", {
    ...{ batchId, operator: OPERATOR, policyId: word, modelId: word, root: word, dataRoot: word },
    ...{ count: "1", oldestServedAt: "1", nonce: "7", finalAt: "4000" },
  });
}
