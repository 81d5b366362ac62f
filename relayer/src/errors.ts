// SPDX-License-Identifier: GPL-3.0-or-later

import { MeantimeError } from "@meantime/sdk/errors";

/**
 * An error that an operator or a client can act on.
 *
 * `code` is stable (`MT-<area>-<number>`, each with a heading in `docs/ERRORS.md`) so that alarms and runbooks can key on it; `hint`
 * says what to do next.
 */
export class RelayerError extends MeantimeError {
  constructor(code: string, message: string, hint: string, details: Record<string, unknown> = {}) {
    super(code, message, { hint, details });
    this.name = "RelayerError";
  }
}

/** An error whose cause may pass by itself: the command line exits with 75 instead of 1, and a supervisor retries. */
export class TemporaryError extends RelayerError {}

/** Where a code's cause and cure are written down, in this repository. */
export function docsLink(code: string): string {
  return `docs/ERRORS.md#${code.toLowerCase()}`;
}

/** What a log line says about any thrown value. */
export function describeError(error: unknown): {
  code: string;
  message: string;
  hint?: string;
  stack?: string;
} {
  if (error instanceof MeantimeError) return { code: error.code, message: error.message, hint: error.hint };
  if (error instanceof Error) {
    return { code: "MT-OPS-001", message: error.message, ...(error.stack ? { stack: error.stack } : {}) };
  }
  return { code: "MT-OPS-001", message: String(error) };
}
