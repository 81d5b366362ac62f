// SPDX-License-Identifier: GPL-3.0-or-later

import type { Rpc } from "../chain/rpc.ts";

/** What a transaction offers for each unit of gas, in wei. */
export interface Fees {
  maxFeeWei: bigint;
  tipWei: bigint;
}

/** Nodes refuse a replacement under +10 %. */
const BUMP_NUMERATOR = 1_125n;
const BUMP_DENOMINATOR = 1_000n;
/** A replacement's fee stays under this multiple of what the market asks now. */
const MARKET_CAP_FACTOR = 10n;

/** What gets a transaction into one of the next blocks. */
export async function marketFees(rpc: Rpc): Promise<Fees> {
  const [block, tip] = await Promise.all([
    rpc.getBlock("latest"),
    rpc.send("eth_maxPriorityFeePerGas", []) as Promise<string>,
  ]);
  const tipWei = BigInt(tip);
  return { maxFeeWei: (block?.baseFeePerGas ?? 0n) * 2n + tipWei, tipWei };
}

/** What replaces a transaction that offers `previous`; undefined where that is more than the market justifies. */
export function replacementFees(previous: Fees, market: Fees): Fees | undefined {
  const maxFeeWei = raised(previous.maxFeeWei, market.maxFeeWei);
  const tipWei = raised(previous.tipWei, market.tipWei);
  return maxFeeWei > market.maxFeeWei * MARKET_CAP_FACTOR ? undefined : { maxFeeWei, tipWei };
}

function raised(previous: bigint, market: bigint): bigint {
  // Rounded up: a node refuses a replacement that is a wei short of its step.
  const step = (previous * BUMP_NUMERATOR + BUMP_DENOMINATOR - 1n) / BUMP_DENOMINATOR;
  return step > market ? step : market;
}
