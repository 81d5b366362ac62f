// SPDX-License-Identifier: GPL-3.0-or-later

import { type Address, type Hex, ZERO_HASH } from "@meantime/sdk/hex";
import { EVIDENCE_KINDS, sharedKinds } from "@meantime/sdk/policy";
import { deriveBatch, deriveFromEvents, forgetIndexAfter } from "../indexer/derive.ts";
import { pushFeed } from "../indexer/feed.ts";
import type { Ledger } from "./ledger.ts";
import type { ChainBatchesTable, ChainLeavesTable, Database, Reader, Row, Writer } from "./schema.ts";

/** One event of the protocol's contracts. Every argument is text: bigints in decimal, hex in lower case. */
export interface ChainEvent {
  blockNumber: number;
  logIndex: number;
  blockHash: Hex;
  txHash: Hex;
  /** The block's, in unix seconds. */
  timestamp: number;
  name: string;
  arguments: Record<string, string>;
  /** Who emitted it. */
  contract?: Address;
}

/** A block up to which events were read. */
export interface Checkpoint {
  number: number;
  hash: Hex;
}

/** A committed batch, of any operator, as its events tell it. Times are unix seconds. */
export type ChainBatch = Row<"chain_batches">;

/** A leaf of a batch to which something happened. Times are unix seconds. */
export type ChainLeaf = Row<"chain_leaves">;

/** How many checkpoints are kept to find the common ancestor after a reorg. */
const CHECKPOINTS_KEPT = 256;
const EVENTS_PER_STATEMENT = 64;

/** The last block that was read, if any. */
export function lastCheckpoint(db: Reader): Promise<Checkpoint | undefined> {
  return db.selectFrom("blocks").selectAll().orderBy("number", "desc").limit(1).executeTakeFirst();
}

/** The newest checkpoint before `blockNumber`. */
export function checkpointBefore(db: Reader, blockNumber: number): Promise<Checkpoint | undefined> {
  return db
    .selectFrom("blocks")
    .selectAll()
    .where("number", "<", blockNumber)
    .orderBy("number", "desc")
    .limit(1)
    .executeTakeFirst();
}

/**
 * Stores the events up to a block, and what follows from them, together with the new cursor.
 *
 * @param sources further contracts whose events up to the block are among them
 */
export async function advance(
  ledger: Ledger,
  events: readonly ChainEvent[],
  to: Checkpoint,
  sources: readonly Address[] = [],
): Promise<void> {
  await ledger.transaction(async (tx) => {
    await insertEvents(tx, events);
    for (const event of events) await apply(tx, event);
    await deriveFromEvents(tx, events);
    if (sources.length > 0) {
      await tx
        .updateTable("index_sources")
        .set({ read_up_to: to.number })
        .where("address", "in", sources)
        .execute();
    }
    await tx
      .insertInto("blocks")
      .values(to)
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    const oldest = await tx
      .selectFrom("blocks")
      .select("number")
      .orderBy("number", "desc")
      .offset(CHECKPOINTS_KEPT)
      .limit(1)
      .executeTakeFirst();
    if (oldest) await tx.deleteFrom("blocks").where("number", "<=", oldest.number).execute();
  });
}

/** Stores events and does not yet follow them. */
export async function insertEvents(tx: Writer, events: readonly ChainEvent[]): Promise<void> {
  for (let from = 0; from < events.length; from += EVENTS_PER_STATEMENT) {
    const rows = events.slice(from, from + EVENTS_PER_STATEMENT).map(eventRow);
    await tx.insertInto("events").values(rows).execute();
  }
}

function eventRow(event: ChainEvent): Database["events"] {
  const { batchId, index, claimId, operator } = event.arguments;
  return {
    block_number: event.blockNumber,
    log_index: event.logIndex,
    block_hash: event.blockHash,
    tx_hash: event.txHash,
    timestamp: event.timestamp,
    name: event.name,
    batch_id: batchId ?? null,
    leaf_index: index === undefined ? null : Number(index),
    claim_id: claimId ?? null,
    operator: operator ?? null,
    arguments: JSON.stringify(event.arguments),
    contract: event.contract ?? null,
    subject: subjectOf(event),
  };
}

/** What an event is about that names neither a batch nor a claim: the first of these arguments that it has. */
const SUBJECTS = ["requestId", "keyId", "measurement", "policyId", "modelId", "operationId", "signer"];

function subjectOf({ arguments: values }: ChainEvent): string | null {
  if (values.batchId !== undefined || values.claimId !== undefined) return null;
  const name = SUBJECTS.find((each) => values[each] !== undefined);
  return (name === undefined ? undefined : values[name]) ?? null;
}

/** Forgets everything after a block: what it led to is rebuilt from the events that stay. */
export async function rollBack(ledger: Ledger, toBlock: number): Promise<void> {
  await ledger.transaction(async (tx) => {
    const touched = await tx
      .selectFrom("events")
      .select("batch_id")
      .distinct()
      .where("block_number", ">", toBlock)
      .where("batch_id", "is not", null)
      .execute();
    await tx.deleteFrom("events").where("block_number", ">", toBlock).execute();
    await tx.deleteFrom("blocks").where("number", ">", toBlock).execute();
    await forgetIndexAfter(tx, toBlock);
    for (const { batch_id } of touched) if (batch_id !== null) await replay(tx, batch_id as Hex);
    await pushFeed(tx, { kind: "reorg", fromBlock: toBlock + 1 });
  });
}

/** Derives a batch and its leaves anew from the events that are stored. */
export async function replay(tx: Writer, batchId: Hex): Promise<void> {
  await tx.deleteFrom("chain_leaves").where("batch_id", "=", batchId).execute();
  await tx.deleteFrom("chain_batches").where("batch_id", "=", batchId).execute();
  await tx.updateTable("batches").set({ committed_block: null }).where("batch_id", "=", batchId).execute();
  for (const event of await eventsOfBatch(tx, batchId)) await apply(tx, event);
  const place = await placeOf(tx, batchId);
  if (place !== undefined) await tx.deleteFrom("index_leaves").where("ordinal", "=", place).execute();
  await deriveBatch(tx, batchId);
}

async function placeOf(tx: Writer, batchId: Hex): Promise<number | undefined> {
  const row = await tx
    .selectFrom("index_batches")
    .select("ordinal")
    .where("batch_id", "=", batchId)
    .executeTakeFirst();
  return row?.ordinal;
}

/** A committed batch. */
export function findChainBatch(db: Reader, batchId: Hex): Promise<ChainBatch | undefined> {
  return db.selectFrom("chain_batches").selectAll().where("batch_id", "=", batchId).executeTakeFirst();
}

/** What the chain holds of one leaf; undefined for one that nothing happened to. */
export function findChainLeaf(db: Reader, batchId: Hex, index: number): Promise<ChainLeaf | undefined> {
  return db
    .selectFrom("chain_leaves")
    .selectAll()
    .where("batch_id", "=", batchId)
    .where("leaf_index", "=", index)
    .executeTakeFirst();
}

/** The endpoint announced last for an operator. Only itself and its senders can announce. */
export async function announcedEndpoint(db: Reader, operator: Address): Promise<string | undefined> {
  const row = await announcements(db, operator)
    .select("arguments")
    .orderBy("block_number", "desc")
    .orderBy("log_index", "desc")
    .limit(1)
    .executeTakeFirst();
  return row && (JSON.parse(row.arguments) as { endpoint: string }).endpoint;
}

/** How many endpoints were announced for an operator, and the last: of one moment, while others read the chain. */
export async function announcementsOf(
  db: Reader,
  operator: Address,
): Promise<{ count: number; latest: string | undefined }> {
  const rows = await announcements(db, operator)
    .select("arguments")
    .orderBy("block_number")
    .orderBy("log_index")
    .execute();
  const last = rows.at(-1);
  return {
    count: rows.length,
    latest: last && (JSON.parse(last.arguments) as { endpoint: string }).endpoint,
  };
}

function announcements(db: Reader, operator: Address) {
  return db.selectFrom("events").where("name", "=", "EndpointAnnounced").where("operator", "=", operator);
}

async function eventsOfBatch(tx: Writer, batchId: Hex): Promise<ChainEvent[]> {
  const rows = await tx
    .selectFrom("events")
    .selectAll()
    .where("batch_id", "=", batchId)
    .orderBy("block_number")
    .orderBy("log_index")
    .execute();
  return rows.map((row) => ({
    blockNumber: row.block_number,
    logIndex: row.log_index,
    blockHash: row.block_hash,
    txHash: row.tx_hash,
    timestamp: row.timestamp,
    name: row.name,
    arguments: JSON.parse(row.arguments) as Record<string, string>,
  }));
}

async function apply(tx: Writer, event: ChainEvent): Promise<void> {
  const { timestamp, txHash } = event;
  const text = (name: string): string => {
    const value = event.arguments[name];
    if (value === undefined) throw new TypeError(`event ${event.name} has no argument ${name}`);
    return value;
  };
  const number = (name: string): number => Number(text(name));
  const batchId = event.arguments.batchId as Hex;
  switch (event.name) {
    case "BatchCommitted":
      await tx
        .insertInto("chain_batches")
        .values({
          batch_id: text("batchId") as Hex,
          operator: text("operator") as Address,
          policy_id: text("policyId") as Hex,
          model_id: text("modelId") as Hex,
          root: text("root") as Hex,
          data_root: text("dataRoot") as Hex,
          count: number("count"),
          oldest_served_at: number("oldestServedAt"),
          nonce: text("nonce"),
          committed_at: timestamp,
          committed_tx: txHash,
          final_at: number("finalAt"),
        })
        .execute();
      await tx
        .updateTable("batches")
        .set({ committed_block: event.blockNumber })
        .where("batch_id", "=", batchId)
        .execute();
      return;
    case "BatchAttested":
      return changeBatch(tx, batchId, {
        attested_at: timestamp,
        attested_tx: txHash,
        final_at: number("finalAt"),
      });
    case "BatchReopened":
      return changeBatch(tx, batchId, { attested_at: null, attested_tx: null, final_at: number("finalAt") });
    case "ChallengeWindowLengthened":
      return changeBatch(tx, batchId, { final_at: number("finalAt") });
    case "BatchReleased":
      return changeBatch(tx, batchId, { released_tx: txHash });
    case "ClaimChallenged":
      return openDispute(tx, event, "challenged", text("challenger") as Address, number("proveBy"));
    case "RevealDemanded":
      return openDispute(tx, event, "demanded", text("demander") as Address, number("revealBy"));
    case "DeadlineLengthened":
      return changeLeaf(tx, event, { deadline: number("deadline") });
    case "EvidenceAccepted":
      return acceptEvidence(tx, event, number("kind"));
    case "ClaimRevealed":
      return reveal(tx, event, number("finalAt"));
    case "ClaimReopened":
      return reopen(tx, event, number("kind"), number("finalAt"));
    case "ClaimRejected":
      return end(tx, event, "rejected");
    case "ClaimVoided":
      return end(tx, event, "voided");
    default:
      return;
  }
}

async function openDispute(
  tx: Writer,
  event: ChainEvent,
  state: "challenged" | "demanded",
  opener: Address,
  deadline: number,
): Promise<void> {
  await touch(tx, event);
  const { timestamp: disputed_at, txHash: disputed_tx } = event;
  await changeLeaf(tx, event, { state, opener, disputed_at, disputed_tx, deadline });
}

/** Nobody pays for what is shown unasked: it goes on as its batch does, also where that becomes final earlier. */
async function reveal(tx: Writer, event: ChainEvent, finalAt: number): Promise<void> {
  const { state } = await touch(tx, event);
  await changeLeaf(tx, event, { state: "revealed", final_at: state === "demanded" ? finalAt : null });
}

/** An enclave's word leaves a claim that was revealed open to challenges; a proof ends that. */
async function acceptEvidence(tx: Writer, event: ChainEvent, kind: number): Promise<void> {
  const leaf = await touch(tx, event);
  const disputed = leaf.state === "challenged" || leaf.state === "answered";
  const staysOpen = leaf.state === "revealed" && kind !== EVIDENCE_KINDS.zk;
  await changeLeaf(tx, event, {
    kinds: leaf.kinds | kind,
    evidence_at: event.timestamp,
    evidence_tx: event.txHash,
    state: disputed ? "answered" : staysOpen ? "revealed" : "quiet",
  });
}

/** What another kind has answered stays answered. The last byte of a policy's id is what answers under it. */
async function reopen(tx: Writer, event: ChainEvent, kind: number, finalAt: number): Promise<void> {
  const leaf = await touch(tx, event);
  const kinds = leaf.kinds & ~kind;
  const batch = await findChainBatch(tx, leaf.batch_id);
  const answering = batch ? sharedKinds(batch.policy_id, batch.policy_id) : 0;
  const stays = leaf.state === "answered" && (kinds & answering) !== 0;
  await changeLeaf(tx, event, {
    kinds,
    final_at: finalAt,
    state: stays ? "answered" : "revealed",
    ...(kinds === 0 ? { evidence_at: null, evidence_tx: null } : {}),
  });
}

async function end(tx: Writer, event: ChainEvent, state: "rejected" | "voided"): Promise<void> {
  await touch(tx, event);
  await changeLeaf(tx, event, { state, ended_at: event.timestamp, ended_tx: event.txHash });
}

/** The leaf of an event, made if this is the first that happened to it. */
function touch(tx: Writer, event: ChainEvent): Promise<ChainLeaf> {
  const [batch_id, leaf_index] = leafKey(event);
  const { claimId } = event.arguments;
  const claim_id = claimId === undefined || claimId === ZERO_HASH ? null : (claimId as Hex);
  return tx
    .insertInto("chain_leaves")
    .values({ batch_id, leaf_index, claim_id, state: "quiet" })
    .onConflict((conflict) =>
      conflict.columns(["batch_id", "leaf_index"]).doUpdateSet((eb) => ({
        claim_id: eb.fn.coalesce("excluded.claim_id", "chain_leaves.claim_id"),
      })),
    )
    .returningAll()
    .executeTakeFirstOrThrow();
}

async function changeBatch(tx: Writer, batchId: Hex, change: Partial<ChainBatchesTable>): Promise<void> {
  await tx.updateTable("chain_batches").set(change).where("batch_id", "=", batchId).execute();
}

type LeafChange = Partial<Omit<ChainLeavesTable, "kinds" | "changed_at">> & { kinds?: number };

async function changeLeaf(tx: Writer, event: ChainEvent, change: LeafChange): Promise<void> {
  const [batchId, index] = leafKey(event);
  await tx
    .updateTable("chain_leaves")
    .set({ ...change, changed_at: event.timestamp })
    .where("batch_id", "=", batchId)
    .where("leaf_index", "=", index)
    .execute();
}

function leafKey({ name, arguments: values }: ChainEvent): [Hex, number] {
  const { batchId, index } = values;
  if (batchId === undefined || index === undefined) throw new TypeError(`event ${name} names no leaf`);
  return [batchId as Hex, Number(index)];
}
