// SPDX-License-Identifier: GPL-3.0-or-later

import { batchHeaderToJson } from "@meantime/sdk/batch";
import type { Hex } from "@meantime/sdk/hex";
import type { MerkleTree } from "@meantime/sdk/merkle";
import { EVIDENCE_KINDS } from "@meantime/sdk/policy";
import { headerFromRow } from "../../ledger/batches.ts";
import { type ChainBatch, findChainBatch } from "../../ledger/chain-facts.ts";
import { findReceipt } from "../../ledger/receipts.ts";
import type { Reader, Row } from "../../ledger/schema.ts";
import { treeOfClaims } from "../../ledger/trees.ts";
import type { IndexReader } from "../services.ts";
import { policyTerms } from "../terms.ts";
import { type CommittedRow, claims } from "./claim-list.ts";
import { notIndexed } from "./query.ts";
import { statusAt } from "./standing.ts";

type Event = Row<"events">;

/** Something that happened to a claim. Times are unix seconds; block and transaction are null for what no transaction did. */
interface TimelineEntry {
  what: string;
  at: number;
  block: number | null;
  tx: Hex | null;
}

/** `GET /claims/{id}`: everything that is known of a claim. @throws HttpError 404 */
export async function oneClaim(reader: IndexReader, claimId: Hex): Promise<object> {
  const places = await claims(reader.ledger)
    .select(["c.input_hash", "c.output_hash", "c.commit_by", "c.signature", "c.input", "c.salt", "c.output"])
    .where("c.claim_id", "=", claimId)
    .orderBy("c.ordinal", "desc")
    .execute();
  const [row, ...others] = places;
  if (!row) return receiptOnly(reader, claimId);
  const { ledger, clock } = reader;
  const batch = await findChainBatch(ledger, row.batch_id);
  if (!batch) throw notIndexed("claim");
  const events = await eventsOfLeaf(ledger, row);
  const { status, finalAt } = statusAt(row, clock.nowSeconds());
  const claim = claimJson(row);
  return {
    claimId,
    claim,
    receipt: row.signature === null ? null : { claim, claimId, signature: row.signature },
    batchId: row.batch_id,
    index: row.leaf_index,
    header: batchHeaderToJson(headerFromRow(batch.operator, batch)),
    proof: (await treeOf(ledger, row.ordinal, batch)).proof(row.leaf_index),
    opening: await openingOf(ledger, row),
    status,
    finalAt,
    timeline: timelineOf(row, events, status === "Final" ? finalAt : null),
    evidence: evidenceOf(events),
    deadline: await openDeadline(ledger, row),
    /** Further batches that it is in; there it may stand otherwise. */
    alsoIn: others.map(({ batch_id: batchId, leaf_index: index }) => ({ batchId, index })),
    source: "batch",
  };
}

type ClaimRow = CommittedRow &
  Pick<
    Row<"index_claims">,
    "input_hash" | "output_hash" | "commit_by" | "signature" | "input" | "salt" | "output"
  >;

/** A claim that this relayer has given a receipt for and that is in no batch on chain. */
async function receiptOnly({ ledger }: IndexReader, claimId: Hex): Promise<object> {
  const row = await ledger
    .selectFrom("receipts")
    .select(["claim", "signature", "batch_id", "leaf_index", "served_at"])
    .where("claim_id", "=", claimId)
    .executeTakeFirst();
  if (!row) throw notIndexed("claim");
  const claim = JSON.parse(row.claim) as Record<string, string>;
  return {
    claimId,
    claim,
    receipt: { claim, claimId, signature: row.signature },
    ...{ batchId: row.batch_id, index: row.leaf_index, header: null, proof: [] },
    opening: await receiptOpening(ledger, claimId, claim.policyId as Hex),
    ...{ status: "Served", finalAt: null },
    timeline: [{ what: "served", at: row.served_at, block: null, tx: null }],
    ...{ evidence: [], deadline: null, alsoIn: [], source: "receipt" },
  };
}

function claimJson(row: ClaimRow): Record<string, string> {
  if (row.stray !== null) return JSON.parse(row.stray) as Record<string, string>;
  return {
    modelId: row.model_id,
    policyId: row.policy_id,
    operator: row.operator,
    requester: row.requester,
    requestId: row.request_id,
    inputHash: row.input_hash,
    outputHash: row.output_hash,
    servedAt: String(row.served_at),
    commitBy: String(row.commit_by),
  };
}

async function openingOf(ledger: Reader, row: ClaimRow): Promise<object | null> {
  const { input, salt, output } = row;
  if (input && salt && output) return openingJson({ input, salt, output });
  return receiptOpening(ledger, row.claim_id, row.policy_id);
}

/** Nothing under a policy of private data, nor under one whose terms are not known. */
async function receiptOpening(ledger: Reader, claimId: Hex, policyId: Hex): Promise<object | null> {
  const terms = (await policyTerms(ledger, [policyId])).get(policyId);
  if (!terms?.publicData) return null;
  const stored = await findReceipt(ledger, claimId);
  return stored ? openingJson(stored.opening) : null;
}

function openingJson({ input, salt, output }: { input: Uint8Array; salt: Hex; output: Uint8Array }) {
  return {
    input: Buffer.from(input).toString("base64url"),
    salt,
    output: Buffer.from(output).toString("base64url"),
  };
}

/** What happened to a leaf, to its batch as a whole, and to the claim wherever it is. */
async function eventsOfLeaf(db: Reader, row: ClaimRow): Promise<Event[]> {
  const { batch_id, leaf_index, claim_id } = row;
  const inBatch = () => db.selectFrom("events").selectAll().where("batch_id", "=", batch_id);
  const [own, whole, elsewhere] = [
    await inBatch().where("leaf_index", "=", leaf_index).execute(),
    await inBatch().where("leaf_index", "is", null).execute(),
    await db
      .selectFrom("events")
      .selectAll()
      .where("claim_id", "=", claim_id)
      .where("batch_id", "is", null)
      .execute(),
  ];
  const ofBatch = whole.filter((event) => event.claim_id === null || event.claim_id === claim_id);
  return [...own, ...ofBatch, ...elsewhere].sort(
    (a, b) => a.block_number - b.block_number || a.log_index - b.log_index,
  );
}

/** Events by the word that a timeline has for them. Evidence has words of its own. */
const WORDS: Readonly<Record<string, string>> = {
  BatchCommitted: "committed",
  BatchAttested: "attested",
  BatchReopened: "reopened",
  ChallengeWindowLengthened: "lengthened",
  BatchReleased: "released",
  ClaimChallenged: "challenged",
  RevealDemanded: "demanded",
  DeadlineLengthened: "lengthened",
  ClaimRevealed: "revealed",
  ClaimReopened: "reopened",
  ClaimDisproven: "disproven",
  ClaimRejected: "rejected",
  ClaimVoided: "voided",
  OutputRecorded: "recorded",
  OmissionReported: "omission-reported",
  OmissionRefuted: "omission-refuted",
  OmissionUpheld: "omission-upheld",
  OmissionVoided: "omission-voided",
};

function timelineOf(row: ClaimRow, events: readonly Event[], finalAt: number | null): TimelineEntry[] {
  const entries: TimelineEntry[] = [{ what: "served", at: row.served_at, block: null, tx: null }];
  let isChallenged = false;
  let isFinalTold = finalAt === null;
  const tellFinal = () => {
    if (isFinalTold || finalAt === null) return;
    entries.push({ what: "final", at: finalAt, block: null, tx: null });
    isFinalTold = true;
  };
  for (const event of events) {
    if (finalAt !== null && event.timestamp > finalAt) tellFinal();
    const what: string | undefined =
      event.name === "EvidenceAccepted" ? wordOfEvidence(event, isChallenged) : WORDS[event.name];
    if (what === undefined) continue;
    isChallenged = what === "challenged" || (isChallenged && what === "lengthened");
    entries.push({ what, at: event.timestamp, block: event.block_number, tx: event.tx_hash });
  }
  tellFinal();
  return entries;
}

function wordOfEvidence(event: Event, isChallenged: boolean): string {
  if (isChallenged) return "answered";
  return kindOf(event) === EVIDENCE_KINDS.zk ? "proven" : "attested";
}

function evidenceOf(events: readonly Event[]) {
  return events.flatMap((event) => {
    const kind = evidenceName(event);
    return kind ? [{ kind, tx: event.tx_hash, block: event.block_number, at: event.timestamp }] : [];
  });
}

function evidenceName(event: Event): string | undefined {
  if (event.name === "BatchAttested") return "tee-batch";
  if (event.name === "ClaimDisproven") return "counterproof";
  if (event.name !== "EvidenceAccepted") return undefined;
  const names: Record<number, string> = {
    [EVIDENCE_KINDS.zk]: "zk",
    [EVIDENCE_KINDS.tee]: "tee-claim",
    [EVIDENCE_KINDS.quorum]: "quorum",
  };
  return names[kindOf(event)];
}

function kindOf(event: Event): number {
  return Number((JSON.parse(event.arguments) as { kind?: string }).kind);
}

/** Until when the open dispute of a claim can be answered; null: none is open. */
async function openDeadline(db: Reader, row: ClaimRow): Promise<number | null> {
  if (row.leaf_standing !== "Challenged") return null;
  const leaf = await db
    .selectFrom("chain_leaves")
    .select("deadline")
    .where("batch_id", "=", row.batch_id)
    .where("leaf_index", "=", row.leaf_index)
    .executeTakeFirst();
  return leaf?.deadline ?? null;
}

/** A batch never changes, and its claims are asked for together: the trees asked for last are kept, of so many leaves. */
const LEAVES_KEPT = 2 ** 18;
const trees = new WeakMap<object, Map<Hex, Promise<MerkleTree>>>();

async function treeOf(ledger: Reader, ordinal: number, batch: ChainBatch): Promise<MerkleTree> {
  const kept = trees.get(ledger) ?? new Map<Hex, Promise<MerkleTree>>();
  trees.set(ledger, kept);
  const tree = kept.get(batch.batch_id) ?? readTree(ledger, ordinal, batch);
  // The one asked for last stands last.
  kept.delete(batch.batch_id);
  kept.set(batch.batch_id, tree);
  try {
    await tree;
  } catch (error) {
    kept.delete(batch.batch_id);
    throw error;
  }
  let leaves = 0;
  for (const [id, each] of [...kept].reverse()) {
    leaves += await countOf(each);
    if (leaves > LEAVES_KEPT && id !== batch.batch_id) kept.delete(id);
  }
  return tree;
}

async function readTree(db: Reader, ordinal: number, batch: ChainBatch): Promise<MerkleTree> {
  const rows = await db
    .selectFrom("index_claims")
    .select("claim_id")
    .where("ordinal", "=", ordinal)
    .orderBy("leaf_index")
    .execute();
  const tree = await treeOfClaims(rows.map(({ claim_id }) => claim_id));
  // Its claims are being stored at this moment.
  if (tree.root !== batch.root) throw notIndexed("claim");
  return tree;
}

/** One that cannot be made is let go of by whoever asked for it. */
async function countOf(tree: Promise<MerkleTree>): Promise<number> {
  try {
    return (await tree).count;
  } catch {
    return 0;
  }
}
