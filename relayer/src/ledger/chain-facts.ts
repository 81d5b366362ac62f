// SPDX-License-Identifier: GPL-3.0-or-later

import { type Address, type Hex, ZERO_HASH } from "@meantime/sdk/hex";
import { EVIDENCE_KINDS, sharedKinds } from "@meantime/sdk/policy";
import type { HeaderColumns } from "./batches.ts";
import type { Ledger } from "./ledger.ts";

/** One event of Settlement or Receipts. Every argument is text: bigints in decimal, hex in lower case. */
export interface ChainEvent {
  blockNumber: number;
  logIndex: number;
  blockHash: Hex;
  txHash: Hex;
  /** The block's, in unix seconds. */
  timestamp: number;
  name: string;
  arguments: Record<string, string>;
}

/** A committed batch, of any operator, as its events tell it. Times are unix seconds. */
export interface ChainBatch extends HeaderColumns {
  batch_id: Hex;
  operator: Address;
  committed_at: number;
  committed_tx: Hex;
  final_at: number;
  attested_at: number | null;
  attested_tx: Hex | null;
  released_tx: Hex | null;
}

/** What has happened to a leaf; see `LeafState` in `contracts/types/Leaf.sol`. */
export type LeafState = "quiet" | "challenged" | "answered" | "rejected" | "voided" | "demanded" | "revealed";

/** A leaf of a batch to which something happened. Times are unix seconds. */
export interface ChainLeaf {
  batch_id: Hex;
  leaf_index: number;
  claim_id: Hex | null;
  state: LeafState;
  kinds: number;
  opener: Address | null;
  disputed_at: number | null;
  disputed_tx: Hex | null;
  deadline: number | null;
  evidence_at: number | null;
  evidence_tx: Hex | null;
  final_at: number | null;
  ended_at: number | null;
  ended_tx: Hex | null;
}

/** How many checkpoints are kept to find the common ancestor after a reorg. */
const CHECKPOINTS_KEPT = 256;

/** The last block that was read, if any. */
export function lastCheckpoint(ledger: Ledger): { number: number; hash: Hex } | undefined {
  return ledger.get("SELECT number, hash FROM blocks ORDER BY number DESC LIMIT 1");
}

/** The newest checkpoint before `blockNumber`. */
export function checkpointBefore(
  ledger: Ledger,
  blockNumber: number,
): { number: number; hash: Hex } | undefined {
  return ledger.get(
    "SELECT number, hash FROM blocks WHERE number < ? ORDER BY number DESC LIMIT 1",
    blockNumber,
  );
}

/** Stores the events up to a block, and what follows from them, together with the new cursor. */
export function advance(
  ledger: Ledger,
  events: readonly ChainEvent[],
  to: { number: number; hash: Hex },
): void {
  ledger.transaction(() => {
    for (const event of events) {
      ledger.run(
        `INSERT INTO events (block_number, log_index, block_hash, tx_hash, timestamp, name, batch_id, arguments)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
        event.blockNumber,
        event.logIndex,
        event.blockHash,
        event.txHash,
        event.timestamp,
        event.name,
        event.arguments.batchId ?? null,
        JSON.stringify(event.arguments),
      );
      apply(ledger, event);
    }
    ledger.run("INSERT INTO blocks (number, hash) VALUES (?, ?) ON CONFLICT DO NOTHING", to.number, to.hash);
    ledger.run(
      "DELETE FROM blocks WHERE number <= (SELECT number FROM blocks ORDER BY number DESC LIMIT 1 OFFSET ?)",
      CHECKPOINTS_KEPT,
    );
  });
}

/** Forgets everything after a block: what it led to is rebuilt from the events that stay. */
export function rollBack(ledger: Ledger, toBlock: number): void {
  ledger.transaction(() => {
    const touched = ledger.all<{ batch_id: Hex }>(
      "SELECT DISTINCT batch_id FROM events WHERE block_number > ? AND batch_id IS NOT NULL",
      toBlock,
    );
    ledger.run("DELETE FROM events WHERE block_number > ?", toBlock);
    ledger.run("DELETE FROM blocks WHERE number > ?", toBlock);
    for (const { batch_id } of touched) {
      ledger.run("DELETE FROM chain_leaves WHERE batch_id = ?", batch_id);
      ledger.run("DELETE FROM chain_batches WHERE batch_id = ?", batch_id);
      for (const event of eventsOfBatch(ledger, batch_id)) apply(ledger, event);
    }
  });
}

/** A committed batch. */
export function findChainBatch(ledger: Ledger, batchId: Hex): ChainBatch | undefined {
  return ledger.get<ChainBatch>("SELECT * FROM chain_batches WHERE batch_id = ?", batchId);
}

/** What the chain holds of one leaf; undefined for one that nothing happened to. */
export function findChainLeaf(ledger: Ledger, batchId: Hex, index: number): ChainLeaf | undefined {
  return ledger.get<ChainLeaf>(
    "SELECT * FROM chain_leaves WHERE batch_id = ? AND leaf_index = ?",
    batchId,
    index,
  );
}

/** The endpoint announced last for an operator. Only itself and its senders can announce. */
export function announcedEndpoint(ledger: Ledger, operator: Address): string | undefined {
  return ledger.get<{ endpoint: string }>(
    `SELECT arguments ->> 'endpoint' AS endpoint FROM events
     WHERE name = 'EndpointAnnounced' AND arguments ->> 'operator' = ?
     ORDER BY block_number DESC, log_index DESC LIMIT 1`,
    operator,
  )?.endpoint;
}

/** How many endpoints were announced for an operator: tells a new announcement from an earlier one of the same. */
export function countAnnouncements(ledger: Ledger, operator: Address): number {
  return (
    ledger.get<{ count: number }>(
      `SELECT COUNT(*) AS count FROM events
       WHERE name = 'EndpointAnnounced' AND arguments ->> 'operator' = ?`,
      operator,
    )?.count ?? 0
  );
}

function eventsOfBatch(ledger: Ledger, batchId: Hex): ChainEvent[] {
  return ledger
    .all<Omit<ChainEvent, "arguments"> & { json: string }>(
      `SELECT block_number AS blockNumber, log_index AS logIndex, block_hash AS blockHash, tx_hash AS txHash, timestamp,
         name, arguments AS json
       FROM events WHERE batch_id = ? ORDER BY block_number, log_index`,
      batchId,
    )
    .map(({ json, ...event }) => ({ ...event, arguments: JSON.parse(json) as Record<string, string> }));
}

function apply(ledger: Ledger, event: ChainEvent): void {
  const argument = (name: string): string => {
    const value = event.arguments[name];
    if (value === undefined) throw new TypeError(`event ${event.name} has no argument ${name}`);
    return value;
  };
  switch (event.name) {
    case "BatchCommitted":
      ledger.run(
        `INSERT INTO chain_batches (batch_id, operator, policy_id, model_id, root, data_root, count, oldest_served_at,
           nonce, committed_at, committed_tx, final_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        argument("batchId"),
        argument("operator"),
        argument("policyId"),
        argument("modelId"),
        argument("root"),
        argument("dataRoot"),
        Number(argument("count")),
        Number(argument("oldestServedAt")),
        argument("nonce"),
        event.timestamp,
        event.txHash,
        Number(argument("finalAt")),
      );
      return;
    case "BatchAttested":
      ledger.run(
        "UPDATE chain_batches SET attested_at = ?, attested_tx = ?, final_at = ? WHERE batch_id = ?",
        event.timestamp,
        event.txHash,
        Number(argument("finalAt")),
        argument("batchId"),
      );
      return;
    case "BatchReopened":
      ledger.run(
        "UPDATE chain_batches SET attested_at = NULL, attested_tx = NULL, final_at = ? WHERE batch_id = ?",
        Number(argument("finalAt")),
        argument("batchId"),
      );
      return;
    case "ChallengeWindowLengthened":
      ledger.run(
        "UPDATE chain_batches SET final_at = ? WHERE batch_id = ?",
        Number(argument("finalAt")),
        argument("batchId"),
      );
      return;
    case "BatchReleased":
      ledger.run(
        "UPDATE chain_batches SET released_tx = ? WHERE batch_id = ?",
        event.txHash,
        argument("batchId"),
      );
      return;
    case "ClaimChallenged":
      openDispute(ledger, event, "challenged", argument("challenger"), Number(argument("proveBy")));
      return;
    case "RevealDemanded":
      openDispute(ledger, event, "demanded", argument("demander"), Number(argument("revealBy")));
      return;
    case "DeadlineLengthened":
      ledger.run(
        "UPDATE chain_leaves SET deadline = ? WHERE batch_id = ? AND leaf_index = ?",
        Number(argument("deadline")),
        ...leafKey(event),
      );
      return;
    case "EvidenceAccepted":
      touch(ledger, event);
      // An enclave's word leaves a claim that was revealed open to challenges; a proof ends that.
      ledger.run(
        `UPDATE chain_leaves SET kinds = kinds | ?1, evidence_at = ?2, evidence_tx = ?3,
           state = CASE WHEN state IN ('challenged', 'answered') THEN 'answered'
                        WHEN state = 'revealed' AND ?1 <> ?4 THEN 'revealed' ELSE 'quiet' END
         WHERE batch_id = ?5 AND leaf_index = ?6`,
        Number(argument("kind")),
        event.timestamp,
        event.txHash,
        EVIDENCE_KINDS.zk,
        ...leafKey(event),
      );
      return;
    case "ClaimRevealed":
      touch(ledger, event);
      ledger.run(
        "UPDATE chain_leaves SET state = 'revealed', final_at = ? WHERE batch_id = ? AND leaf_index = ?",
        Number(argument("finalAt")),
        ...leafKey(event),
      );
      return;
    case "ClaimReopened":
      touch(ledger, event);
      // What another kind has answered stays answered. The last byte of a policy's id is what answers under it.
      ledger.run(
        `UPDATE chain_leaves SET kinds = kinds & ~?1, final_at = ?2,
           state = CASE WHEN state = 'answered' AND kinds & ~?1 & ?3 THEN state ELSE 'revealed' END,
           evidence_at = CASE WHEN kinds & ~?1 THEN evidence_at END,
           evidence_tx = CASE WHEN kinds & ~?1 THEN evidence_tx END
         WHERE batch_id = ?4 AND leaf_index = ?5`,
        Number(argument("kind")),
        Number(argument("finalAt")),
        answerKindsOf(ledger, argument("batchId")),
        ...leafKey(event),
      );
      return;
    case "ClaimRejected":
      end(ledger, event, "rejected");
      return;
    case "ClaimVoided":
      end(ledger, event, "voided");
      return;
    default:
      return;
  }
}

function openDispute(
  ledger: Ledger,
  event: ChainEvent,
  state: "challenged" | "demanded",
  opener: string,
  deadline: number,
): void {
  touch(ledger, event);
  ledger.run(
    `UPDATE chain_leaves SET state = ?, opener = ?, disputed_at = ?, disputed_tx = ?, deadline = ?
     WHERE batch_id = ? AND leaf_index = ?`,
    state,
    opener,
    event.timestamp,
    event.txHash,
    deadline,
    ...leafKey(event),
  );
}

function end(ledger: Ledger, event: ChainEvent, state: "rejected" | "voided"): void {
  touch(ledger, event);
  ledger.run(
    "UPDATE chain_leaves SET state = ?, ended_at = ?, ended_tx = ? WHERE batch_id = ? AND leaf_index = ?",
    state,
    event.timestamp,
    event.txHash,
    ...leafKey(event),
  );
}

function touch(ledger: Ledger, event: ChainEvent): void {
  const { claimId } = event.arguments;
  ledger.run(
    `INSERT INTO chain_leaves (batch_id, leaf_index, claim_id, state) VALUES (?, ?, ?, 'quiet')
     ON CONFLICT (batch_id, leaf_index) DO UPDATE SET claim_id = COALESCE(excluded.claim_id, claim_id)`,
    ...leafKey(event),
    claimId === undefined || claimId === ZERO_HASH ? null : claimId,
  );
}

function answerKindsOf(ledger: Ledger, batchId: string): number {
  const batch = ledger.get<{ policy_id: Hex }>(
    "SELECT policy_id FROM chain_batches WHERE batch_id = ?",
    batchId,
  );
  return batch ? sharedKinds(batch.policy_id, batch.policy_id) : 0;
}

function leafKey({ name, arguments: values }: ChainEvent): [string, number] {
  const { batchId, index } = values;
  if (batchId === undefined || index === undefined) throw new TypeError(`event ${name} names no leaf`);
  return [batchId, Number(index)];
}
