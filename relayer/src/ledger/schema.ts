// SPDX-License-Identifier: GPL-3.0-or-later

import type { Address, Hex } from "@meantime/sdk/hex";
import type { LeafStateName } from "@meantime/sdk/status";
import type { Generated, Kysely, Selectable, Transaction } from "kysely";
import type { Standing } from "../chain/claim-standing.ts";
import type { IntentState } from "../tx/intents.ts";
import type { IntentKind, Lane } from "../tx/kinds.ts";

/**
 * The tables, as `migrations.ts` makes them, the same on SQLite and PostgreSQL: ids and addresses are lower-case hex text;
 * wei and other values beyond 2^53 are decimal text; other numbers are integers under 2^53; flags are 0 or 1; times are
 * unix seconds of the chain's clock unless the column says milliseconds; JSON is text that no query looks into.
 */
export interface Database {
  schema_migrations: MigrationsTable;
  facts: FactsTable;
  leases: LeasesTable;
  receipts: ReceiptsTable;
  exposure: ExposureTable;
  batches: BatchesTable;
  intents: IntentsTable;
  attempts: AttemptsTable;
  sidecars: SidecarsTable;
  blocks: BlocksTable;
  events: EventsTable;
  chain_batches: ChainBatchesTable;
  chain_leaves: ChainLeavesTable;
  unprovable: UnprovableTable;
  watched: WatchedTable;
  findings: FindingsTable;
  revealed_checks: RevealedChecksTable;
  watch_actions: WatchActionsTable;
  watch_coverage: WatchCoverageTable;
  watch_receipts: WatchReceiptsTable;
  index_sources: IndexSourcesTable;
  index_operators: IndexOperatorsTable;
  index_batches: IndexBatchesTable;
  index_leaves: IndexLeavesTable;
  index_data: IndexDataTable;
  index_claims: IndexClaimsTable;
  index_served: IndexServedTable;
  index_groups: IndexGroupsTable;
  index_accounts: IndexAccountsTable;
  index_feed: IndexFeedTable;
  payments: PaymentsTable;
}

/** What can be asked outside a transaction as well as inside one. */
export type Reader = Pick<Kysely<Database>, "selectFrom">;

/** A running transaction: the only place where rows change. */
export type Writer = Transaction<Database>;

/** Steps of the schema that were applied. */
export interface MigrationsTable {
  version: number;
  name: string;
  /** SHA-256 of the step's text. */
  checksum: string;
}

/** What the ledger belongs to, and the row that admissions of receipts lock. */
export interface FactsTable {
  name: string;
  value: string;
}

/** Who may act for a lane. */
export interface LeasesTable {
  name: string;
  holder: string;
  /** Rises with every change of holder. */
  token: number;
  /** By the clock of the database. */
  expires_at_milliseconds: number;
}

/** Receipts that were given. */
export interface ReceiptsTable {
  sequence: Generated<number>;
  claim_id: Hex;
  state: Generated<"served" | "batched">;
  requester: string;
  request_id: string;
  model_id: Hex;
  policy_id: Hex;
  request_digest: Hex;
  claim: string;
  signature: Hex;
  input: Uint8Array;
  salt: Hex;
  output: Uint8Array;
  answer: string;
  served_at: number;
  commit_by: number;
  batch_id: Hex | null;
  leaf_index: number | null;
}

/** How many receipts wait for a batch: counted as they come, so that nobody has to count them all. */
export interface ExposureTable {
  policy_id: Hex;
  model_id: Hex;
  waiting: number;
}

/** The columns that a header is stored in, in `batches` (own) and `chain_batches` (anybody's). */
export interface HeaderColumns {
  policy_id: Hex;
  model_id: Hex;
  root: Hex;
  data_root: Hex;
  count: number;
  oldest_served_at: number;
  nonce: string;
}

/** Our sealed batches. */
export interface BatchesTable extends HeaderColumns {
  batch_id: Hex;
  /** The block of its commit, once that was read. */
  committed_block: number | null;
  /** The least `commit_by` of its receipts. Follows from them. */
  nearest_commit_by: Generated<number>;
}

/** Transactions that somebody wants sent. */
export interface IntentsTable {
  id: Generated<number>;
  dedupe_key: string;
  lane: Lane;
  kind: IntentKind;
  priority: number;
  subject: string;
  /** Of the subject, where it is about one leaf or one batch. */
  batch_id: string | null;
  leaf_index: number | null;
  to_address: Address;
  data: Hex;
  value_wei: string;
  state: Generated<IntentState>;
  cancelling: Generated<number>;
  /** 1: the operator cancelled it. */
  unwanted: Generated<number>;
  sender: Address | null;
  nonce: number | null;
  tries: Generated<number>;
  next_try_at_milliseconds: Generated<number>;
  tx_hash: Hex | null;
  block_number: number | null;
  error: string | null;
}

/** Signed bytes. */
export interface AttemptsTable {
  sequence: Generated<number>;
  tx_hash: Hex;
  intent_id: number;
  nonce: number;
  raw: Hex;
  cancels: number;
  max_fee_wei: string;
  tip_wei: string;
  signed_at_block: number;
  /** Per unit of blob gas; null where the transaction carries no blobs. */
  blob_fee_wei: string | null;
}

/** What transactions carry beside themselves, by the intent's key; see `availability/sidecar.ts`. */
export interface SidecarsTable {
  dedupe_key: string;
  bytes: Uint8Array;
}

/** Checkpoints: blocks up to which events were read. */
export interface BlocksTable {
  number: number;
  hash: Hex;
}

/** What the chain said, in order. Everything in `chain_batches` and `chain_leaves` follows from it. */
export interface EventsTable {
  block_number: number;
  log_index: number;
  block_hash: Hex;
  tx_hash: Hex;
  timestamp: number;
  name: string;
  /** Arguments that queries look for; null where the event has none of that name. */
  batch_id: string | null;
  leaf_index: number | null;
  claim_id: string | null;
  operator: string | null;
  arguments: string;
  /** Who emitted it; null in rows from before this column: Settlement or Receipts. */
  contract: Address | null;
  /** What it is about where that is neither a batch nor a claim: a request, a model, a policy, a key. */
  subject: string | null;
}

/** Committed batches, of any operator. */
export interface ChainBatchesTable extends HeaderColumns {
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
export type LeafState = Lowercase<LeafStateName>;

/** Leaves that something happened to. */
export interface ChainLeavesTable {
  batch_id: Hex;
  leaf_index: number;
  claim_id: Hex | null;
  state: LeafState;
  kinds: Generated<number>;
  opener: Address | null;
  disputed_at: number | null;
  disputed_tx: Hex | null;
  deadline: number | null;
  evidence_at: number | null;
  evidence_tx: Hex | null;
  /** Before this the clock does not make a revealed claim final, nor free a reopened one's bond; null: as its batch. */
  final_at: number | null;
  ended_at: number | null;
  ended_tx: Hex | null;
  /** When something last happened to it. */
  changed_at: Generated<number>;
}

/** Claims, batches and reports for which nothing can be brought. */
export interface UnprovableTable {
  id: string;
  code: string;
  message: string;
}

/** Batches of others, and how far they were checked. */
export interface WatchedTable {
  batch_id: Hex;
  state: Generated<"pending" | "checked" | "withheld">;
  claims_checked: Generated<number>;
  claims_wrong: Generated<number>;
  claims_unchecked: Generated<number>;
  tries: Generated<number>;
  next_try_at_milliseconds: Generated<number>;
  error: string | null;
}

/** Claims of others that were found wrong. */
export interface FindingsTable {
  sequence: Generated<number>;
  batch_id: Hex;
  leaf_index: number;
  claim_id: Hex;
  claim: string;
  proof: string;
  reason: string;
  state: "found" | "challenging";
  /** `lie`: computed anew from its own opening. `junk`: its opening opens nothing, so nobody here knows. */
  kind: Generated<"lie" | "junk">;
  /** Of a lie: what the model really answers. */
  true_output: Generated<Hex | null>;
  /** Of a lie, as JSON: `input` and `salt` in hex. */
  opening: Generated<string | null>;
  /** How often the answer to our challenge had been taken back when we challenged. */
  reopenings: Generated<number>;
}

/** What the watchtower wants done. `queued` waits for a human. */
export interface WatchActionsTable {
  id: Generated<number>;
  /** Of the action and of the intent that it becomes. */
  dedupe_key: string;
  kind: IntentKind;
  state: "queued" | "approved" | "rejected" | "executed";
  reason: string;
  operator: Address;
  batch_id: string | null;
  leaf_index: number | null;
  claim_id: string | null;
  /** What is lost if we are wrong; decimal, in the unit of the policy's bond token. */
  bond_wei: string;
  /** Unix seconds from which on it cannot be done any more. */
  due_by: number;
  /** The transaction, as JSON. */
  intent: string;
}

/** How the claims of a batch were checked. */
export interface WatchCoverageTable {
  batch_id: Hex;
  how: "re-executed" | "signature" | "inclusion" | "unchecked";
  /** Why not better; empty where nothing is missing. */
  reason: string;
  claims: number;
}

/** Receipts of others that are known: held, or seen in a batch. */
export interface WatchReceiptsTable {
  claim_id: Hex;
  operator: Address;
  requester: Address;
  request_id: Hex;
  model_id: Hex;
  input_hash: Hex;
  output_hash: Hex;
  claim: string;
  /** Null where no signature of a receipt key that was valid is known. */
  signature: Hex | null;
  commit_by: number;
  /** 1: we hold the receipt. */
  held: number;
  /** The batch that it was seen in. */
  batch_id: Hex | null;
  committed_at: number | null;
  /** 1: compared with every other that was known then. */
  compared: Generated<number>;
}

/**
 * Where a payment is. `held`: its request is being answered; `pending`: the facilitator was asked to settle it, and what came of
 * it is not known; `released`: its request was refused, so it was not settled.
 */
export type PaymentState = "held" | "pending" | "settled" | "failed" | "released";

/** Payments for requests (x402). */
export interface PaymentsTable {
  /** Hash of network, payer and nonce: what the chain consumes once. */
  id: Hex;
  /** The name that the payer gave it. */
  identifier: string | null;
  payer: Address;
  /** As in `eip155:8453`. */
  network: string;
  asset: Address;
  /** Decimal, in the smallest unit of the asset. */
  amount: string;
  /** The request that it pays for. */
  request_digest: Hex;
  /** Payload and requirements, as JSON: what is settled. */
  settlement: string;
  state: PaymentState;
  transaction_hash: string | null;
  reason: string | null;
  /** Times that the facilitator was asked to settle it. */
  tries: number;
  /** By the wall clock, like the others. */
  created_at_milliseconds: number;
  updated_at_milliseconds: number;
  next_try_at_milliseconds: number;
}

/** Revealed claims of others that were looked at. */
export interface RevealedChecksTable {
  batch_id: Hex;
  leaf_index: number;
}

/** Contracts whose events are read beside those of Settlement and Receipts. */
export interface IndexSourcesTable {
  address: Address;
  /** Of its ABI. */
  name: string;
  /** The last block whose events of it are in `events`. */
  read_up_to: number;
}

/** Operators that staked or committed. Follows from `events`. */
export interface IndexOperatorsTable {
  operator: Address;
  first_block: number;
}

/**
 * Committed batches in the order of their commits. Follows from `events`. `standing` and `final_at` are those of its claims
 * to which nothing has happened: they are `Final` by `final_at` at the latest.
 */
export interface IndexBatchesTable {
  /** Block and place in it of the commit, as one number; see `indexer/ordinal.ts`. */
  ordinal: number;
  batch_id: Hex;
  operator: Address;
  policy_id: Hex;
  /** Zero: several models. */
  model_id: Hex;
  count: number;
  committed_at: number;
  attested_at: number | null;
  released: number;
  standing: Standing;
  final_at: number;
  /** How many of its leaves are in `index_leaves`. */
  touched: number;
  /** As its header says. */
  oldest_served_at: number;
  /** Claims of all batches up to this one. */
  claims_up_to: number;
}

/** Leaves that something happened to. Follows from `events`. */
export interface IndexLeavesTable {
  ordinal: number;
  leaf_index: number;
  operator: Address;
  standing: Standing;
  /** Of evidence, the batch's included. */
  kinds: number;
  /** When the first of it came. */
  evidence_at: number | null;
  /** Null while a dispute is open, and after it ended badly. */
  final_at: number | null;
  ended_at: number | null;
}

/** How far the data of a batch could be had. */
export type DataState = "pending" | "complete" | "private" | "withheld" | "mismatch";

/** What became of fetching the data of a batch. */
export interface IndexDataTable {
  ordinal: number;
  operator: Address;
  state: Generated<DataState>;
  endpoint: string | null;
  tries: Generated<number>;
  next_try_at_milliseconds: Generated<number>;
  error: string | null;
  /** 0: `index_groups` is to be made anew. */
  grouped: Generated<number>;
}

/** Claims of batches whose data rebuilt the committed roots. */
export interface IndexClaimsTable {
  ordinal: number;
  leaf_index: number;
  claim_id: Hex;
  model_id: Hex;
  requester: Address;
  request_id: Hex;
  input_hash: Hex;
  output_hash: Hex;
  served_at: number;
  commit_by: number;
  /** As served, unchecked: the chain does not commit to it. */
  signature: Hex | null;
  /** The whole claim (JSON) where it contradicts its header or itself: it settles nowhere. */
  stray: string | null;
  /** The opening; null where it is private, and where `receipts` has it. */
  input: Uint8Array | null;
  salt: Hex | null;
  output: Uint8Array | null;
}

/** How many claims of a batch were served in one second, by model. Follows from `index_claims`. */
export interface IndexServedTable {
  ordinal: number;
  model_id: Hex;
  served_at: number;
  claims: number;
}

/**
 * Claims of a batch of which all of this is the same: what the history of the gap is counted by. Follows from
 * `index_batches`, `index_leaves` and `index_claims`, some time after them.
 */
export interface IndexGroupsTable {
  ordinal: number;
  place: number;
  model_id: Hex;
  /** Of evidence, as flags. */
  kinds: number;
  served_at: number;
  evidence_at: number | null;
  /** By evidence or the clock, past or to come; null while a dispute is open, and after it ended badly. */
  final_at: number | null;
  /** When it was rejected or voided. */
  ended_at: number | null;
  claims: number;
}

/** Operators' accounts in Settlement, as they were seen last. */
export interface IndexAccountsTable {
  operator: Address;
  token: Address;
  stake_wei: string;
  locked_wei: string;
  unbonding_wei: string;
  lockable_bps: number;
  suspended: number;
  as_of_block: number;
}

/** What has changed, for those who listen; the latest rows. */
export interface IndexFeedTable {
  sequence: Generated<number>;
  kind: "batch" | "claim" | "challenge" | "reorg";
  /** JSON. */
  body: string;
}

/** A row as it is read. */
export type Row<Table extends keyof Database> = Selectable<Database[Table]>;
