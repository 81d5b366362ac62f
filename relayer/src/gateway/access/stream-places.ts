// SPDX-License-Identifier: GPL-3.0-or-later

import type { Context } from "hono";
import { HttpError } from "../http-error.ts";
import { clientAddressOf, hopsOf } from "./client-address.ts";

/** Gives a place up; further calls do nothing. */
export type LeavePlace = () => void;

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
  const held = new Map<string, number>();
  let count = 0;
  return {
    take(context) {
      const address = addressOf(...hopsOf(context));
      const own = held.get(address) ?? 0;
      if (own >= perAddress) throw tooManyOfOne(perAddress);
      if (count >= most) throw full();
      count += 1;
      held.set(address, own + 1);
      let hasLeft = false;
      return () => {
        if (hasLeft) return;
        hasLeft = true;
        count -= 1;
        const others = (held.get(address) ?? 1) - 1;
        if (others > 0) held.set(address, others);
        else held.delete(address);
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
