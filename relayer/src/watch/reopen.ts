// SPDX-License-Identifier: GPL-3.0-or-later

import type { Hex } from "@meantime/sdk/hex";
import { EVIDENCE_KINDS } from "@meantime/sdk/policy";
import { compromisedSince } from "../chain/contracts.ts";
import { describeError } from "../errors.ts";
import { headerFromRow } from "../ledger/batches.ts";
import type { ChainBatch } from "../ledger/chain-facts.ts";
import type { Row } from "../ledger/schema.ts";
import { readPolicy } from "../registry/policies.ts";
import { reopenBatchIntent, reopenClaimIntent } from "../tx/watch-calls.ts";
import { propose } from "./actions.ts";
import { findBatch } from "./find-batch.ts";
import type { WatchServices } from "./services.ts";

const REASON = "its enclave was compromised when it vouched for it";

/**
 * Takes back what a compromised enclave has vouched for, as long as it is not final: anybody may, and nobody else has to.
 * The marks are asked for once for each enclave in a round.
 */
export async function reopenCompromised(services: WatchServices): Promise<void> {
  if (!services.challengerAddress) return;
  const marks = new Map<string, Promise<number>>();
  const policies = new Map<Hex, ReturnType<typeof readPolicy>>();
  const markOf = async ({ policy_id }: ChainBatch, source: string): Promise<number> => {
    const policy = policies.get(policy_id) ?? readPolicy(services.contracts, policy_id);
    policies.set(policy_id, policy);
    const { terms } = await policy;
    const key = `${terms.teeEvidence}:${source}`;
    const known = marks.get(key) ?? compromisedSince(services.rpc, terms.teeEvidence, Number(source));
    marks.set(key, known);
    return known;
  };
  await reopenBatches(services, markOf);
  await reopenClaims(services, markOf);
}

type MarkOf = (batch: ChainBatch, source: string) => Promise<number>;

async function reopenBatches(services: WatchServices, markOf: MarkOf): Promise<void> {
  const { ledger, contracts, clock } = services;
  const attested = await ledger
    .selectFrom("chain_batches as b")
    .innerJoin("events as e", (join) =>
      join
        .onRef("e.batch_id", "=", "b.batch_id")
        .onRef("e.tx_hash", "=", "b.attested_tx")
        .on("e.name", "=", "BatchAttested"),
    )
    .selectAll("b")
    .select("e.arguments")
    .where("b.attested_at", "is not", null)
    .where("b.final_at", ">", clock.nowSeconds())
    .execute();
  for (const { arguments: json, ...batch } of attested) {
    if (batch.attested_at === null || batch.attested_tx === null) continue;
    const since = await markOf(batch, sourceOf(json));
    if (since === 0 || batch.attested_at < since) continue;
    const header = headerFromRow(batch.operator, batch);
    const intent = reopenBatchIntent(contracts.settlementAddress, batch.batch_id, header, batch.attested_tx);
    await propositionOf(services, batch, intent, batch.final_at);
  }
}

async function reopenClaims(services: WatchServices, markOf: MarkOf): Promise<void> {
  const { ledger, contracts, clock, logger } = services;
  const vouched = await ledger
    .selectFrom("chain_leaves as c")
    .innerJoin("chain_batches as b", "b.batch_id", "c.batch_id")
    .innerJoin("events as e", (join) =>
      join
        .onRef("e.batch_id", "=", "c.batch_id")
        .onRef("e.leaf_index", "=", "c.leaf_index")
        .on("e.name", "=", "EvidenceAccepted"),
    )
    .selectAll("b")
    .select(["c.leaf_index", "c.kinds", "c.evidence_tx", "e.arguments", "e.timestamp", "e.tx_hash"])
    .where((eb) =>
      eb.or([eb("b.final_at", ">", clock.nowSeconds()), eb("c.final_at", ">", clock.nowSeconds())]),
    )
    .execute();
  for (const {
    leaf_index: index,
    kinds,
    evidence_tx,
    arguments: json,
    timestamp,
    tx_hash,
    ...batch
  } of vouched) {
    const isEnclaves = (JSON.parse(json) as { kind: string }).kind === String(EVIDENCE_KINDS.tee);
    // A proof beside it stands, whoever else vouched.
    if (!isEnclaves || kinds !== EVIDENCE_KINDS.tee || evidence_tx !== tx_hash) continue;
    const since = await markOf(batch, sourceOf(json));
    if (since === 0 || timestamp < since || (await isProposed(services, batch.batch_id, index, tx_hash)))
      continue;
    try {
      const header = headerFromRow(batch.operator, batch);
      const { entries, tree } = await findBatch(services, batch);
      const entry = entries[index];
      if (!entry) continue;
      const placed = { batchId: batch.batch_id, index, claimId: entry.claimId, claim: entry.claim };
      const proof = tree.proof(index);
      const { settlementAddress } = contracts;
      const kind = EVIDENCE_KINDS.tee;
      const intent = reopenClaimIntent(settlementAddress, header, placed, proof, kind, tx_hash);
      await propositionOf(services, batch, intent, batch.final_at);
    } catch (error) {
      logger.warn(
        { ...describeError(error), batchId: batch.batch_id, index },
        "evidence could not be taken back",
      );
    }
  }
}

async function propositionOf(
  services: WatchServices,
  { operator }: ChainBatch,
  intent: ReturnType<typeof reopenBatchIntent>,
  dueBy: number,
): Promise<void> {
  const action = { intent, reason: REASON, operator, bondWei: 0n, dueBy };
  await services.ledger.transaction((tx) => propose(tx, services, action));
}

/** The key of the action ends in the transaction of the evidence. */
async function isProposed(
  { ledger }: WatchServices,
  batchId: Hex,
  index: number,
  evidenceTx: Hex,
): Promise<boolean> {
  const row = await ledger
    .selectFrom("watch_actions")
    .select("id")
    .where("kind", "=", "reopenClaim")
    .where("batch_id", "=", batchId)
    .where("leaf_index", "=", index)
    .where("dedupe_key", "like", `%:${evidenceTx}`)
    .executeTakeFirst();
  return row !== undefined;
}

function sourceOf(json: Row<"events">["arguments"]): string {
  return (JSON.parse(json) as { source: string }).source;
}
