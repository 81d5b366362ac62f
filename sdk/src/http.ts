// SPDX-License-Identifier: MIT
import { MeantimeError } from "./errors.ts";

/** The platform's `fetch`, or one with its signature. */
export type Fetch = (input: string | URL, init?: RequestInit) => Promise<Response>;

/** How long to wait and how often to try. */
export interface Patience {
  /** Ends everything, with MT-SDK-504. */
  signal?: AbortSignal;
  /** For one try, until the answer is there whole. Default: none. */
  timeoutMs?: number;
  /** Tries after the first, where the first may not have been heard: network errors, 408, 429 and 502 to 504. Default 0. */
  retries?: number;
  /** Before the first of them; each next waits twice as long. `Retry-After` goes before it. Default 250. */
  retryDelayMs?: number;
  /** Default: the platform's. */
  fetch?: Fetch;
}

const RETRY_STATUSES = [408, 429, 502, 503, 504];
const DEFAULT_RETRY_DELAY_MS = 250;
/** A server that asks for more is not waited for. */
const MAX_RETRY_DELAY_MS = 60_000;

/**
 * Sends a request, again where `patience` says so, and reads the answer with `read`. Throws MT-SDK-501 when no answer came
 * or it broke off, MT-SDK-504 when the signal was aborted, MT-SDK-505 when the time was up. What `read` throws as a
 * MeantimeError is passed on.
 */
export async function exchange<Result>(
  url: string | URL,
  init: RequestInit,
  patience: Patience,
  read: (response: Response) => Promise<Result>,
): Promise<Result> {
  const { retries = 0, retryDelayMs = DEFAULT_RETRY_DELAY_MS } = patience;
  for (let attempt = 0; ; attempt++) {
    const delayMs = retryDelayMs * 2 ** attempt;
    try {
      const outcome = await tryOnce(url, init, patience, read, attempt < retries);
      if ("result" in outcome) return outcome.result;
      await pause(outcome.retryAfterMs ?? delayMs, patience.signal);
    } catch (error) {
      const isLost = error instanceof MeantimeError && ["MT-SDK-501", "MT-SDK-505"].includes(error.code);
      if (!isLost || attempt >= retries) throw error;
      await pause(delayMs, patience.signal);
    }
  }
}

/** The body in parts; left early, it is cancelled. */
export async function* bodyParts({ body }: Response): AsyncGenerator<Uint8Array> {
  if (body === null) return;
  // Not every browser iterates over a body.
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel();
  }
}

/** Waits. Throws MT-SDK-504 when the signal is aborted. */
export async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) throw aborted(signal);
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(end, milliseconds);
    signal?.addEventListener("abort", end, { once: true });
    function end(): void {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      if (signal?.aborted) reject(aborted(signal));
      else resolve();
    }
  });
}

type Outcome<Result> = { result: Result } | { retryAfterMs: number | undefined };

async function tryOnce<Result>(
  url: string | URL,
  init: RequestInit,
  { signal, timeoutMs, fetch: send = fetch }: Patience,
  read: (response: Response) => Promise<Result>,
  mayRetry: boolean,
): Promise<Outcome<Result>> {
  const timeout = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs);
  const signals = [signal, timeout].filter((one) => one !== undefined);
  try {
    const response = await send(url, {
      ...init,
      ...(signals.length > 0 ? { signal: AbortSignal.any(signals) } : {}),
    });
    if (mayRetry && RETRY_STATUSES.includes(response.status)) {
      const retryAfterMs = retryAfterOf(response);
      if (retryAfterMs === undefined || retryAfterMs <= MAX_RETRY_DELAY_MS) {
        await response.body?.cancel();
        return { retryAfterMs };
      }
    }
    return { result: await read(response) };
  } catch (cause) {
    if (cause instanceof MeantimeError) throw cause;
    if (signal?.aborted) throw aborted(signal);
    if (timeout?.aborted) throw timedOut(url, timeoutMs);
    throw new MeantimeError(
      "MT-SDK-501",
      `${new URL(url).origin} cannot be reached, or its answer broke off`,
      {
        hint: "Check the address; an answer that never came may still have been given: ask again with the same requestId.",
        cause,
      },
    );
  }
}

function retryAfterOf(response: Response): number | undefined {
  const seconds = response.headers.get("retry-after") ?? "";
  return /^\d{1,9}$/.test(seconds) ? Number(seconds) * 1_000 : undefined;
}

function aborted(signal: AbortSignal): MeantimeError {
  return new MeantimeError("MT-SDK-504", "the request was aborted", {
    hint: "The answer may have been given all the same: ask again with the same requestId to get it.",
    cause: signal.reason,
  });
}

function timedOut(url: string | URL, timeoutMs: number | undefined): MeantimeError {
  return new MeantimeError("MT-SDK-505", `${new URL(url).origin} did not answer within ${timeoutMs} ms`, {
    hint: "Ask again with the same requestId, or wait longer.",
    details: { timeoutMs },
  });
}
