// SPDX-License-Identifier: GPL-3.0-or-later

import type { Address, Hex } from "@meantime/sdk/hex";
import type { HeaderColumns } from "./batches.ts";
import type { Ledger } from "./ledger.ts";

/** One event of Settlement. Every argument is text: bigints in decimal, hex in lower case. */
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

/** A claim that was challenged or got evidence of its own. Times are unix seconds. */
export interface ChainClaim {
  claim_id: Hex;
  batch_id: Hex;
  leaf_index: number;
  state: "touched" | "challenged" | "rejected";
  challenger: Address | null;
  challenged_at: number | null;
  challenged_tx: Hex | null;
  prove_by: number | null;
  kinds: number;
  evidence_at: number | null;
  evidence_tx: Hex | null;
  rejected_at: number | null;
  rejected_tx: Hex | null;
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
      ledger.run("DELETE FROM chain_claims WHERE batch_id = ?", batch_id);
      ledger.run("DELETE FROM chain_batches WHERE batch_id = ?", batch_id);
      for (const event of eventsOfBatch(ledger, batch_id)) apply(ledger, event);
    }
  });
}

/** A committed batch. */
export function findChainBatch(ledger: Ledger, batchId: Hex): ChainBatch | undefined {
  return ledger.get<ChainBatch>("SELECT * FROM chain_batches WHERE batch_id = ?", batchId);
}

/** What the chain holds of one claim in one batch; undefined for an untouched one. */
export function findChainClaim(ledger: Ledger, claimId: Hex, batchId: Hex): ChainClaim | undefined {
  return ledger.get<ChainClaim>(
    "SELECT * FROM chain_claims WHERE claim_id = ? AND batch_id = ?",
    claimId,
    batchId,
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
    case "BatchReleased":
      ledger.run(
        "UPDATE chain_batches SET released_tx = ? WHERE batch_id = ?",
        event.txHash,
        argument("batchId"),
      );
      return;
    case "ClaimChallenged":
      touch(ledger, argument);
      ledger.run(
        `UPDATE chain_claims SET state = 'challenged', challenger = ?, challenged_at = ?, challenged_tx = ?, prove_by = ?
         WHERE claim_id = ? AND batch_id = ? AND leaf_index = ?`,
        argument("challenger"),
        event.timestamp,
        event.txHash,
        Number(argument("proveBy")),
        ...claimKey(argument),
      );
      return;
    case "EvidenceAccepted":
      touch(ledger, argument);
      ledger.run(
        `UPDATE chain_claims SET state = 'touched', kinds = kinds | ?, evidence_at = ?, evidence_tx = ?
         WHERE claim_id = ? AND batch_id = ? AND leaf_index = ?`,
        Number(argument("kind")),
        event.timestamp,
        event.txHash,
        ...claimKey(argument),
      );
      return;
    case "ClaimRejected":
      ledger.run(
        `UPDATE chain_claims SET state = 'rejected', rejected_at = ?, rejected_tx = ?
         WHERE claim_id = ? AND batch_id = ? AND leaf_index = ?`,
        event.timestamp,
        event.txHash,
        ...claimKey(argument),
      );
      return;
    default:
      return;
  }
}

function touch(ledger: Ledger, argument: (name: string) => string): void {
  ledger.run(
    `INSERT INTO chain_claims (claim_id, batch_id, leaf_index, state) VALUES (?, ?, ?, 'touched')
     ON CONFLICT DO NOTHING`,
    ...claimKey(argument),
  );
}

function claimKey(argument: (name: string) => string): [string, string, number] {
  return [argument("claimId"), argument("batchId"), Number(argument("index"))];
}
