// SPDX-License-Identifier: MIT

/** What an error says beside its message. */
export interface ErrorContext {
  /** What to do about it, in one sentence. */
  hint: string;
  /** The values it is about. */
  details?: Record<string, unknown>;
  /** The error underneath. */
  cause?: unknown;
}

/**
 * An error with a stable code (`MT-<part>-<number>`) that programs can act on and a hint that people can.
 * Codes of the SDK: 0xx encoding, 1xx receipts and signatures, 2xx commitments, 3xx models, 4xx proofs, 5xx client,
 * 6xx enclaves, 7xx chain, 8xx bundles, 9xx receipts of other systems.
 */
export class MeantimeError extends Error {
  readonly code: string;
  readonly hint: string;
  readonly details: Record<string, unknown>;

  constructor(code: string, message: string, { hint, details = {}, cause }: ErrorContext) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "MeantimeError";
    this.code = code;
    this.hint = hint;
    this.details = details;
  }
}
