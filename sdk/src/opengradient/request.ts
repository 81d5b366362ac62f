// SPDX-License-Identifier: MIT
import { isJsonObject, type JsonObject, type JsonValue } from "../canonical-json.ts";
import { MeantimeError } from "../errors.ts";
import { pythonJson } from "./python-json.ts";

/** Members of a chat request that OpenGradient's request hash covers, where they are set. The others it does not. */
export const COVERED_MEMBERS: readonly string[] = [
  ...["model", "messages", "temperature", "max_tokens", "stop", "tools", "response_format", "web_search"],
];

/**
 * The text whose keccak256 is `tee_request_hash` of a chat request: the covered members, messages cut down by role, and a
 * temperature that defaults to zero, by Python's JSON. (OpenGradient/OpenGradient-SDK, `client/tee_verify.py` at 29de49d9.)
 * Throws MT-SDK-902 for a body without model or messages, or with a role that the scheme does not have.
 */
export function hashedRequestText(body: JsonValue): string {
  if (!isJsonObject(body) || typeof body.model !== "string" || !Array.isArray(body.messages)) {
    throw notHashable("it has no model or no messages");
  }
  const { model, messages, temperature, max_tokens, web_search } = body;
  const hashed: JsonObject = {
    model,
    messages: messages.map(hashedMessage),
    temperature: typeof temperature === "number" ? temperature : 0,
    ...(max_tokens === undefined || max_tokens === null ? {} : { max_tokens }),
    ...(isTruthy(web_search) ? { web_search: true } : {}),
  };
  for (const name of ["stop", "tools", "response_format"]) {
    const value = body[name];
    if (value !== undefined && isTruthy(value)) hashed[name] = value;
  }
  return pythonJson(hashed, ["temperature"]);
}

/** The members of a body, and the parts of its messages, that the hash says nothing about. */
export function uncoveredBy(body: JsonValue): string[] {
  if (!isJsonObject(body)) return [];
  const members = Object.keys(body).filter((name) => !COVERED_MEMBERS.includes(name));
  const messages = Array.isArray(body.messages) ? body.messages : [];
  const hasAttachment = messages.some(
    (message) =>
      isJsonObject(message) &&
      Array.isArray(message.content) &&
      message.content.some((part) => isJsonObject(part) && part.type !== "text"),
  );
  return [...members, ...(hasAttachment ? ["the bytes of the attachments"] : [])];
}

function hashedMessage(message: JsonValue): JsonObject {
  if (!isJsonObject(message)) throw notHashable("a message is no object");
  const { role, content = null, tool_calls, tool_call_id = null, name = null } = message;
  switch (role) {
    case "system":
    case "developer":
      return { role: "system", content };
    case "user":
      return { role, content: hashedUserContent(content) };
    case "assistant": {
      const calls =
        Array.isArray(tool_calls) && tool_calls.length > 0 ? { tool_calls: tool_calls.map(hashedCall) } : {};
      return { role, content: isTruthy(content) ? content : "", ...calls };
    }
    case "tool":
      return { role, content, tool_call_id };
    case "function":
      return { role, content, name };
    default:
      throw notHashable(`the role ${JSON.stringify(role)} is unknown`);
  }
}

// Attachments are reduced to their type and file name.
function hashedUserContent(content: JsonValue): JsonValue {
  if (!Array.isArray(content)) return content;
  return content.map((part): JsonObject => {
    if (!isJsonObject(part)) throw notHashable("a part of a message is no object");
    if (part.type === "text") return { type: "text", text: part.text ?? "" };
    const file = isJsonObject(part.file) ? part.file.filename : undefined;
    const filename = isTruthy(file) ? file : part.filename;
    return { type: part.type ?? null, ...(isTruthy(filename) ? { filename: filename ?? "" } : {}) };
  });
}

function hashedCall(call: JsonValue): JsonObject {
  const { id = "", type = "function", function: called = {} } = isJsonObject(call) ? call : {};
  const { name = "", arguments: text = "" } = isJsonObject(called) ? called : {};
  return { id, type, function: { name, arguments: text } };
}

// As Python counts: nothing, zero and what is empty are false.
function isTruthy(value: JsonValue | undefined): boolean {
  if (typeof value === "object" && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
}

function notHashable(what: string): MeantimeError {
  return new MeantimeError("MT-SDK-902", `OpenGradient hashes no such request: ${what}`, {
    hint: "Pass the chat request as it was sent.",
  });
}
