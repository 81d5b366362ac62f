// SPDX-License-Identifier: GPL-3.0-or-later

import type { Address, Hex } from "@meantime/sdk/hex";
import type { Context } from "hono";
import { HttpError } from "../../gateway/http-error.ts";

/** A part of a list: at most `limit` rows after the place that `cursor` names. */
export interface Page {
  limit: number;
  /** The key of the last row that was seen; undefined: from the beginning. */
  cursor: number[] | undefined;
}

const DEFAULT_LIMIT = 50;
const LARGEST_LIMIT = 500;

/**
 * What page of a list is asked for.
 *
 * @param keyLength how many numbers the key of a row has
 * @throws HttpError `MT-IDX-001` a limit out of range; `MT-IDX-002` a cursor of another list, or none
 */
export function pageOf(context: Context, keyLength: number): Page {
  const limit = wholeNumber(context, "limit", 1, LARGEST_LIMIT) ?? DEFAULT_LIMIT;
  const text = context.req.query("cursor");
  return { limit, cursor: text === undefined ? undefined : readCursor(text, keyLength) };
}

/** Names a place in a list. Nobody but this program reads it. */
export function writeCursor(key: readonly number[]): string {
  return Buffer.from(key.join(".")).toString("base64url");
}

/** @throws HttpError `MT-IDX-002` */
export function readCursor(text: string, keyLength: number): number[] {
  const key = Buffer.from(text, "base64url").toString("latin1").split(".").map(toNumber);
  if (key.length === keyLength && key.every(Number.isSafeInteger)) return key;
  throw new HttpError(
    400,
    "MT-IDX-002",
    "the cursor is none of this list",
    "Begin without a cursor, and go on with the nextCursor of the answer.",
  );
}

function toNumber(part: string): number {
  return /^-?[0-9]{1,16}$/.test(part) ? Number(part) : Number.NaN;
}

/** An id of 32 bytes in lower case; undefined: not given. @throws HttpError `MT-IDX-001` */
export function hashParameter(context: Context, name: string): Hex | undefined {
  return hexParameter(context, name, 32);
}

/** An address in lower case; undefined: not given. @throws HttpError `MT-IDX-001` */
export function addressParameter(context: Context, name: string): Address | undefined {
  return hexParameter(context, name, 20);
}

function hexParameter(context: Context, name: string, bytes: number): Hex | undefined {
  const text = context.req.query(name);
  if (text === undefined) return undefined;
  if (isHex(text, bytes)) return text.toLowerCase() as Hex;
  throw badQuery(name, `must be 0x followed by ${bytes * 2} hex digits`);
}

/** The id in the path. @throws HttpError `MT-IDX-001` */
export function pathId(context: Context, name: string, bytes: 20 | 32): Hex {
  const text = context.req.param(name) ?? "";
  if (isHex(text, bytes)) return text.toLowerCase() as Hex;
  throw badQuery(name, `must be 0x followed by ${bytes * 2} hex digits`);
}

/** Whether a text is so many bytes in hexadecimal. */
export function isHex(text: string, bytes: number): boolean {
  return text.length === 2 + bytes * 2 && /^0x[0-9a-fA-F]*$/.test(text);
}

/** @throws HttpError `MT-IDX-001` */
export function wholeNumber(
  context: Context,
  name: string,
  atLeast: number,
  atMost: number,
): number | undefined {
  const text = context.req.query(name);
  if (text === undefined) return undefined;
  const value = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= atLeast && value <= atMost) return value;
  throw badQuery(name, `must be a whole number from ${atLeast} to ${atMost}`);
}

/** One of some words; undefined: not given. @throws HttpError `MT-IDX-001` */
export function wordParameter<Word extends string>(
  context: Context,
  name: string,
  words: readonly Word[],
): Word | undefined {
  const text = context.req.query(name);
  if (text === undefined) return undefined;
  const word = words.find((each) => each === text);
  if (word !== undefined) return word;
  throw badQuery(name, `must be one of ${words.join(", ")}`);
}

/** A parameter that cannot be understood. */
export function badQuery(name: string, reason: string): HttpError {
  return new HttpError(400, "MT-IDX-001", `${name}: ${reason}`, "docs/INDEXING.md lists every parameter.");
}

/** Something that is not in the index. */
export function notIndexed(what: string): HttpError {
  return new HttpError(
    404,
    "MT-IDX-003",
    `there is no such ${what} in the index`,
    "Check the id, and whether the index has read as far: its root says how far.",
  );
}
