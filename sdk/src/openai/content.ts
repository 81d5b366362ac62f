// SPDX-License-Identifier: MIT
import { isJsonObject, type JsonObject, type JsonValue } from "../canonical-json.ts";
import { MeantimeError } from "../errors.ts";

/** The OpenAI-shaped routes whose answers come with receipts. */
export const OPENAI_PATHS = ["/v1/chat/completions", "/v1/completions", "/v1/embeddings"] as const;

/** One of {@link OPENAI_PATHS}. */
export type OpenAiPath = (typeof OPENAI_PATHS)[number];

/**
 * Members of a response that are transport and bound by no hash: names and times of the delivery, metering, what the
 * upstream says of its deployment, padding, and the receipt itself. Every other member is content.
 */
export const TRANSPORT_MEMBERS: readonly string[] = [
  "id",
  "object",
  "created",
  "usage",
  "system_fingerprint",
  "service_tier",
  "obfuscation",
  "receipt",
];

/**
 * What an answer says, in one form whether it was streamed or not:
 *
 * 1. without the top-level {@link TRANSPORT_MEMBERS};
 * 2. choices (of embeddings: data) in the order of their `index`, which defaults to their place;
 * 3. tool calls in the order of their `index`, without it;
 * 4. without members, at every depth, that are null, an empty text, an empty array or an empty object: a stream leaves
 *    out what a whole answer shows as empty.
 *
 * Throws MT-SDK-510 for what is no answer: an error, no choices, two choices of one index.
 */
export function answerContent(path: OpenAiPath, response: JsonValue): JsonObject {
  if (!isJsonObject(response)) throw noAnswer("it is no object");
  if (response.error !== undefined && response.error !== null) throw noAnswer("it is an error");
  const list = path === "/v1/embeddings" ? "data" : "choices";
  const content = Object.entries(response).filter(([name]) => !TRANSPORT_MEMBERS.includes(name));
  const ordered = content.map(([name, value]): [string, JsonValue] => [
    name,
    name === list ? byIndex(value, list).map(orderToolCalls) : value,
  ]);
  if (!ordered.some(([name]) => name === list)) throw noAnswer(`it has no ${list}`);
  return withoutEmpty(Object.fromEntries(ordered));
}

function byIndex(value: JsonValue, what: string): JsonObject[] {
  if (!Array.isArray(value) || value.length === 0) throw noAnswer(`it has no ${what}`);
  const entries = value.map((entry, place): JsonObject => {
    if (!isJsonObject(entry)) throw noAnswer(`${what}[${place}] is no object`);
    return { ...entry, index: entry.index ?? place };
  });
  const places = entries.map(({ index }) => index);
  if (!places.every((place) => Number.isSafeInteger(place)) || new Set(places).size < places.length) {
    throw noAnswer(`the indices of its ${what} are not whole numbers, each once`);
  }
  return entries.sort((a, b) => Number(a.index) - Number(b.index));
}

function orderToolCalls(choice: JsonObject): JsonObject {
  const { message } = choice;
  if (!isJsonObject(message) || !Array.isArray(message.tool_calls) || message.tool_calls.length === 0)
    return choice;
  const calls = byIndex(message.tool_calls, "tool calls").map(({ index: _, ...call }) => call);
  return { ...choice, message: { ...message, tool_calls: calls } };
}

function withoutEmpty(members: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(members)
      .map(([name, value]): [string, JsonValue] => [name, prune(value)])
      .filter(([, value]) => !isEmpty(value)),
  );
}

function prune(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(prune);
  return isJsonObject(value) ? withoutEmpty(value) : value;
}

function isEmpty(value: JsonValue): boolean {
  if (value === null || value === "") return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

function noAnswer(what: string): MeantimeError {
  return new MeantimeError("MT-SDK-510", `this is no answer that a receipt could be about: ${what}`, {
    hint: "Do not use it; ask again.",
  });
}
