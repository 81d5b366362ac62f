// SPDX-License-Identifier: GPL-3.0-or-later

import { isError, Transaction, type TransactionReceipt, type TransactionResponse } from "ethers";
import { classifyNodeError, isPassing } from "../tx/node-errors.ts";

/** How long a transaction that no outbox keeps is waited for. */
export interface BlockPatience {
  /** Of one wait, after which the bytes are offered again: a little longer than Ethereum takes for a block. */
  milliseconds: number;
  waits: number;
}

const PATIENCE: BlockPatience = { milliseconds: 15_000, waits: 8 };

/**
 * Waits until a transaction is in a block. What a node or a reorganisation has dropped is offered again.
 *
 * @returns undefined: it is in none yet, and may be in one later
 * @throws what ethers throws of one that reverted or was replaced, and the refusal of a node to take it again
 */
export async function inBlock(
  sent: TransactionResponse,
  { milliseconds, waits }: BlockPatience = PATIENCE,
): Promise<TransactionReceipt | undefined> {
  for (let waited = 1; ; waited++) {
    try {
      return (await sent.wait(1, milliseconds)) ?? undefined;
    } catch (error) {
      if (!isError(error, "TIMEOUT")) throw error;
    }
    if (waited === waits) return undefined;
    await offerAgain(sent);
  }
}

async function offerAgain(sent: TransactionResponse): Promise<void> {
  try {
    await sent.provider.broadcastTransaction(Transaction.from(sent).serialized);
  } catch (error) {
    const { kind } = classifyNodeError(error);
    // Too low a nonce: it, or what replaced it, is in a block that the next wait finds.
    if (kind !== "alreadyKnown" && kind !== "nonceTooLow" && !isPassing(kind)) throw error;
  }
}
