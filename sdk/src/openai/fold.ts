// SPDX-License-Identifier: MIT
import { isJsonObject, type JsonObject, type JsonValue } from "../canonical-json.ts";
import { MeantimeError } from "../errors.ts";
import { TRANSPORT_MEMBERS } from "./content.ts";

/** Makes one response of the chunks of a stream, while they come. */
export interface AnswerFold {
  /** Takes the next chunk. Throws MT-SDK-511 where it contradicts those before it. */
  add(chunk: JsonValue): void;
  /** The response so far, in the shape of one that was not streamed; for `answerContent`. */
  response(): JsonObject;
}

/** Texts that come in pieces. Every other text comes whole: once, or the same each time. */
const PIECEWISE_TEXTS: readonly string[] = [
  ...["content", "refusal", "reasoning", "reasoning_content", "thinking"],
  ...["text", "arguments", "input", "data", "transcript"],
];

/**
 * Folds the chunks of `/v1/chat/completions` and `/v1/completions`. Choices, and entries of other arrays that have an
 * `index`, are put together by it; texts that come in pieces are joined; arrays are appended; null and empty texts say
 * nothing. What has a value keeps it: clients differ in what they make of another one, so a second value that is not the
 * first is refused.
 */
export function createAnswerFold(): AnswerFold {
  const folded: JsonObject = {};
  return {
    add(chunk) {
      if (!isJsonObject(chunk)) throw contradiction("a chunk is no object");
      const content = Object.entries(chunk).filter(([name]) => !TRANSPORT_MEMBERS.includes(name));
      merge(folded, Object.fromEntries(content.map(([name, value]) => [name, asWhole(name, value)])), "");
    },
    response: () => structuredClone(folded),
  };
}

// A chunk's `delta` becomes the answer's `message`; a choice without an index is the one of its place.
function asWhole(name: string, value: JsonValue): JsonValue {
  if (name !== "choices" || !Array.isArray(value)) return value;
  return value.map((choice, place) => {
    if (!isJsonObject(choice)) throw contradiction("a choice is no object");
    const { delta, ...rest }: JsonObject = { index: place, ...choice };
    if (delta === undefined) return rest;
    if (rest.message !== undefined) throw contradiction("a choice has a delta and a message");
    return { ...rest, message: delta };
  });
}

function merge(target: JsonObject, added: JsonObject, path: string): void {
  for (const [name, value] of Object.entries(added)) {
    const merged = mergeValue(name, own(target, name), value, `${path}${name}`);
    if (merged !== undefined) Object.defineProperty(target, name, { value: merged, ...DATA_PROPERTY });
  }
}

// A chunk may have the name __proto__.
const DATA_PROPERTY = { enumerable: true, configurable: true, writable: true };

function own(target: JsonObject, name: string): JsonValue | undefined {
  return Object.hasOwn(target, name) ? target[name] : undefined;
}

function mergeValue(
  name: string,
  before: JsonValue | undefined,
  added: JsonValue,
  path: string,
): JsonValue | undefined {
  if (added === null) return before;
  if (Array.isArray(added) && (isUnset(before) || Array.isArray(before)))
    return appendAll(Array.isArray(before) ? before : [], added, path);
  if (isJsonObject(added) && (isUnset(before) || isJsonObject(before))) {
    const target = isJsonObject(before) ? before : {};
    merge(target, added, `${path}.`);
    return target;
  }
  if (isUnset(before)) return added;
  if (typeof before === "string" && typeof added === "string") {
    if (PIECEWISE_TEXTS.includes(name)) return before + added;
    if (added === "") return before;
  }
  if (before === added) return before;
  throw contradiction(`${path} has two values`);
}

function isUnset(value: JsonValue | undefined): value is undefined | null | "" {
  return value === undefined || value === null || value === "";
}

function appendAll(entries: JsonValue[], added: JsonValue[], path: string): JsonValue[] {
  for (const entry of added) {
    const index = isJsonObject(entry) ? entry.index : undefined;
    const same =
      index === undefined ? undefined : entries.find((one) => isJsonObject(one) && one.index === index);
    if (isJsonObject(same) && isJsonObject(entry)) merge(same, entry, `${path}[${index}].`);
    else if (isJsonObject(entry)) {
      const fresh: JsonObject = {};
      merge(fresh, entry, `${path}[].`);
      entries.push(fresh);
    } else entries.push(entry);
  }
  return entries;
}

function contradiction(what: string): MeantimeError {
  return new MeantimeError("MT-SDK-511", `the chunks of the stream make no one answer: ${what}`, {
    hint: "Do not use the answer; ask again, without streaming where it happens again.",
  });
}
