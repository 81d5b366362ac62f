// SPDX-License-Identifier: GPL-3.0-or-later

import { DEVELOPMENT_CHAIN_ID } from "../config/development-chain.ts";
import type { Rpc } from "./rpc.ts";

/** How long after its timestamp a block may still take transactions in: proposers seal late to see more bids. */
const LATE_BLOCK_SECONDS = 4;

/**
 * The least timestamp of a block that a transaction sent now can land in, as far as the node can tell: not before the
 * head's, and not long before the node's own clock, by which it dates the block it would build.
 *
 * A development chain makes a block when a transaction comes, and dates it then.
 *
 * @returns unix seconds
 */
export async function earliestBlockSeconds({ rpc, chainId }: { rpc: Rpc; chainId: number }): Promise<number> {
  const [head, pending] = await Promise.all([rpc.getBlock("latest"), pendingSeconds(rpc)]);
  const lateSeconds = chainId === DEVELOPMENT_CHAIN_ID ? 0 : LATE_BLOCK_SECONDS;
  return Math.max(head?.timestamp ?? 0, pending - lateSeconds);
}

/** Asked without ethers, which takes a block without a number for a broken one. Zero: the node does not say. */
async function pendingSeconds(rpc: Rpc): Promise<number> {
  try {
    const block = (await rpc.send("eth_getBlockByNumber", ["pending", false])) as {
      timestamp?: string;
    } | null;
    return Number(block?.timestamp ?? 0);
  } catch {
    // Some providers know no pending block; where blocks come by themselves, the head's time is enough.
    return 0;
  }
}
