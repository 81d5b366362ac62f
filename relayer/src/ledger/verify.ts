// SPDX-License-Identifier: GPL-3.0-or-later

import { batchId as batchIdOf } from "@meantime/sdk/batch";
import { claimId as claimIdOf } from "@meantime/sdk/claim";
import type { SettlementDomain } from "@meantime/sdk/domain";
import { MeantimeError } from "@meantime/sdk/errors";
import { type Address, type Hex, ZERO_HASH } from "@meantime/sdk/hex";
import { curve } from "../signers/curve.ts";
import { useFastKeccak } from "../signers/keccak.ts";
import { headerFromRow } from "./batches.ts";
import { findChainBatch } from "./chain-facts.ts";
import { receiptsOfBatch, type StoredReceipt, storedReceiptFrom } from "./receipts.ts";
import type { Row } from "./schema.ts";
import { rowsOf, type Snapshot } from "./snapshot.ts";
import { treeOfClaims, treeOfOpenings } from "./trees.ts";

/** Something in a ledger that does not follow from the rest of it. */
export interface LedgerProblem {
  /** A claim's or a batch's id, or what else it is about. */
  about: string;
  message: string;
}

/** What was looked at, and what was found. */
export interface Verification {
  receipts: number;
  batches: number;
  /** Who signed the receipts: a key of the operator each, or the receipts bind nobody. */
  signers: Address[];
  /** What each of them has signed. */
  signed: ReadonlyMap<Address, SignedSpan>;
  problems: LedgerProblem[];
}

/** When the receipts of one key were given: the first and the last `servedAt`, unix seconds. */
export interface SignedSpan {
  first: number;
  last: number;
}

/**
 * Checks everything in a ledger that can be computed again: the database's own structures, each receipt's id and signature,
 * each batch's root, data root and id, and what is counted or derived.
 */
export async function verifyLedger(snapshot: Snapshot): Promise<Verification> {
  await useFastKeccak();
  const problems: LedgerProblem[] = [];
  const report = (about: string, message: string) => problems.push({ about, message });
  for (const message of await snapshot.selfCheck()) report("database", message);
  const identity = await identityOf(snapshot);
  if (!identity) {
    const used = await snapshot.selectFrom("receipts").select("sequence").limit(1).executeTakeFirst();
    if (used) report("facts", "the ledger has receipts and belongs to no chain");
    return { receipts: 0, batches: 0, signers: [], signed: new Map(), problems };
  }
  const signed = new Map<Address, SignedSpan>();
  const receipts = await verifyReceipts(snapshot, identity.domain, signed, report);
  const batches = await verifyBatches(snapshot, identity, report);
  await verifyCounters(snapshot, report);
  return { receipts, batches, signers: [...signed.keys()], signed, problems };
}

type Report = (about: string, message: string) => void;

/** What a ledger belongs to. */
export interface Identity {
  domain: SettlementDomain;
  operator: Address;
}

/** What a ledger belongs to; undefined before its first start. */
export async function identityOf(snapshot: Snapshot): Promise<Identity | undefined> {
  const rows = await snapshot.selectFrom("facts").selectAll().execute();
  const facts = new Map(rows.map(({ name, value }) => [name, value]));
  const [chainId, settlement, operator] = ["chainId", "settlement", "operator"].map((name) =>
    facts.get(name),
  );
  if (chainId === undefined || settlement === undefined || operator === undefined) return undefined;
  const domain = { chainId: BigInt(chainId), settlement: settlement as Address };
  return { domain, operator: operator as Address };
}

async function verifyReceipts(
  snapshot: Snapshot,
  domain: SettlementDomain,
  signed: Map<Address, SignedSpan>,
  report: Report,
): Promise<number> {
  let count = 0;
  for await (const rows of rowsOf(snapshot, { table: "receipts", key: ["sequence"] })) {
    count += rows.length;
    for (const row of rows as unknown as Row<"receipts">[]) {
      try {
        const stored = storedReceiptFrom(row);
        for (const problem of receiptProblems(stored, row, domain)) report(row.claim_id, problem);
        const signer = curve().recoverAddress(row.claim_id, row.signature);
        const { first, last } = signed.get(signer) ?? { first: row.served_at, last: row.served_at };
        signed.set(signer, {
          first: Math.min(first, row.served_at),
          last: Math.max(last, row.served_at),
        });
      } catch (error) {
        if (!(error instanceof MeantimeError || error instanceof SyntaxError)) throw error;
        report(row.claim_id, `its claim or signature is none: ${error.message}`);
      }
    }
  }
  return count;
}

function* receiptProblems(
  { receipt: { claim } }: StoredReceipt,
  row: Row<"receipts">,
  domain: SettlementDomain,
): Generator<string> {
  if (claimIdOf(domain, claim) !== row.claim_id) yield "its id is not that of its claim";
  const columns = [row.requester, row.request_id, row.model_id, row.policy_id, row.served_at, row.commit_by];
  const said = [
    claim.requester,
    claim.requestId,
    claim.modelId,
    claim.policyId,
    claim.servedAt,
    claim.commitBy,
  ];
  if (columns.join() !== said.join()) yield "its columns are not those of its claim";
}

async function verifyBatches(
  snapshot: Snapshot,
  { domain, operator }: Identity,
  report: Report,
): Promise<number> {
  let count = 0;
  for await (const rows of rowsOf(snapshot, { table: "batches", key: ["batch_id"] })) {
    for (const row of rows as unknown as Row<"batches">[]) {
      count += 1;
      const header = headerFromRow(operator, row);
      const receipts = await receiptsOfBatch(snapshot, row.batch_id);
      if (batchIdOf(domain, header) !== row.batch_id)
        report(row.batch_id, "its id is not that of its header");
      if (receipts.length !== row.count || receipts.some(({ index }, at) => index !== at)) {
        report(row.batch_id, `it has ${receipts.length} receipts in its leaves, not ${row.count}`);
        continue;
      }
      const claimIds = receipts.map(({ receipt }) => receipt.claimId);
      if ((await treeOfClaims(claimIds)).root !== row.root)
        report(row.batch_id, "its root is not that of its claims");
      if (row.data_root !== ZERO_HASH && (await treeOfOpenings(receipts)).root !== row.data_root)
        report(row.batch_id, "its data root is not that of its openings");
      const commitBys = receipts.map(({ receipt }) => Number(receipt.claim.commitBy));
      if (commitBys.reduce((least, each) => Math.min(least, each)) !== row.nearest_commit_by)
        report(row.batch_id, "its nearest commitBy is not that of its receipts: run `meantime db rebuild`");
      await verifyOnChain(snapshot, row, report);
    }
  }
  return count;
}

async function verifyOnChain(snapshot: Snapshot, row: Row<"batches">, report: Report): Promise<void> {
  const onChain = await findChainBatch(snapshot, row.batch_id);
  if ((onChain === undefined) !== (row.committed_block === null)) {
    report(row.batch_id, "whether it is committed is not what the events say");
  }
  if (onChain && onChain.root !== row.root) report(row.batch_id, "its root is not the committed one");
}

async function verifyCounters(snapshot: Snapshot, report: Report): Promise<void> {
  const counted = await snapshot
    .selectFrom("receipts")
    .select((eb) => ["policy_id", "model_id", eb.fn.countAll<number>().as("waiting")])
    .where("state", "=", "served")
    .groupBy(["policy_id", "model_id"])
    .execute();
  const stored = await snapshot.selectFrom("exposure").selectAll().where("waiting", ">", 0).execute();
  const textOf = (rows: readonly { policy_id: Hex; model_id: Hex; waiting: number }[]) =>
    rows
      .map(({ policy_id, model_id, waiting }) => `${policy_id} ${model_id} ${waiting}`)
      .sort()
      .join();
  if (textOf(counted) !== textOf(stored)) {
    report("exposure", "the receipts that wait are not as many as are counted: run `meantime db rebuild`");
  }
}
