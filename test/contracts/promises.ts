// SPDX-License-Identifier: MIT
import type { Claim } from "@meantime/sdk/claim";
import type { Hex } from "@meantime/sdk/hex";
import { type Receipt, signReceipt } from "@meantime/sdk/receipt";
import type { ContractTransactionResponse, Wallet } from "ethers";
import type { Attempt } from "./clock.ts";
import {
  type Batch,
  batchOf,
  buildBatch,
  CHALLENGE_BOND_WEI,
  networkHelpers,
  type World,
} from "./fixture.ts";

const DAY_SECONDS = 24 * 3600;

/** How long after `commitBy` a claim may still be committed. */
export const GRACE_SECONDS = 3600n;
/** How long after that an operator answers for it. */
export const REPORT_WINDOW_SECONDS = BigInt(7 * DAY_SECONDS);
/** How long the operator has to answer a report. */
export const ANSWER_SECONDS = BigInt(DAY_SECONDS);

/** A receipt for one claim under the rule window, served now and promised within ten minutes. */
export async function promiseClaim(
  world: World,
  overrides: Partial<Claim> = {},
  key: { privateKey: string } = world.receiptKey,
): Promise<Receipt> {
  const { claims } = await buildBatch(world, "window", { count: 1, claims: overrides });
  const [claim] = claims;
  if (!claim) throw new Error("no claim");
  return signReceipt(key.privateKey as Hex, claim, world.domain);
}

/** The same claim's receipt by another key. */
export function signedBy(world: World, { claim }: Receipt, key: Wallet): Receipt {
  return signReceipt(key.privateKey as Hex, claim, world.domain);
}

/** The first second in which the omission of a claim can be reported, when nothing was paused. */
export function reportableFrom({ claim }: Receipt): bigint {
  return claim.commitBy + GRACE_SECONDS + 1n;
}

/** Commits the promised claim, alone in its batch, in the next block. */
export async function keepPromise(world: World, { claim }: Receipt): Promise<Batch> {
  const batch = batchOf(world, [claim]);
  await world.settlement.connect(world.operator).commit(batch.header);
  return batch;
}

/** Goes to the first second in which the omission can be reported, and reports it as the challenger. */
export async function reportOmission(world: World, receipt: Receipt): Promise<ContractTransactionResponse> {
  await networkHelpers.time.setNextBlockTimestamp(reportableFrom(receipt));
  return world.receipts
    .connect(world.challenger)
    .reportOmission(receipt.claim, receipt.signature, { value: CHALLENGE_BOND_WEI });
}

/** Reports the omission, waits the answer out and resolves. */
export async function upholdOmission(world: World, receipt: Receipt): Promise<ContractTransactionResponse> {
  await reportOmission(world, receipt);
  await networkHelpers.time.increase(ANSWER_SECONDS);
  return world.receipts.connect(world.challenger).resolveOmission(receipt.claim);
}

/** The report of an omission, for `outcomeAt`. */
export function reportAttempt({ receipts, challenger }: World, { claim, signature }: Receipt): Attempt {
  const args = [claim, signature];
  return { contract: receipts, from: challenger, name: "reportOmission", args, value: CHALLENGE_BOND_WEI };
}
