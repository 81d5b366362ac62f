// SPDX-License-Identifier: MIT
import type { Address, Hex } from "@meantime/sdk/hex";

/** Reads one value of an answer, or throws {@link MalformedAnswer} naming where it is. */
export type Reader<Value> = (value: unknown, where: string) => Value;

/** An answer that is not of the promised shape. Nothing of it is shown. */
export class MalformedAnswer extends Error {
  constructor(where: string, expected: string) {
    super(`${where} is not ${expected}`);
    this.name = "MalformedAnswer";
  }
}

const MAX_TEXT = 512;
const MAX_ITEMS = 10_000;

/** 32 bytes in lower-case hexadecimal. */
export const id: Reader<Hex> = (value, where) => matching(value, /^0x[0-9a-f]{64}$/, where, "an id");

/** 20 bytes in lower-case hexadecimal. */
export const address: Reader<Address> = (value, where) =>
  matching(value, /^0x[0-9a-f]{40}$/, where, "an address");

/** Bytes of any length in hexadecimal. */
export const bytes: Reader<Hex> = (value, where) => matching(value, /^0x([0-9a-f]{2})*$/i, where, "bytes");

/** Text as people wrote it, without what could hide in it: control characters and changes of direction. */
export const text: Reader<string> = (value, where) => {
  if (typeof value !== "string" || value.length > MAX_TEXT)
    throw new MalformedAnswer(where, `a text of at most ${MAX_TEXT} characters`);
  return value.replace(/[\p{Cc}\p{Cf}]/gu, "\u{fffd}");
};

/** A whole number from zero on: a count, a block, seconds. Decimal strings are taken too. */
export const whole: Reader<number> = (value, where) => {
  const number = typeof value === "string" && /^\d{1,16}$/.test(value) ? Number(value) : value;
  if (typeof number === "number" && Number.isSafeInteger(number) && number >= 0) return number;
  throw new MalformedAnswer(where, "a whole number");
};

/** A number from zero on, with or without a fraction. */
export const quantity: Reader<number> = (value, where) => {
  if (typeof value === "number" && Number.isFinite(value) && value >= 0) return value;
  throw new MalformedAnswer(where, "a number");
};

/** An amount in a token's smallest unit. */
export const wei: Reader<bigint> = (value, where) => {
  if (typeof value === "string" && /^\d{1,78}$/.test(value)) return BigInt(value);
  throw new MalformedAnswer(where, "an amount");
};

export const flag: Reader<boolean> = (value, where) => {
  if (typeof value === "boolean") return value;
  throw new MalformedAnswer(where, "true or false");
};

/** Anything: for what is validated elsewhere. */
export const anything: Reader<unknown> = (value) => value;

/** One of some words. */
export function oneOf<const Word extends string>(...words: Word[]): Reader<Word> {
  return (value, where) => {
    const found = words.find((word) => word === value);
    if (found !== undefined) return found;
    throw new MalformedAnswer(where, `one of ${words.join(", ")}`);
  };
}

/** Null where there is nothing. */
export function orNull<Value>(read: Reader<Value>): Reader<Value | null> {
  return (value, where) => (value === null || value === undefined ? null : read(value, where));
}

export function list<Value>(read: Reader<Value>): Reader<Value[]> {
  return (value, where) => {
    if (!Array.isArray(value) || value.length > MAX_ITEMS) throw new MalformedAnswer(where, "a list");
    return value.map((item, at) => read(item, `${where}[${at}]`));
  };
}

/** An object of the named members; others are left out. */
export function shape<Shape extends object>(
  members: { [Name in keyof Shape]: Reader<Shape[Name]> },
): Reader<Shape> {
  return (value, where) => {
    const fields = asObject(value, where);
    const names = Object.keys(members) as (keyof Shape & string)[];
    const entries = names.map((name) => [name, members[name](own(fields, name), `${where}.${name}`)]);
    return Object.fromEntries(entries) as Shape;
  };
}

/** A number for each of some names. */
export const counts: Reader<ReadonlyMap<string, number>> = (value, where) =>
  new Map(
    Object.entries(asObject(value, where)).map(([name, number]) => [name, whole(number, `${where}.${name}`)]),
  );

/** A text for each of some names; values of other types as JSON, and long ones cut. */
export const texts: Reader<ReadonlyMap<string, string>> = (value, where) =>
  new Map(
    Object.entries(asObject(value, where)).map(([name, one]) => {
      const whole = typeof one === "string" ? one : JSON.stringify(one);
      const cut = whole.length > MAX_TEXT ? `${whole.slice(0, MAX_TEXT - 1)}…` : whole;
      return [text(name, where), text(cut, `${where}.${name}`)];
    }),
  );

function asObject(value: unknown, where: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new MalformedAnswer(where, "an object");
}

function own(fields: Record<string, unknown>, name: string): unknown {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}

function matching(value: unknown, pattern: RegExp, where: string, what: string): Hex {
  if (typeof value === "string" && pattern.test(value)) return value as Hex;
  throw new MalformedAnswer(where, what);
}
