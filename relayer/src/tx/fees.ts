// SPDX-License-Identifier: GPL-3.0-or-later

import type { Rpc } from "../chain/rpc.ts";

/** What a transaction offers for each unit of gas, in wei. */
export interface Fees {
  maxFeeWei: bigint;
  tipWei: bigint;
  /** For each unit of blob gas; only of a transaction with blobs. */
  blobFeeWei?: bigint;
}

/** What a transaction with blobs offers. */
export interface BlobFees extends Fees {
  blobFeeWei: bigint;
}

const BUMP_DENOMINATOR = 1_000n;
/** Nodes refuse a replacement under +10 %. */
const BUMP_NUMERATOR = 1_125n;
/** geth wants twice of everything of a transaction with blobs (`blobpool.Config.PriceBump`). */
const BLOB_BUMP_NUMERATOR = 2_000n;
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

/** What gets a transaction with blobs into one of the next blocks: blobs may double in price until then. */
export async function marketBlobFees(rpc: Rpc): Promise<BlobFees> {
  const [fees, blobBaseFee] = await Promise.all([
    marketFees(rpc),
    rpc.send("eth_blobBaseFee", []) as Promise<string>,
  ]);
  return { ...fees, blobFeeWei: BigInt(blobBaseFee) * 2n };
}

/** What replaces a transaction that offers `previous`; undefined where that is more than the market justifies. */
export function replacementFees(previous: Fees, market: Fees): Fees | undefined {
  const { blobFeeWei } = market;
  const numerator =
    blobFeeWei === undefined || previous.blobFeeWei === undefined ? BUMP_NUMERATOR : BLOB_BUMP_NUMERATOR;
  const maxFeeWei = raised(previous.maxFeeWei, market.maxFeeWei, numerator);
  const tipWei = raised(previous.tipWei, market.tipWei, numerator);
  if (maxFeeWei > market.maxFeeWei * MARKET_CAP_FACTOR) return undefined;
  if (blobFeeWei === undefined) return { maxFeeWei, tipWei };
  const raisedBlobFeeWei = raised(previous.blobFeeWei ?? 0n, blobFeeWei, numerator);
  if (raisedBlobFeeWei > blobFeeWei * MARKET_CAP_FACTOR) return undefined;
  return { maxFeeWei, tipWei, blobFeeWei: raisedBlobFeeWei };
}

function raised(previous: bigint, market: bigint, numerator: bigint): bigint {
  // Rounded up: a node refuses a replacement that is a wei short of its step.
  const step = (previous * numerator + BUMP_DENOMINATOR - 1n) / BUMP_DENOMINATOR;
  return step > market ? step : market;
}
