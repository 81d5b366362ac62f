// SPDX-License-Identifier: GPL-3.0-or-later

import type { Ledger } from "../ledger/ledger.ts";
import { dropSidecar } from "./blobs.ts";
import type { Step } from "./context.ts";
import { close, type Intent, IS_OPEN, requeue } from "./intents.ts";

/** The code of transactions that the operator cancelled. */
export const CANCELLED = "MT-TX-011";
/** The code of transactions whose call would revert now, before the reason. */
export const WOULD_REVERT = "MT-TX-001";
/** The code of transactions that reverted in a block, before the reason. */
export const REVERTED = "MT-TX-002";

const FIRST_RETRY_MILLISECONDS = 500;
/** The longest pause. */
export const LAST_RETRY_MILLISECONDS = 30_000;

/** Whether what an intent waits for is the contract's consent: its call reverts, and nothing else stands in its way. */
export function isRefusedByChain(error: string | null): boolean {
  const [code] = error?.split(" ") ?? [];
  return code === WOULD_REVERT || code === REVERTED;
}

/** Tries an intent again after a pause that grows with every try. */
export async function tryLater({ ledger, now }: Step, intent: Intent, reason: string): Promise<void> {
  await ledger.transaction((tx) =>
    tx
      .updateTable("intents")
      .set((eb) => ({
        tries: eb("tries", "+", 1),
        error: reason,
        next_try_at_milliseconds: now() + retryDelay(intent.tries),
      }))
      .where("id", "=", intent.id)
      .where(IS_OPEN)
      .execute(),
  );
}

/** Whether an intent's pause is not over; not where it is longer than any, by a clock that was set back since. */
export function isPaused({ now }: Pick<Step, "now">, { nextTryAtMilliseconds }: Intent): boolean {
  const left = nextTryAtMilliseconds - now();
  return left > 0 && left <= LAST_RETRY_MILLISECONDS;
}

/** Looks at an intent again after a pause that counts as no try: nothing is wrong with it. */
export async function pause(
  { ledger, now }: Step,
  intent: Intent,
  reason: string | null,
  milliseconds: number,
): Promise<void> {
  await ledger.transaction((tx) =>
    tx
      .updateTable("intents")
      .set({ error: reason, next_try_at_milliseconds: now() + milliseconds })
      .where("id", "=", intent.id)
      .execute(),
  );
}

/** Takes an intent's nonce away, which is spent or free again, and queues it once more. */
export async function giveUpNonce(
  { ledger, now }: Step,
  intent: Intent,
  reason: string,
  pauseMilliseconds = 0,
): Promise<void> {
  if (intent.unwanted) return endIntent(ledger, intent, "failed", CANCELLED);
  // Whoever took its nonce, the gap is closed.
  if (intent.kind === "fill") return endIntent(ledger, intent, "satisfied", reason);
  return ledger.transaction((tx) => requeue(tx, intent.id, reason, now() + pauseMilliseconds));
}

/** Ends an intent that holds no nonce, or whose nonce the chain never saw. */
export function endIntent(
  ledger: Ledger,
  intent: Intent,
  state: "satisfied" | "failed",
  reason: string | null,
): Promise<void> {
  return ledger.transaction(async (tx) => {
    await close(tx, intent.id, state, reason);
    await dropSidecar(tx, intent);
  });
}

/** The pause after so many tries. */
export function retryDelay(tries: number): number {
  return Math.min(FIRST_RETRY_MILLISECONDS * 2 ** Math.min(tries, 10), LAST_RETRY_MILLISECONDS);
}
