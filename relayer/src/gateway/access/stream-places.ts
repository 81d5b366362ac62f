// SPDX-License-Identifier: GPL-3.0-or-later

import type { Context } from "hono";
import { HttpError } from "../http-error.ts";
import { clientAddressOf, hopsOf } from "./client-address.ts";
import { createShares, type LeavePlace } from "./shares.ts";

/** Bounds streams that are open at one time, in all and of one client. */
export interface StreamPlaces {
  /** @throws HttpError 429 `MT-ACC-017` the client has its share; what `full` makes */
  take(context: Context): LeavePlace;
  /** How many are taken. */
  count(): number;
}

/** How many places there are, and for whom. */
export interface StreamLimits {
  most: number;
  /** Of one network address (IPv6: a /64). */
  perAddress: number;
  trustedProxies: readonly string[];
}

const RETRY_AFTER_SECONDS = 10;

/** @param full the refusal when all places are taken */
export function createStreamPlaces(
  { most, perAddress, trustedProxies }: StreamLimits,
  full: () => HttpError,
): StreamPlaces {
  const addressOf = clientAddressOf(trustedProxies);
  const shares = createShares(perAddress);
  let count = 0;
  return {
    take(context) {
      const leaveShare = shares.take(addressOf(...hopsOf(context)));
      if (!leaveShare) throw tooManyOfOne(perAddress);
      if (count >= most) {
        leaveShare();
        throw full();
      }
      count += 1;
      let hasLeft = false;
      return () => {
        if (hasLeft) return;
        hasLeft = true;
        count -= 1;
        leaveShare();
      };
    },
    count: () => count,
  };
}

function tooManyOfOne(perAddress: number): HttpError {
  return new HttpError(
    429,
    "MT-ACC-017",
    `${perAddress} streams of this kind are open from this network address`,
    "Close one first, or ask from time to time instead.",
    RETRY_AFTER_SECONDS,
  );
}
