// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { type Hex, keccak256Text, ZERO_HASH } from "@meantime/sdk/hex";
import { insertBatch } from "../../relayer/src/ledger/batches.ts";
import {
  advance,
  announcedEndpoint,
  type ChainEvent,
  countAnnouncements,
  findChainBatch,
  findChainLeaf,
  lastCheckpoint,
  rollBack,
} from "../../relayer/src/ledger/chain-facts.ts";
import { type ClaimStatus, deriveStatus, type StatusFacts } from "../../relayer/src/ledger/claim-status.ts";
import { claimIdentity } from "../../relayer/src/ledger/facts.ts";
import { openLedger } from "../../relayer/src/ledger/ledger.ts";
import { openOmissions } from "../../relayer/src/ledger/omissions.ts";
import {
  countReceipts,
  findReceipt,
  insertReceipt,
  receiptsOfBatch,
} from "../../relayer/src/ledger/receipts.ts";
import { insertFinding } from "../../relayer/src/watch/findings.ts";
import { freshFolder } from "./local-relayer.ts";
import { storedReceipt } from "./receipts.ts";

const WRITER = fileURLToPath(new URL("ledger-writer.ts", import.meta.url));
const OPERATOR: Hex = `0x${"0a".repeat(20)}`;
const STRANGER: Hex = `0x${"0c".repeat(20)}`;

async function freshFile(): Promise<string> {
  return join(await freshFolder(), "ledger.sqlite");
}

describe("ledger", () => {
  it("R-57 keeps every acknowledged receipt when its process is killed in mid-write", async () => {
    const file = await freshFile();
    for (let round = 0; round < 3; round++) {
      const acknowledged = await writeUntilKilled(`${file}.${round}`, 40 + 30 * round);
      const ledger = openLedger(`${file}.${round}`);
      for (const claimId of acknowledged) assert.ok(findReceipt(ledger, claimId), `${claimId} is lost`);
      // At most the one that was being written is there without having been acknowledged.
      assert.ok(countReceipts(ledger) - acknowledged.length <= 1);
      ledger.close();
    }
  });

  it("refuses a second process, and lets it in once the first was killed", async () => {
    const file = await freshFile();
    const child = spawn(process.execPath, [WRITER, file], { stdio: ["ignore", "pipe", "ignore"] });
    await once(child.stdout, "data");
    assert.throws(() => openLedger(file), { code: "MT-LED-001" });
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
    openLedger(file).close();
  });

  it("refuses a second opening in the same process until the first is closed", async () => {
    const file = await freshFile();
    const ledger = openLedger(file);
    assert.throws(() => openLedger(file), { code: "MT-LED-001" });
    ledger.close();
    openLedger(file).close();
  });

  it("writes through to the disk at every commit", async () => {
    const ledger = openLedger(await freshFile());
    assert.deepEqual({ ...ledger.get<object>("PRAGMA synchronous") }, { synchronous: 2 });
    assert.deepEqual({ ...ledger.get<object>("PRAGMA journal_mode") }, { journal_mode: "wal" });
    ledger.close();
  });

  it("refuses a file of a newer program, and a file that is no ledger", async () => {
    const file = await freshFile();
    const newer = new DatabaseSync(file);
    newer.exec("PRAGMA user_version = 99");
    newer.close();
    assert.throws(() => openLedger(file), { code: "MT-LED-002" });
    const foreign = await freshFile();
    await writeFile(foreign, "this is a letter, not a database ".repeat(100));
    assert.throws(() => openLedger(foreign), { code: "MT-LED-003" });
  });

  it("belongs to one chain and operator for ever", async () => {
    const ledger = openLedger(await freshFile());
    const identity = { chainId: 1, genesisHash: "0xaa", settlement: "0xbb", operator: "0xcc" };
    claimIdentity(ledger, identity);
    claimIdentity(ledger, identity);
    assert.throws(() => claimIdentity(ledger, { ...identity, genesisHash: "0xdd" }), { code: "MT-LED-004" });
    ledger.close();
  });

  it("gives one receipt per requester, request and model, whatever the caller does", async () => {
    const ledger = openLedger(await freshFile());
    const stored = storedReceipt(1);
    insertReceipt(ledger, stored);
    const second = { ...stored, receipt: { ...stored.receipt, claimId: keccak256Text("another claim") } };
    assert.throws(() => insertReceipt(ledger, second), /UNIQUE/);
    assert.equal(countReceipts(ledger), 1);
    assert.deepEqual(findReceipt(ledger, stored.receipt.claimId)?.receipt, stored.receipt);
    ledger.close();
  });

  it("R-57 puts all of a batch on disk, or nothing of it", async () => {
    const ledger = openLedger(await freshFile());
    const all = [storedReceipt(1), storedReceipt(2)];
    for (const stored of all) insertReceipt(ledger, stored);
    const [header, batchId] = [headerOf(2), keccak256Text("batch")];
    const claimIds = all.map(({ receipt }) => receipt.claimId);
    assert.throws(() =>
      ledger.transaction(() => {
        insertBatch(ledger, batchId, header, claimIds);
        throw new Error("crash");
      }),
    );
    assert.equal(receiptsOfBatch(ledger, batchId).length, 0);
    ledger.transaction(() => insertBatch(ledger, batchId, header, claimIds.toReversed()));
    assert.deepEqual(
      receiptsOfBatch(ledger, batchId).map(({ receipt }) => receipt.claimId),
      claimIds.toReversed(),
    );
    ledger.close();
  });

  it("R-57 undoes what a reorg took back and keeps the rest", async () => {
    const ledger = openLedger(await freshFile());
    const batchId = keccak256Text("batch");
    const claim = { batchId, claimId: keccak256Text("claim"), index: "0" };
    const leaf = () => findChainLeaf(ledger, batchId, 0);
    advance(ledger, [committed(5, batchId)], { number: 5, hash: "0x05" });
    advance(ledger, [event(6, "ClaimChallenged", { ...claim, challenger: STRANGER, proveBy: "900" })], {
      number: 6,
      hash: "0x06",
    });
    advance(ledger, [event(7, "EvidenceAccepted", { ...claim, beneficiary: OPERATOR, kind: "1" })], {
      number: 7,
      hash: "0x07",
    });
    assert.equal(leaf()?.state, "answered");
    rollBack(ledger, 6);
    assert.deepEqual([leaf()?.state, leaf()?.opener, leaf()?.kinds], ["challenged", STRANGER, 0]);
    assert.equal(lastCheckpoint(ledger)?.number, 6);
    rollBack(ledger, 4);
    assert.equal(findChainBatch(ledger, batchId), undefined);
    assert.equal(leaf(), undefined);
    ledger.close();
  });

  it("follows a leaf from demand to revelation, challenge and its end, and every deadline that moves", async () => {
    const ledger = openLedger(await freshFile());
    const batchId = keccak256Text("batch");
    const claimId = keccak256Text("claim");
    const place = { batchId, index: "0" };
    let block = 5;
    advance(ledger, [committed(block, batchId)], { number: block, hash: "0x05" });
    const happen = (name: string, values: Record<string, string>) => {
      block += 1;
      advance(ledger, [event(block, name, { ...place, ...values })], { number: block, hash: `0x0${block}` });
      const leaf = findChainLeaf(ledger, batchId, 0);
      assert.ok(leaf);
      return leaf;
    };
    const demanded = happen("RevealDemanded", { demander: STRANGER, revealBy: "900" });
    assert.deepEqual(
      [demanded.state, demanded.claim_id, demanded.opener, demanded.deadline, demanded.disputed_at],
      ["demanded", null, STRANGER, 900, 600],
    );
    assert.equal(happen("DeadlineLengthened", { deadline: "950" }).deadline, 950);
    const revealed = happen("ClaimRevealed", { claimId, finalAt: "5000" });
    assert.deepEqual([revealed.state, revealed.claim_id, revealed.final_at], ["revealed", claimId, 5_000]);
    const attested = happen("EvidenceAccepted", { claimId, kind: "2", beneficiary: OPERATOR });
    assert.deepEqual([attested.state, attested.kinds], ["revealed", 2], "an enclave leaves it open");
    const reopened = happen("ClaimReopened", { claimId, kind: "2", finalAt: "6000" });
    assert.deepEqual(
      [reopened.state, reopened.kinds, reopened.evidence_at, reopened.final_at],
      ["revealed", 0, null, 6_000],
    );
    assert.equal(
      happen("ClaimChallenged", { claimId, challenger: OPERATOR, proveBy: "990" }).opener,
      OPERATOR,
    );
    const voided = happen("ClaimVoided", { claimId, challenger: OPERATOR });
    assert.deepEqual([voided.state, voided.ended_at], ["voided", 1_200]);

    const batch = () => findChainBatch(ledger, batchId);
    happen("BatchAttested", { finalAt: "1300", source: "1" });
    assert.deepEqual([batch()?.attested_at, batch()?.final_at], [1_300, 1_300]);
    happen("BatchReopened", { finalAt: "4000" });
    assert.deepEqual([batch()?.attested_at, batch()?.attested_tx, batch()?.final_at], [null, null, 4_000]);
    happen("ChallengeWindowLengthened", { finalAt: "4500" });
    assert.equal(batch()?.final_at, 4_500);
    rollBack(ledger, 6);
    assert.deepEqual(findChainLeaf(ledger, batchId, 0), demanded);
    assert.deepEqual([batch()?.attested_at, batch()?.final_at], [null, 4_000]);
    ledger.close();
  });

  it("reopens a claim whose evidence counts no more, unless another kind has answered for it", async () => {
    const ledger = openLedger(await freshFile());
    const batchId = keccak256Text("batch");
    const claimId = keccak256Text("claim");
    const policyId: Hex = `0x${"ab".repeat(31)}03`;
    const batch = committed(5, batchId);
    advance(ledger, [{ ...batch, arguments: { ...batch.arguments, policyId } }], {
      number: 5,
      hash: "0x05",
    });
    const happen = (block: number, name: string, values: Record<string, string>) => {
      const happened = event(block, name, { batchId, claimId, index: "0", ...values });
      advance(ledger, [happened], { number: block, hash: `0x0${block}` });
      const leaf = findChainLeaf(ledger, batchId, 0);
      return [leaf?.state, leaf?.kinds, leaf?.evidence_at];
    };
    happen(6, "ClaimChallenged", { challenger: STRANGER, proveBy: "900" });
    happen(7, "EvidenceAccepted", { kind: "1", source: "0", beneficiary: OPERATOR });
    const both = happen(8, "EvidenceAccepted", { kind: "2", source: "1", beneficiary: OPERATOR });
    assert.deepEqual(both, ["answered", 3, 800]);
    assert.deepEqual(happen(9, "ClaimReopened", { kind: "1", finalAt: "5000" }), ["answered", 2, 800]);
    assert.deepEqual(happen(10, "ClaimReopened", { kind: "2", finalAt: "6000" }), ["revealed", 0, null]);
    ledger.close();
  });

  it("knows a leaf that was rejected unseen, by its demander or by a proof", async () => {
    const ledger = openLedger(await freshFile());
    const batchId = keccak256Text("batch");
    const claimId = keccak256Text("claim");
    const rejected = { batchId, operator: OPERATOR };
    advance(
      ledger,
      [
        event(5, "ClaimRejected", { ...rejected, index: "3", claimId: ZERO_HASH }),
        { ...event(5, "ClaimRejected", { ...rejected, index: "4", claimId }), logIndex: 99 },
      ],
      { number: 5, hash: "0x05" },
    );
    const leaves = [3, 4].map((index) => findChainLeaf(ledger, batchId, index));
    assert.deepEqual(
      leaves.map((leaf) => [leaf?.state, leaf?.claim_id, leaf?.ended_at]),
      [
        ["rejected", null, 500],
        ["rejected", claimId, 500],
      ],
    );
    ledger.close();
  });

  it("keeps the same wrong claim once for every leaf it stands at: each has a bond of its own", async () => {
    const ledger = openLedger(await freshFile());
    const { claim, claimId } = storedReceipt(1).receipt;
    const [batchA, batchB] = [keccak256Text("batch a"), keccak256Text("batch b")];
    const places: [Hex, number][] = [
      [batchA, 0],
      [batchA, 1],
      [batchB, 0],
      [batchB, 0],
    ];
    for (const [batchId, index] of places) {
      insertFinding(ledger, { batchId, index, claimId, claim, proof: [], reason: "wrong" });
    }
    assert.equal(ledger.all("SELECT 1 FROM findings").length, 3);
    ledger.close();
  });

  it("lists a report of omission until its outcome is known, and again when a reorg takes that back", async () => {
    const ledger = openLedger(await freshFile());
    const [claimId, other] = [keccak256Text("claim"), keccak256Text("other")];
    const report = (block: number, id: Hex, operator: Hex) =>
      event(block, "OmissionReported", {
        ...{ claimId: id, operator, reporter: STRANGER, includeBy: "300", answerBy: "900" },
      });
    advance(ledger, [report(5, claimId, OPERATOR)], { number: 5, hash: "0x05" });
    advance(ledger, [report(6, other, STRANGER)], { number: 6, hash: "0x06" });
    const open = [{ claimId, includeBy: 300, answerBy: 900 }];
    assert.deepEqual(plain(openOmissions(ledger, OPERATOR)), open);
    const refuted = { claimId, batchId: keccak256Text("batch"), index: "0" };
    advance(ledger, [event(7, "OmissionRefuted", refuted)], { number: 7, hash: "0x07" });
    assert.deepEqual(openOmissions(ledger, OPERATOR), []);
    rollBack(ledger, 6);
    assert.deepEqual(plain(openOmissions(ledger, OPERATOR)), open);
    ledger.close();
  });

  it("believes the endpoint that an operator announced last, and no other operator's", async () => {
    const ledger = openLedger(await freshFile());
    const announce = (block: number, operator: Hex, endpoint: string) =>
      event(block, "EndpointAnnounced", { operator, endpoint });
    advance(ledger, [announce(1, STRANGER, "http://stranger")], { number: 1, hash: "0x01" });
    assert.equal(announcedEndpoint(ledger, OPERATOR), undefined);
    advance(ledger, [announce(2, OPERATOR, "http://old")], { number: 2, hash: "0x02" });
    advance(ledger, [announce(3, OPERATOR, "http://new")], { number: 3, hash: "0x03" });
    assert.equal(announcedEndpoint(ledger, OPERATOR), "http://new");
    assert.equal(countAnnouncements(ledger, OPERATOR), 2);
    rollBack(ledger, 2);
    assert.equal(announcedEndpoint(ledger, OPERATOR), "http://old");
    ledger.close();
  });
});

describe("status of a claim", () => {
  const [WINDOW, TEE, TEE_THEN_WINDOW, ZK, TEE_AND_ZK, TEE_OR_ZK] = [0, 1, 2, 3, 4, 5];
  const untouched: StatusFacts = {
    ...{ committed_at: 100, final_at: 1_000, attested_at: null },
    ...{ state: null, kinds: null, disputed_at: null, evidence_at: null, leaf_final_at: null },
  };
  const revealed = { ...untouched, state: "revealed" as const, disputed_at: 900, leaf_final_at: 1_800 };
  const proven = { ...untouched, state: "quiet" as const, kinds: 1, evidence_at: 300 };
  const attested = { ...untouched, attested_at: 200 };
  const both = { ...proven, attested_at: 200 };
  const cases: [string, StatusFacts, number, number, ClaimStatus, number | null][] = [
    ["not on chain", { ...untouched, committed_at: null, final_at: null }, WINDOW, 150, "Served", null],
    ["in its window", untouched, WINDOW, 999, "Committed", 1_000],
    ["at the end of its window", untouched, WINDOW, 1_000, "Final", 1_000],
    ["attested under window", attested, WINDOW, 500, "Attested", 1_000],
    ["attested under tee", attested, TEE, 500, "Final", 200],
    ["attested under tee then window", attested, TEE_THEN_WINDOW, 500, "Attested", 1_000],
    ["attested under zk", attested, ZK, 500, "Attested", 1_000],
    ["proven under window", proven, WINDOW, 500, "Proven", 1_000],
    ["proven under zk", proven, ZK, 500, "Final", 300],
    ["proven only, under both", proven, TEE_AND_ZK, 500, "Proven", 1_000],
    ["proven and attested, under both", both, TEE_AND_ZK, 500, "Final", 300],
    ["proven, under either", proven, TEE_OR_ZK, 500, "Final", 300],
    ["attested before it was proven, under either", both, TEE_OR_ZK, 500, "Final", 200],
    [
      "challenged after its window",
      { ...untouched, state: "challenged", disputed_at: 900 },
      WINDOW,
      1_500,
      "Challenged",
      null,
    ],
    [
      "answered after its window",
      { ...proven, state: "answered", disputed_at: 990, evidence_at: 1_200 },
      WINDOW,
      1_300,
      "Final",
      1_200,
    ],
    ["rejected", { ...untouched, state: "rejected", disputed_at: 900 }, WINDOW, 2_000, "Rejected", null],
    ["voided", { ...untouched, state: "voided", disputed_at: 900 }, WINDOW, 2_000, "Voided", null],
    ["demanded", { ...untouched, state: "demanded", disputed_at: 900 }, WINDOW, 2_000, "Challenged", null],
    ["revealed, after its batch's window", revealed, WINDOW, 1_799, "Committed", 1_800],
    ["revealed, at the end of its own window", revealed, WINDOW, 1_800, "Final", 1_800],
    ["revealed early", { ...revealed, leaf_final_at: 950 }, WINDOW, 999, "Committed", 1_000],
    ["vouched for by re-executors", { ...proven, kinds: 4 }, WINDOW, 500, "Attested", 1_000],
  ];
  for (const [what, facts, rule, now, status, finalAt] of cases) {
    it(`is ${status} when ${what}`, () => {
      assert.deepEqual(deriveStatus(facts, rule, now), { status, finalAt });
    });
  }
});

/** Rows of the database have no prototype. */
function plain<Row extends object>(rows: Row[]): Row[] {
  return rows.map((row) => ({ ...row }));
}

async function writeUntilKilled(file: string, receipts: number): Promise<Hex[]> {
  const child = spawn(process.execPath, [WRITER, file], { stdio: ["ignore", "pipe", "ignore"] });
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
  const word = keccak256Text("any");
  return {
    ...{ operator: OPERATOR, policyId: word, modelId: word, root: word, dataRoot: word },
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
