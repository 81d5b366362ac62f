// SPDX-License-Identifier: GPL-3.0-or-later

import type { Rpc } from "../chain/rpc.ts";

/** What a transaction offers for each unit of gas, in wei. */
export interface Fees {
  maxFeeWei: bigint;
  tipWei: bigint;
}

/** What the market asks, as of the latest block. */
export interface Market extends Fees {
  baseFeeWei: bigint;
  /** Of the latest block, in unix seconds. */
  timestampSeconds: number;
}

const BUMP_DENOMINATOR = 1_000n;
/** Nodes refuse a replacement under +10 %. */
const BUMP_NUMERATOR = 1_125n;
/** What a node wants that has refused that: a pool can be set to any step, and knows what others sent under the nonce. */
const DEMANDED_NUMERATOR = 2_000n;

/** What gets a transaction into one of the next blocks. */
export async function marketFees(rpc: Rpc): Promise<Market> {
  const [block, tip] = await Promise.all([
    rpc.getBlock("latest"),
    rpc.send("eth_maxPriorityFeePerGas", []) as Promise<string>,
  ]);
  const tipWei = BigInt(tip);
  const baseFeeWei = block?.baseFeePerGas ?? 0n;
  return {
    ...{ baseFeeWei, tipWei, maxFeeWei: baseFeeWei * 2n + tipWei },
    timestampSeconds: block?.timestamp ?? 0,
  };
}

/** The market's fees within a cap; undefined where no block could take in what the cap allows. */
export function cappedFees(market: Market, capWei: bigint): Fees | undefined {
  if (capWei <= market.baseFeeWei) return undefined;
  return { maxFeeWei: least(market.maxFeeWei, capWei), tipWei: least(market.tipWei, capWei) };
}

/**
 * What replaces a transaction that offers `previous`; undefined where that is more than the cap.
 *
 * @param isDemanded a node has just refused `previous` as too little
 */
export function replacementFees(
  previous: Fees,
  market: Fees,
  capWei: bigint,
  isDemanded = false,
): Fees | undefined {
  const numerator = isDemanded ? DEMANDED_NUMERATOR : BUMP_NUMERATOR;
  const maxFeeWei = raised(previous.maxFeeWei, market.maxFeeWei, numerator, capWei);
  const tipWei = raised(previous.tipWei, market.tipWei, numerator, capWei);
  return maxFeeWei > capWei || tipWei > capWei ? undefined : { maxFeeWei, tipWei };
}

/** What the market asks as far as the cap goes, and no less than nodes take. */
function raised(previous: bigint, market: bigint, numerator: bigint, capWei: bigint): bigint {
  // Rounded up: a node refuses a replacement that is a wei short of its step.
  const step = (previous * numerator + BUMP_DENOMINATOR - 1n) / BUMP_DENOMINATOR;
  const wanted = least(market, capWei);
  return step > wanted ? step : wanted;
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
