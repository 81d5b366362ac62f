// SPDX-License-Identifier: GPL-3.0-or-later

import type { ContentfulStatusCode } from "hono/utils/http-status";
import { RelayerError } from "../errors.ts";

/** A refusal that a client sees as `{"error": {code, message, hint}}`. */
export class HttpError extends RelayerError {
  readonly status: ContentfulStatusCode;
  /** Where trying again later can help: after how many seconds. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    status: ContentfulStatusCode,
    code: string,
    message: string,
    hint: string,
    retryAfterSeconds?: number,
  ) {
    super(code, message, hint);
    this.name = "HttpError";
    this.status = status;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}
