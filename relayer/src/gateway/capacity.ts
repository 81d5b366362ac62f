// SPDX-License-Identifier: GPL-3.0-or-later

import type { ChainView } from "../chain/follow.ts";
import { freeStakeWei, unlockedNow } from "../commit/exposure.ts";
import type { UnlockedCount } from "../ledger/receipts.ts";
import type { ServedPolicy, Services } from "../services.ts";
import { HttpError } from "./http-error.ts";

const RETRY_AFTER_SECONDS = 5;
/** A chain that was not seen for this long is treated as out of reach: deadlines could pass unnoticed. */
const CHAIN_SILENCE_MILLISECONDS = 30_000;

/** Why no receipt can be promised now, with status 503: the codes of {@link refusalOf}, and that of a relayer that stops. */
export const NO_PROMISE_CODES = [
  ...["MT-GW-010", "MT-GW-011", "MT-GW-015", "MT-GW-016", "MT-GW-018", "MT-GW-019", "MT-GW-021"],
  ...["MT-GW-022", "MT-GW-023"],
] as const;

/** Lanes without whose transactions a bond is lost. */
const BONDED_LANES = ["commit", "answer"] as const;

/** Whether new work can be taken under each policy now, and why not. */
export interface Readiness {
  /** Whether any can. */
  ready: boolean;
  policies: { name: string; ready: boolean; code?: string; message?: string }[];
}

/**
 * What keeps this relayer from taking new work under a policy: a promise that it could not keep.
 *
 * @param unlocked receipts whose bonds the last view of the chain does not show as locked
 */
export function refusalOf(
  services: Services,
  policy: ServedPolicy,
  unlocked: readonly UnlockedCount[],
): HttpError | undefined {
  const { clock, config } = services;
  const view = services.view();
  // A receipt under a closed policy could never be committed.
  if (view?.closedPolicies.has(policy.id)) {
    return new HttpError(
      422,
      "MT-GW-017",
      `the policy ${policy.name} was closed on chain`,
      "Choose another policy; claims that are open under this one settle as promised.",
    );
  }
  if (!view || performance.now() - view.seenAtMilliseconds > CHAIN_SILENCE_MILLISECONDS) {
    return busy("MT-GW-011", "the chain is out of reach", "Try again later; no receipt was given.");
  }
  if (services.breaker.state.openSince !== null) {
    return busy(
      "MT-GW-021",
      "too many obligations of this relayer failed; it takes no new work until its operator has looked into it",
      "Ask another operator. The operator runs `meantime status` and, when the cause is gone, `meantime resume`.",
    );
  }
  if (services.backlog.isBehind(policy.id)) {
    return busy(
      "MT-GW-023",
      "receipts that were given wait for their commits; they come first",
      "Try again later, or ask another operator; no receipt was given.",
    );
  }
  const poor = BONDED_LANES.find((lane) => services.balances.of(services.senderAddresses[lane])?.isPoor);
  if (poor) {
    return busy(
      "MT-GW-022",
      `the sender for ${poor}s has too little ether to keep what a receipt promises`,
      "Ask another operator. The operator sends it ether; no restart is needed.",
    );
  }
  if (!isAuthorised(view, policy)) {
    return busy(
      "MT-GW-015",
      `the operator has not authorised this relayer to bind it under the policy ${policy.name} on chain`,
      "The operator has to call Settlement.setSender, Receipts.acceptPolicies and addReceiptKey; no restart is needed.",
    );
  }
  if (view.accounts.get(policy.terms.bondToken)?.suspended) {
    return busy(
      "MT-GW-018",
      "the operator lost a bond and is suspended",
      "Its owner has to find out why and call Settlement.resume; no restart is needed. Until then ask another operator.",
    );
  }
  if (view.commitsPausedUntil >= clock.nowSeconds() + config.commit.commitHorizonSeconds) {
    return busy(
      "MT-GW-019",
      `commits are paused on chain until ${view.commitsPausedUntil}, later than a receipt could promise`,
      "Try again later; receipts that were given are committed when the pause ends.",
    );
  }
  const freeWei = freeStakeWei(services, policy.terms.bondToken, unlocked) ?? 0n;
  if (freeWei < policy.terms.claimBondWei) {
    return busy(
      "MT-GW-010",
      "the operator's stake is fully committed to earlier claims",
      "Try again when some of them are final, or ask another operator.",
    );
  }
  return undefined;
}

/** `GET /readyz` */
export async function readiness(services: Services, draining: boolean): Promise<Readiness> {
  const unlocked = await unlockedNow(services);
  const policies = services.policies.map((policy) => {
    const refusal = draining
      ? { code: "MT-GW-016", message: "the relayer is stopping" }
      : refusalOf(services, policy, unlocked);
    const { name } = policy;
    return refusal
      ? { name, ready: false, code: refusal.code, message: refusal.message }
      : { name, ready: true };
  });
  return { ready: policies.some(({ ready }) => ready), policies };
}

/** Otherwise the commit would fail, or the receipt would be void in its holder's hand. */
function isAuthorised(view: ChainView, { id }: ServedPolicy): boolean {
  return view.senderPolicies.has(id) && view.acceptedPolicies.has(id) && view.receiptKeyActive;
}

function busy(code: string, message: string, hint: string): HttpError {
  return new HttpError(503, code, message, hint, RETRY_AFTER_SECONDS);
}
