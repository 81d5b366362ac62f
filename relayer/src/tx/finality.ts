// SPDX-License-Identifier: GPL-3.0-or-later

import type { TransactionReceipt } from "ethers";
import { dropSidecar } from "./blobs.ts";
import type { OutboxContext } from "./context.ts";
import { confirmedAtOrBelow, confirmedFrom, finalise, reopen } from "./intents.ts";
import { classifyNodeError, isPassing } from "./node-errors.ts";

/** Where a chain knows no `finalized` block: nothing that is so deep has ever been taken back. */
const FINAL_BLOCKS = 64;

/**
 * A confirmed transaction is looked at again when the chain's count falls back behind it, and once when its block is
 * final. Should a deeper reorganisation have taken it back, its bytes are sent again.
 *
 * @param chainCount the sender's transactions as of the head
 */
export async function settleConfirmed(
  context: OutboxContext,
  chainCount: number,
  head: number,
): Promise<void> {
  const { ledger, rpc, signer, logger } = context;
  const back = await confirmedFrom(ledger, signer.address, chainCount);
  const old = await confirmedAtOrBelow(ledger, signer.address, await finalBlock(context, head));
  const final = new Set(old.map(({ id }) => id));
  for (const intent of [...old, ...back.filter(({ id }) => !final.has(id))]) {
    const receipt = intent.txHash === undefined ? null : await rpc.getTransactionReceipt(intent.txHash);
    if (receipt && receipt.blockNumber === intent.blockNumber) {
      if (final.has(intent.id) && (await isConfirmed(context, receipt))) {
        await ledger.transaction(async (tx) => {
          await finalise(tx, intent.id);
          await dropSidecar(tx, intent);
        });
      }
      continue;
    }
    logger.warn(
      { code: "MT-TX-012", intent: intent.dedupeKey, nonce: intent.nonce },
      "a reorganisation deeper than the confirmations took it back; sending again",
    );
    await ledger.transaction((tx) => reopen(tx, intent.id));
  }
}

/** Whether the receipt's block is the one that the chain has there, with the confirmations on it. */
export async function isConfirmed(
  { rpc, confirmations }: OutboxContext,
  receipt: TransactionReceipt,
): Promise<boolean> {
  const block = await rpc.getBlock(receipt.blockNumber);
  if (block?.hash !== receipt.blockHash) return false;
  // Not by the head's number: a block that can be shown cannot be made up.
  return confirmations === 1 || (await rpc.getBlock(receipt.blockNumber + confirmations - 1)) !== null;
}

async function finalBlock({ rpc }: OutboxContext, head: number): Promise<number> {
  try {
    const block = await rpc.getBlock("finalized");
    if (block) return Math.min(block.number, head);
  } catch (error) {
    if (isPassing(classifyNodeError(error).kind)) throw error;
  }
  return head - FINAL_BLOCKS;
}
