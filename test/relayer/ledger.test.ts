// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { type Hex, keccak256Text } from "@meantime/sdk/hex";
import { insertBatch } from "../../relayer/src/ledger/batches.ts";
import {
  advance,
  announcedEndpoint,
  type ChainEvent,
  countAnnouncements,
  findChainBatch,
  findChainClaim,
  lastCheckpoint,
  rollBack,
} from "../../relayer/src/ledger/chain-facts.ts";
import { type ClaimStatus, deriveStatus, type StatusFacts } from "../../relayer/src/ledger/claim-status.ts";
import { claimIdentity } from "../../relayer/src/ledger/facts.ts";
import { openLedger } from "../../relayer/src/ledger/ledger.ts";
import {
  countReceipts,
  findReceipt,
  insertReceipt,
  receiptsOfBatch,
} from "../../relayer/src/ledger/receipts.ts";
import { freshFolder } from "./local-relayer.ts";
import { storedReceipt } from "./receipts.ts";

const WRITER = fileURLToPath(new URL("ledger-writer.ts", import.meta.url));
const OPERATOR: Hex = `0x${"0a".repeat(20)}`;
const STRANGER: Hex = `0x${"0c".repeat(20)}`;

async function freshFile(): Promise<string> {
  return join(await freshFolder(), "ledger.sqlite");
}

describe("ledger", () => {
  it("keeps every acknowledged receipt when its process is killed in mid-write", async () => {
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

  it("puts all of a batch on disk, or nothing of it", async () => {
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

  it("undoes what a reorg took back and keeps the rest", async () => {
    const ledger = openLedger(await freshFile());
    const batchId = keccak256Text("batch");
    const claim = { batchId, claimId: keccak256Text("claim"), index: "0" };
    advance(ledger, [committed(5, batchId)], { number: 5, hash: "0x05" });
    advance(ledger, [event(6, "ClaimChallenged", { ...claim, challenger: STRANGER, proveBy: "900" })], {
      number: 6,
      hash: "0x06",
    });
    advance(ledger, [event(7, "EvidenceAccepted", { ...claim, beneficiary: OPERATOR, kind: "1" })], {
      number: 7,
      hash: "0x07",
    });
    assert.equal(findChainClaim(ledger, claim.claimId, batchId)?.state, "touched");
    rollBack(ledger, 6);
    assert.equal(findChainClaim(ledger, claim.claimId, batchId)?.state, "challenged");
    assert.equal(findChainClaim(ledger, claim.claimId, batchId)?.kinds, 0);
    assert.equal(lastCheckpoint(ledger)?.number, 6);
    rollBack(ledger, 4);
    assert.equal(findChainBatch(ledger, batchId), undefined);
    assert.equal(findChainClaim(ledger, claim.claimId, batchId), undefined);
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
    ...{ state: null, kinds: null, challenged_at: null, evidence_at: null },
  };
  const proven = { ...untouched, state: "touched" as const, kinds: 1, evidence_at: 300 };
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
      { ...untouched, state: "challenged", challenged_at: 900 },
      WINDOW,
      1_500,
      "Challenged",
      null,
    ],
    [
      "answered after its window",
      { ...proven, challenged_at: 990, evidence_at: 1_200 },
      WINDOW,
      1_300,
      "Final",
      1_200,
    ],
    ["rejected", { ...untouched, state: "rejected", challenged_at: 900 }, WINDOW, 2_000, "Rejected", null],
  ];
  for (const [what, facts, rule, now, status, finalAt] of cases) {
    it(`is ${status} when ${what}`, () => {
      assert.deepEqual(deriveStatus(facts, rule, now), { status, finalAt });
    });
  }
});

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
