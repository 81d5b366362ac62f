// SPDX-License-Identifier: GPL-3.0-or-later

import type { Rpc } from "../chain/rpc.ts";

/** What a transaction offers for each unit of gas, in wei. */
export interface Fees {
  maxFeeWei: bigint;
  tipWei: bigint;
  /** For each unit of blob gas; only of a transaction with blobs. */
  blobFeeWei?: bigint;
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
/** geth wants twice of everything of a transaction with blobs (`blobpool.Config.PriceBump`). */
const BLOB_NUMERATOR = 2_000n;
/** A replacement's fee for blobs stays under this multiple of what the market asks. */
const BLOB_CAP_FACTOR = 10n;

/** What gets a transaction into one of the next blocks; blobs may double in price until then. */
export async function marketFees(rpc: Rpc, withBlobs = false): Promise<Market> {
  const [block, tip, blobBaseFee] = await Promise.all([
    rpc.getBlock("latest"),
    rpc.send("eth_maxPriorityFeePerGas", []) as Promise<string>,
    withBlobs ? (rpc.send("eth_blobBaseFee", []) as Promise<string>) : undefined,
  ]);
  const tipWei = BigInt(tip);
  const baseFeeWei = block?.baseFeePerGas ?? 0n;
  return {
    ...{ baseFeeWei, tipWei, maxFeeWei: baseFeeWei * 2n + tipWei },
    timestampSeconds: block?.timestamp ?? 0,
    ...(blobBaseFee === undefined ? {} : { blobFeeWei: BigInt(blobBaseFee) * 2n }),
  };
}

/** The market's fees within a cap; undefined where no block could take in what the cap allows. */
export function cappedFees(market: Market, capWei: bigint): Fees | undefined {
  if (capWei <= market.baseFeeWei) return undefined;
  const { blobFeeWei } = market;
  return {
    ...{ maxFeeWei: least(market.maxFeeWei, capWei), tipWei: least(market.tipWei, capWei) },
    ...(blobFeeWei === undefined ? {} : { blobFeeWei }),
  };
}

/**
 * What replaces a transaction that offers `previous`; undefined where that is more than the cap. It carries blobs where the
 * market has a fee for them.
 *
 * @param isDemanded a node has just refused `previous` as too little
 */
export function replacementFees(
  previous: Fees,
  market: Fees,
  capWei: bigint,
  isDemanded = false,
): Fees | undefined {
  const { blobFeeWei } = market;
  const carriesBlobs = blobFeeWei !== undefined && previous.blobFeeWei !== undefined;
  const numerator = isDemanded ? DEMANDED_NUMERATOR : carriesBlobs ? BLOB_NUMERATOR : BUMP_NUMERATOR;
  const maxFeeWei = raised(previous.maxFeeWei, market.maxFeeWei, numerator, capWei);
  const tipWei = raised(previous.tipWei, market.tipWei, numerator, capWei);
  if (maxFeeWei > capWei || tipWei > capWei) return undefined;
  if (blobFeeWei === undefined) return { maxFeeWei, tipWei };
  const blobCapWei = blobFeeWei * BLOB_CAP_FACTOR;
  const raisedWei = raised(previous.blobFeeWei ?? 0n, blobFeeWei, numerator, blobCapWei);
  return raisedWei > blobCapWei ? undefined : { maxFeeWei, tipWei, blobFeeWei: raisedWei };
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
