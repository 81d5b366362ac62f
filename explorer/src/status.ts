// SPDX-License-Identifier: MIT
import { STATUS, type StatusName } from "@meantime/sdk/status";

/** How a claim stands by an index. `Served`: there is a receipt, and no batch on the chain yet. */
export type StatedStatus = Exclude<StatusName, "Unknown"> | "Served";

/** In the order in which claims pass through them. */
export const STATED_STATUSES = [
  "Served",
  "Committed",
  "Attested",
  "Proven",
  "Final",
  "Challenged",
  "Rejected",
  "Voided",
] as const satisfies readonly StatedStatus[];

/** What a status means for whoever holds the answer. */
export const STATUS_WORDS: Record<StatedStatus, string> = {
  Served:
    "The operator has answered and signed a receipt. Nothing is on the chain yet: the receipt promises that it will be, and a broken promise costs the operator a bond.",
  Committed:
    "The answer is on the chain with a bond behind it. Nobody has vouched for it yet; anybody may challenge it, and unless somebody does it becomes final by the clock.",
  Attested:
    "An enclave or a committee of re-executors vouches for the answer. Depending on the policy it becomes final by that, or after a while.",
  Proven:
    "A zero-knowledge proof shows that the model gives this answer to this input. It can no longer be disputed.",
  Final: "The answer is settled for good. Its bond is free again, and contracts may act on it.",
  Challenged:
    "Somebody disputes the answer and has put a bond on it. The operator has to bring evidence before the deadline, or it loses its own bond.",
  Rejected:
    "The answer was disputed, and the operator could not defend it. Do not use it: its bond was taken, and whoever asked was compensated.",
  Voided:
    "A dispute ended without a verdict, because evidence could not be brought through no fault of the operator. Do not rely on the answer: it never becomes final.",
};

const LADDER: readonly string[] = ["Served", "Committed", "Attested", "Proven", "Final"];

/** Whether a claim at this status can still change. */
export function isOpen(status: StatedStatus): boolean {
  return status !== "Final" && status !== "Rejected" && status !== "Voided";
}

/** Whether what was stated is an earlier rung than where the chain has the claim: late news, no lie. */
export function isBehind(stated: StatedStatus, onChain: StatusName): boolean {
  const rung = LADDER.indexOf(stated);
  if (onChain === "Challenged") return rung >= 0 && rung < STATUS.Proven;
  return rung >= 0 && rung < LADDER.indexOf(onChain);
}
