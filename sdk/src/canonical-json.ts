// SPDX-License-Identifier: MIT
import { MeantimeError } from "./errors.ts";

/** What JSON can say. */
export type JsonValue = null | boolean | number | string | JsonValue[] | JsonObject;

/** An object of JSON. */
export interface JsonObject {
  [name: string]: JsonValue;
}

/** Deeper documents are refused in both directions: recursion must not exhaust the stack. */
export const MAX_JSON_DEPTH = 128;

/**
 * The canonical JSON of a value by RFC 8785: members in the order of their names' UTF-16 code units, numbers as
 * ECMAScript writes them (so -0 is `0`), no white space. Its UTF-8 bytes are what is hashed.
 *
 * Throws MT-SDK-007 with the place in `details.path` for what has no such form: undefined, NaN, the infinities, big
 * integers, functions, lone surrogates, objects that are not plain, more than 128 levels.
 */
export function canonicalJson(value: unknown): string {
  return write(value, "$", 0);
}

/**
 * Reads JSON (RFC 8259) that has one meaning: what every reader makes of it is what {@link canonicalJson} writes.
 *
 * Throws MT-SDK-008 with the place in `details.offset` for what is no JSON, and where readers differ: names that occur
 * twice in an object, lone surrogates, numbers beyond a double, whole numbers that a double does not hold (beyond 2^53
 * most are others when read), more than 128 levels.
 */
export function parseJson(text: string): JsonValue {
  const reader: Reader = { text, at: 0 };
  skipSpace(reader);
  const value = readValue(reader, 0);
  skipSpace(reader);
  if (reader.at < text.length) throw notJson(reader, "there is something after the end");
  return value;
}

/** Whether a JSON value is an object. */
export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function write(value: unknown, path: string, depth: number): string {
  switch (typeof value) {
    case "string":
      return writeString(value, path);
    case "number":
      if (Number.isFinite(value)) return JSON.stringify(value);
      throw noForm(path, String(value));
    case "boolean":
      return String(value);
    case "object":
      return value === null ? "null" : writeContainer(value, path, depth + 1);
    default:
      throw noForm(path, `a value of type ${typeof value}`);
  }
}

function writeContainer(value: object, path: string, depth: number): string {
  if (depth > MAX_JSON_DEPTH) throw noForm(path, `more than ${MAX_JSON_DEPTH} levels`);
  if (Array.isArray(value)) {
    return `[${Array.from(value, (entry, at) => write(entry, `${path}[${at}]`, depth)).join(",")}]`;
  }
  if (!isPlain(value)) throw noForm(path, "an object that is not plain");
  const members = value as Record<string, unknown>;
  const written = Object.keys(members)
    .sort()
    .map((name) => `${writeString(name, path)}:${write(members[name], `${path}.${name}`, depth)}`);
  return `{${written.join(",")}}`;
}

// Well-formed text is escaped by JSON.stringify exactly as RFC 8785, section 3.2.2.2, says.
function writeString(text: string, path: string): string {
  if (text.isWellFormed()) return JSON.stringify(text);
  throw noForm(path, "a lone surrogate");
}

// Of any realm: what an iframe or a worker has parsed is as plain.
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

interface Reader {
  text: string;
  at: number;
}

const SPACE = /[ \t\n\r]*/y;
/** The other characters that are space have lower codes. */
const SPACE_CODE = 0x20;
const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const LITERALS: [string, JsonValue][] = [
  ["null", null],
  ["true", true],
  ["false", false],
];

function readValue(reader: Reader, depth: number): JsonValue {
  const { text, at } = reader;
  const first = text[at];
  if (first === '"') return readString(reader);
  if (first === "{" || first === "[") {
    if (depth >= MAX_JSON_DEPTH) throw notJson(reader, `it has more than ${MAX_JSON_DEPTH} levels`);
    return first === "{" ? readObject(reader, depth + 1) : readArray(reader, depth + 1);
  }
  for (const [word, value] of LITERALS) {
    if (!text.startsWith(word, at)) continue;
    reader.at += word.length;
    return value;
  }
  return readNumber(reader);
}

function readObject(reader: Reader, depth: number): JsonObject {
  const members = new Map<string, JsonValue>();
  readList(reader, "}", () => {
    const nameAt = reader.at;
    if (reader.text[reader.at] !== '"') throw notJson(reader, "a name is missing");
    const name = readString(reader);
    if (members.has(name)) throw notJson({ ...reader, at: nameAt }, `the name ${name} occurs twice`);
    skipSpace(reader);
    if (reader.text[reader.at] !== ":") throw notJson(reader, "a colon is missing");
    reader.at += 1;
    skipSpace(reader);
    members.set(name, readValue(reader, depth));
  });
  // Assignment would take the name __proto__ for the prototype.
  return Object.fromEntries(members);
}

function readArray(reader: Reader, depth: number): JsonValue[] {
  const entries: JsonValue[] = [];
  readList(reader, "]", () => entries.push(readValue(reader, depth)));
  return entries;
}

function readList(reader: Reader, end: string, readEntry: () => void): void {
  reader.at += 1;
  skipSpace(reader);
  if (reader.text[reader.at] === end) {
    reader.at += 1;
    return;
  }
  for (;;) {
    readEntry();
    skipSpace(reader);
    const next = reader.text[reader.at];
    if (next !== end && next !== ",") throw notJson(reader, `a comma or ${end} is missing`);
    reader.at += 1;
    if (next === end) return;
    skipSpace(reader);
  }
}

// By looking for its end: a regular expression over megabytes of attachment would exhaust its stack.
function readString(reader: Reader): string {
  const { text, at } = reader;
  let end = at;
  do {
    end = text.indexOf('"', end + 1);
    if (end < 0) throw notJson(reader, "a string does not end");
  } while (isEscaped(text, end, at));
  const read = parseStringToken(reader, text.slice(at, end + 1));
  if (!read.isWellFormed()) throw notJson(reader, "a string has a lone surrogate");
  reader.at = end + 1;
  return read;
}

function isEscaped(text: string, quoteAt: number, startAt: number): boolean {
  let backslashes = 0;
  while (quoteAt - 1 - backslashes > startAt && text[quoteAt - 1 - backslashes] === "\\") backslashes++;
  return backslashes % 2 === 1;
}

function parseStringToken(reader: Reader, token: string): string {
  try {
    return JSON.parse(token) as string;
  } catch (cause) {
    throw notJson(reader, "a string has a control character or a bad escape", cause);
  }
}

function readNumber(reader: Reader): number {
  NUMBER.lastIndex = reader.at;
  const [token, fraction, exponent] = NUMBER.exec(reader.text) ?? [];
  if (token === undefined) throw notJson(reader, "a value is missing");
  const value = Number(token);
  if (!Number.isFinite(value)) throw notJson(reader, `${token} is beyond a double`);
  const isWhole = fraction === undefined && exponent === undefined;
  if (isWhole && BigInt(token) !== BigInt(value) && String(value) !== token) {
    throw notJson(reader, `${token} is no double: it would be read as ${value}`);
  }
  reader.at += token.length;
  return value;
}

function skipSpace(reader: Reader): void {
  // Between most characters there is none.
  if (reader.text.charCodeAt(reader.at) > SPACE_CODE) return;
  SPACE.lastIndex = reader.at;
  SPACE.test(reader.text);
  reader.at = SPACE.lastIndex;
}

function noForm(path: string, what: string): MeantimeError {
  return new MeantimeError("MT-SDK-007", `${path} is ${what}, which has no canonical JSON`, {
    hint: "Use null, booleans, finite numbers, well-formed text, arrays and plain objects.",
    details: { path },
  });
}

function notJson({ at }: Reader, what: string, cause?: unknown): MeantimeError {
  return new MeantimeError("MT-SDK-008", `no JSON with one meaning: ${what} (character ${at})`, {
    hint: "Write each name once, and whole numbers beyond 2^53 as strings.",
    details: { offset: at },
    cause,
  });
}
