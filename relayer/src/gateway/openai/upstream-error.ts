// SPDX-License-Identifier: GPL-3.0-or-later

import type { ContentfulStatusCode } from "hono/utils/http-status";
import { HttpError } from "../http-error.ts";

const RETRY_AFTER_SECONDS = 5;
const MAX_RETRY_AFTER_SECONDS = 3_600;
const MAX_MESSAGE = 500;

/** Statuses by which the upstream refuses the operator, who has to mend it: no client's key is meant. */
const OPERATORS_FAULT: readonly number[] = [401, 402, 403, 407];

/** An upstream that cannot be asked. */
export function unreachable(cause: NodeJS.ErrnoException): HttpError {
  return new HttpError(
    502,
    "MT-GW-061",
    `the model's server cannot be reached (${cause.code ?? cause.name})`,
    "Repeat it later; no receipt was given.",
    RETRY_AFTER_SECONDS,
  );
}

/** An upstream that took too long. */
export function timedOut(seconds: number): HttpError {
  return new HttpError(
    504,
    "MT-GW-062",
    `the model's server did not answer within ${seconds} s`,
    "Ask for less, or repeat it later; no receipt was given.",
  );
}

/** An answer that no receipt could be about. */
export function noAnswer(what: string): HttpError {
  return new HttpError(
    502,
    "MT-GW-066",
    `the model's server gave no answer that a receipt could be about: ${what}`,
    "Repeat it; no receipt was given.",
  );
}

/** A refusal of the upstream in our words. @param text its body, without our key */
export function refusedBy(status: number, text: string, retryAfter: string | undefined): HttpError {
  const { message, param } = parseRefusal(text);
  if (OPERATORS_FAULT.includes(status)) {
    return new HttpError(
      502,
      "MT-GW-065",
      "the model's server refuses this gateway",
      "The operator has to look into it; no receipt was given.",
    );
  }
  if (status === 429) {
    return new HttpError(
      429,
      "MT-GW-063",
      `the model's server is asked too often: ${message}`,
      "Repeat it later; no receipt was given.",
      secondsOf(retryAfter),
      param,
    );
  }
  if (status >= 400 && status < 500) {
    return new HttpError(
      status as ContentfulStatusCode,
      "MT-GW-064",
      message || `the model's server refuses the request with ${status}`,
      "The model's server refused the request; correct it.",
      undefined,
      param,
    );
  }
  return new HttpError(
    status === 503 ? 503 : 502,
    "MT-GW-061",
    `the model's server failed with ${status}`,
    "Repeat it later; no receipt was given.",
    secondsOf(retryAfter),
  );
}

/** What can be read of a refusal in OpenAI's shape, or in a similar one. */
function parseRefusal(text: string): { message: string; param: string | null } {
  try {
    return refusalIn(JSON.parse(text));
  } catch {
    return { message: "", param: null };
  }
}

function refusalIn(json: unknown): { message: string; param: string | null } {
  const { error, message } = asObject(json);
  const { message: inner, param } = asObject(error);
  const said = [inner, error, message].find((one) => typeof one === "string") ?? "";
  return { message: String(said).slice(0, MAX_MESSAGE), param: typeof param === "string" ? param : null };
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

/** Seconds, or a date, as RFC 9110 allows. */
function secondsOf(retryAfter: string | undefined): number {
  if (retryAfter === undefined) return RETRY_AFTER_SECONDS;
  const seconds = Number(retryAfter);
  const wait = Number.isFinite(seconds) ? seconds : (Date.parse(retryAfter) - Date.now()) / 1_000;
  if (!Number.isFinite(wait)) return RETRY_AFTER_SECONDS;
  return Math.min(Math.max(Math.ceil(wait), 0), MAX_RETRY_AFTER_SECONDS);
}
