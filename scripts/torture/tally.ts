// SPDX-License-Identifier: MIT
import { parseBatchHeader } from "@meantime/sdk/batch";
import { getClaim } from "@meantime/sdk/client";
import type { Hex } from "@meantime/sdk/hex";
import type { Receipt } from "@meantime/sdk/receipt";
import { type STATUS, statusName } from "@meantime/sdk/status";
import { ZeroAddress } from "ethers";
import { fetchBatch } from "../../relayer/src/watch/fetch-batch.ts";
import type { LocalStack } from "../stack/local.ts";

/** What became of what was promised, by the chain and the clients' receipts alone. */
export interface Tally {
  /** Receipts that clients hold. */
  acknowledged: number;
  /** Of these, claims that are final on chain. */
  settled: number;
  /** Of these, claims that no batch on chain contains. */
  lost: number;
  /** Claims that more than one batch contains, or one batch twice. */
  doubleCommitted: number;
  /** Claims committed after their `commitBy`, and challenges that were not answered. */
  missedDeadlines: number;
  /** Wei of stake that the operator, who never lied, has lost. */
  wrongfullySlashed: string;
}

/** Reads the end off the chain. The daemon at `url` is asked for openings and proofs only; the chain judges them. */
export async function tally(
  stack: LocalStack,
  url: string,
  receipts: readonly Receipt[],
  stakeAtStartWei: bigint,
): Promise<Tally> {
  const { settlement } = stack.deployment;
  const commits = await committedClaims(stack, url);
  let settled = 0;
  let lost = 0;
  let late = 0;
  for (const { claimId, claim } of receipts) {
    const found = commits.get(claimId) ?? [];
    const [first] = found;
    if (!first) {
      lost += 1;
      continue;
    }
    if (BigInt(first.committedAtSeconds) > claim.commitBy) late += 1;
    if ((await statusOnChain(stack, url, claimId)) === "Final") settled += 1;
  }
  const rejected = await settlement.queryFilter(settlement.filters.ClaimRejected());
  const { stakeWei } = await settlement.operatorOf(stack.operator.owner.address, ZeroAddress);
  return {
    acknowledged: receipts.length,
    settled,
    lost,
    doubleCommitted: [...commits.values()].filter((places) => places.length > 1).length,
    missedDeadlines: late + rejected.length,
    wrongfullySlashed: (stakeAtStartWei - stakeWei).toString(),
  };
}

/** Every claim of every batch on chain, with the batches' times: the openings must rebuild the committed roots. */
export async function committedClaims(
  stack: LocalStack,
  url: string,
): Promise<Map<Hex, { committedAtSeconds: number }[]>> {
  const { settlement } = stack.deployment;
  const places = new Map<Hex, { committedAtSeconds: number }[]>();
  for (const event of await settlement.queryFilter(settlement.filters.BatchCommitted())) {
    const response = await fetch(new URL(`/v1/batches/${event.args.batchId}`, url));
    const { header } = (await response.json()) as { header: unknown };
    const { entries } = await fetchBatch(url, parseBatchHeader(header), stack.domain, true);
    const { committedAt } = await settlement.batchOf(event.args.batchId);
    for (const { claimId } of entries) {
      const known = places.get(claimId) ?? [];
      places.set(claimId, [...known, { committedAtSeconds: Number(committedAt) }]);
    }
  }
  return places;
}

/** The status that the contract itself gives a claim, shown the proof. */
export async function statusOnChain(
  { deployment }: LocalStack,
  url: string,
  claimId: Hex,
): Promise<keyof typeof STATUS | undefined> {
  const { batch, claim } = await getClaim({ baseUrl: url }, claimId);
  if (!batch) return undefined;
  const status = await deployment.settlement.statusOf(batch.header, claim, batch.index, batch.proof);
  return statusName(status);
}
