// SPDX-License-Identifier: GPL-3.0-or-later

import type { Market } from "./fees.ts";
import { type IntentKind, type Lane, termsOf } from "./kinds.ts";

/** How much may be spent, as configured (`fees`). */
export interface FeeLimits {
  /** Of what is at stake, so much may be spent on a transaction of these lanes when its deadline is there. */
  shares: Record<Exclude<Lane, "finalise">, number>;
  /** What a unit of gas may cost where nothing is at stake: what can wait is sent when it is cheap. */
  patientMaxFeeWei: bigint;
  /** What a unit of gas may cost at all. */
  maxFeeWei: bigint;
}

/** What depends on a transaction, as of now. Times are unix seconds of the chain. */
export interface AtStake {
  /** In wei of ether; undefined where the bond is in a token, whose worth in ether nobody here knows. */
  wei: bigint | undefined;
  openedAt: number;
  /** Exclusive. */
  deadline: number;
}

/** This part of the share may be spent from the beginning on. */
const FIRST_PART = 0.25;
/** What can wait may cost so many times more at the end of its time. */
const PATIENT_RISE = 10;
/** Nothing justifies more than this multiple of what the market asks now. */
const MARKET_CAP_FACTOR = 10n;
const PRECISION = 1_000_000n;

/**
 * How much of a transaction's time is over: 0 at its beginning, 1 at its deadline and after it, by the time of the latest
 * block. A machine's clock that is wrong moves nothing.
 */
export function elapsedPart({ openedAt, deadline }: AtStake, { timestampSeconds }: Market): number {
  const part = (timestampSeconds - openedAt) / Math.max(1, deadline - openedAt);
  return Math.min(1, Math.max(0, part));
}

/**
 * The most that a unit of gas may cost now.
 *
 * The share of the stake rises with the square of the elapsed part x of the time: `share * (1/4 + 3/4 * x^2)`. Early, a
 * rise of the market that passes is waited out; late, nearly all is offered at once. The shape is that of Nitro's DataPoster
 * (`arbnode/dataposter`, `maxFeeCapFormula`: a target price plus the square of the elapsed time times an importance); the
 * importance here is what is lost, not a constant. Where nothing is lost the same curve rises from the patient fee to ten
 * times that.
 *
 * @param atStake undefined: without a beginning and an end
 */
export function feeCap(
  kind: IntentKind,
  atStake: AtStake | undefined,
  gasLimit: bigint,
  market: Market,
  limits: FeeLimits,
): bigint {
  const { lane } = termsOf(kind);
  const square = atStake ? elapsedPart(atStake, market) ** 2 : 0;
  const ceiling = ceilingOf(market, limits);
  if (isPatient(kind) || lane === "finalise") {
    return least(ceiling, times(limits.patientMaxFeeWei, 1 + (PATIENT_RISE - 1) * square));
  }
  if (atStake?.wei === undefined) return ceiling;
  const part = limits.shares[lane] * (FIRST_PART + (1 - FIRST_PART) * square);
  return least(ceiling, times(atStake.wei, part) / gasLimit);
}

/** Whether nothing is lost while it waits: it is sent when it is cheap. */
export function isPatient(kind: IntentKind): boolean {
  return termsOf(kind).stake === "nothing";
}

/** All that may be spent where the operator says so: everything but what no market justifies. */
export function ceilingOf(market: Market, limits: FeeLimits): bigint {
  return least(limits.maxFeeWei, market.maxFeeWei * MARKET_CAP_FACTOR);
}

function times(wei: bigint, factor: number): bigint {
  return (wei * BigInt(Math.round(factor * Number(PRECISION)))) / PRECISION;
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
