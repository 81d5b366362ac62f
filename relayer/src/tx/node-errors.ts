// SPDX-License-Identifier: GPL-3.0-or-later

/** What a node means by refusing a raw transaction. */
export type Refusal = "known" | "nonceTooLow" | "underpriced" | "insufficientFunds" | "other";

/** The spellings of Hardhat, Anvil, geth and Erigon. The first that matches wins. */
const SPELLINGS: readonly [Refusal, RegExp][] = [
  ["known", /already known|known transaction|already imported|already in mempool/i],
  ["underpriced", /underpriced|fee too low|replacement transaction/i],
  ["nonceTooLow", /nonce too low|nonce is too low|nonce has already been used|nonce_expired/i],
  ["insufficientFunds", /insufficient funds|doesn't have enough funds|enough funds to send/i],
];

/** Sorts a refusal by its wording: nodes have no codes for it. */
export function classifyRefusal(error: unknown): Refusal {
  const text =
    error instanceof Error
      ? `${error.message} ${String((error as { code?: unknown }).code ?? "")}`
      : String(error);
  return SPELLINGS.find(([, pattern]) => pattern.test(text))?.[0] ?? "other";
}
