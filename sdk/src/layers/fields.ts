// SPDX-License-Identifier: MIT
import { MeantimeError } from "../errors.ts";

/** A whole number from `min` to `max`. Throws MT-SDK-301 naming `where`. */
export function asCount(value: unknown, where: string, min: number, max: number): number {
  if (isIntegerWithin(value, min, max)) return value;
  throw malformed(`${where} is not an integer from ${min} to ${max}`, "Correct it in the specification.");
}

/** A list with elements. Throws MT-SDK-301 naming `where`. */
export function asList(value: unknown, where: string): unknown[] {
  if (Array.isArray(value) && value.length > 0) return value;
  throw malformed(`${where} is not a list with elements`, "Correct it in the specification.");
}

/** A list of integers below 2^53 in magnitude. Throws MT-SDK-301 naming `where` and the place. */
export function asIntegers(value: unknown, where: string): number[] {
  const list = asList(value, where);
  const at = list.findIndex((entry) => !Number.isSafeInteger(entry));
  if (at >= 0) throw malformed(`${where}.${at} is not an integer`, "Quantise the weights.");
  return list as number[];
}

export function isIntegerWithin(value: unknown, min: number, max: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= min && value <= max;
}

/** The error for everything that is wrong with a specification: MT-SDK-301. */
export function malformed(message: string, hint: string): MeantimeError {
  return new MeantimeError("MT-SDK-301", `model specification: ${message}`, { hint });
}
