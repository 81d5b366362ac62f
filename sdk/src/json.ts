// SPDX-License-Identifier: MIT
import { MeantimeError } from "./errors.ts";

const UINT64_LIMIT = 1n << 64n;

/** The value as an object with named fields. Throws MT-SDK-004 naming what it should have been. */
export function asRecord(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new MeantimeError("MT-SDK-004", `${what} is not a JSON object`, {
      hint: `Pass ${what} as it was received.`,
      details: { what },
    });
  }
  return value as Record<string, unknown>;
}

/** An unsigned 64-bit integer written as a decimal string (or a JSON number). Throws MT-SDK-005 naming `field`. */
export function asUint64(value: unknown, field: string): bigint {
  const text = typeof value === "number" && Number.isSafeInteger(value) ? String(value) : value;
  if (typeof text === "string" && /^\d{1,20}$/.test(text) && BigInt(text) < UINT64_LIMIT) return BigInt(text);
  throw new MeantimeError("MT-SDK-005", `${field} is not an unsigned 64-bit integer`, {
    hint: `Write ${field} as a decimal string.`,
    details: { field },
  });
}
