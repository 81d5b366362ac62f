// SPDX-License-Identifier: GPL-3.0-or-later

/** What a limiter says about one request. */
export interface RateVerdict {
  allowed: boolean;
  /** Requests at once, after a rest. */
  limit: number;
  /** Requests that are left at once. */
  remaining: number;
  /** Until the next request is allowed; 0: now. */
  retryAfterSeconds: number;
  /** Until all of `limit` is there again. */
  resetSeconds: number;
}

/** A token bucket for each of many callers. */
export interface RateLimiter {
  take(caller: string): RateVerdict;
  /** Callers that are remembered. */
  size(): number;
}

/** How a limiter limits. */
export interface RateLimits {
  perMinute: number;
  /** The size of a bucket. */
  burst: number;
  /** Who asked longest ago is forgotten beyond so many callers, which fills its bucket. Default: 65,536. */
  maxCallers?: number;
  /** Milliseconds of a clock that only runs forwards. */
  now?: () => number;
}

const MAX_CALLERS = 65_536;

interface Bucket {
  tokens: number;
  at: number;
}

/** A limiter with full buckets. */
export function createRateLimiter({
  perMinute,
  burst,
  maxCallers = MAX_CALLERS,
  now = () => performance.now(),
}: RateLimits): RateLimiter {
  // In the order of their last request.
  const buckets = new Map<string, Bucket>();
  const perMillisecond = perMinute / 60_000;
  const secondsFor = (tokens: number) => Math.ceil(tokens / perMillisecond / 1_000);
  return {
    take(caller) {
      const at = now();
      const known = buckets.get(caller);
      const filled = known ? Math.min(burst, known.tokens + (at - known.at) * perMillisecond) : burst;
      const allowed = filled >= 1;
      const tokens = allowed ? filled - 1 : filled;
      buckets.delete(caller);
      buckets.set(caller, { tokens, at });
      const [oldest] = buckets.keys();
      if (buckets.size > maxCallers && oldest !== undefined) buckets.delete(oldest);
      return {
        allowed,
        limit: burst,
        remaining: Math.floor(tokens),
        retryAfterSeconds: allowed ? 0 : Math.max(1, secondsFor(1 - tokens)),
        resetSeconds: secondsFor(burst - tokens),
      };
    },
    size: () => buckets.size,
  };
}
