// SPDX-License-Identifier: GPL-3.0-or-later

import { TemporaryError } from "../errors.ts";
import { HttpError } from "./http-error.ts";

/** What a client is told of an error: of one that is not its own, no more than that. */
export function refusalFor(error: unknown): HttpError {
  if (error instanceof HttpError) return error;
  if (error instanceof TemporaryError) {
    // A full disk, a signer that is away: what exactly, the log says.
    return new HttpError(
      503,
      error.code,
      "the relayer cannot answer for now",
      "Repeat it later with the same requestId; no receipt was given.",
      5,
    );
  }
  return new HttpError(
    500,
    "MT-GW-013",
    "the relayer failed on this request",
    "Repeat it with the same requestId.",
  );
}
