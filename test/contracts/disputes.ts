// SPDX-License-Identifier: MIT
import { EVIDENCE_KINDS } from "@meantime/sdk/policy";
import type { ContractTransactionResponse } from "ethers";
import type { Attempt } from "./clock.ts";
import {
  type Batch,
  CHALLENGE_BOND_WEI,
  challengeClaim,
  claimAt,
  commitBatch,
  memberOf,
  networkHelpers,
  PROVE_WINDOW_SECONDS,
  signClaim,
  type World,
} from "./fixture.ts";

const { time } = networkHelpers;

/** Commits a batch under the rule window and lets its first claim be rejected for want of an answer. */
export async function rejectFirst(world: World): Promise<Batch> {
  const batch = await commitBatch(world, "window");
  await challengeClaim(world, batch, 0);
  await time.increase(PROVE_WINDOW_SECONDS);
  await resolveClaim(world, batch, 0);
  return batch;
}

/** Resolves a claim that `challengeClaim` challenged. */
export async function resolveClaim(
  world: World,
  batch: Batch,
  index: number,
): Promise<ContractTransactionResponse> {
  const { claim } = claimAt(batch, index);
  return world.settlement
    .connect(world.stranger)
    .resolve(batch.batchId, claim, index, world.challenger.address);
}

/** Answers a claim that `challengeClaim` challenged by an enclave's signature, to the prover's benefit. */
export async function answerClaim(
  world: World,
  batch: Batch,
  index: number,
): Promise<ContractTransactionResponse> {
  const { claim, claimId } = claimAt(batch, index);
  const { prover, challenger } = world;
  const signature = await signClaim(world, claimId, prover.address);
  return world.settlement
    .connect(world.stranger)
    .answer(batch.batchId, claim, index, challenger.address, EVIDENCE_KINDS.tee, prover.address, signature);
}

/** The calls that end or begin the challenge of a claim, for `outcomeAt`. */
export function attemptOn(
  world: World,
  batch: Batch,
  index: number,
): Record<"challenge" | "resolve" | "voidChallenge", Attempt> {
  const { settlement, challenger, stranger, admin } = world;
  const disputed = [batch.batchId, claimAt(batch, index).claim, index, challenger.address];
  const args = memberOf(batch, index);
  return {
    challenge: { contract: settlement, from: challenger, name: "challenge", args, value: CHALLENGE_BOND_WEI },
    resolve: { contract: settlement, from: stranger, name: "resolve", args: disputed },
    voidChallenge: { contract: settlement, from: admin, name: "voidChallenge", args: disputed },
  };
}
