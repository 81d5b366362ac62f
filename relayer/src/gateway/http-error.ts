// SPDX-License-Identifier: GPL-3.0-or-later

import type { ContentfulStatusCode } from "hono/utils/http-status";
import { RelayerError } from "../errors.ts";

/** A refusal that a client sees as {@link ErrorBody}. */
export class HttpError extends RelayerError {
  readonly status: ContentfulStatusCode;
  /** Where trying again later can help: after how many seconds. */
  readonly retryAfterSeconds: number | undefined;
  /** The member of the request that is to blame. */
  readonly param: string | null;
  /** For the answer, beside its usual ones. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: ContentfulStatusCode,
    code: string,
    message: string,
    hint: string,
    retryAfterSeconds?: number,
    param: string | null = null,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(code, message, hint);
    this.name = "HttpError";
    this.status = status;
    this.retryAfterSeconds = retryAfterSeconds;
    this.param = param;
    this.headers = headers;
  }
}

/** OpenAI's error object, so that its clients show our words; `code` has a heading in `docs/ERRORS.md`. */
export interface ErrorBody {
  error: { message: string; type: ErrorType; param: string | null; code: string; hint: string };
}

/** Named as OpenAI names them; `payment_required_error` is ours. */
export const ERROR_TYPES = [
  "invalid_request_error",
  "authentication_error",
  "payment_required_error",
  "permission_error",
  "not_found_error",
  "rate_limit_error",
  "server_error",
] as const;

type ErrorType = (typeof ERROR_TYPES)[number];

/** The body of every refusal, on every route. */
export function errorBody({ status, code, message, hint, param }: HttpError): ErrorBody {
  return { error: { message, type: typeOf(status), param, code, hint } };
}

function typeOf(status: number): ErrorType {
  if (status >= 500) return "server_error";
  switch (status) {
    case 401:
      return "authentication_error";
    case 402:
      return "payment_required_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 429:
      return "rate_limit_error";
    default:
      return "invalid_request_error";
  }
}
