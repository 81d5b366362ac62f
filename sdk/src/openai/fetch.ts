// SPDX-License-Identifier: MIT
import { isJsonObject, type JsonValue, parseJson } from "../canonical-json.ts";
import { MeantimeError } from "../errors.ts";
import { type Address, asHex32, type Hex, randomBytes32 } from "../hex.ts";
import { bodyParts, exchange, type Patience } from "../http.ts";
import { parseReceipt, type Receipt, verifyReceipt } from "../receipt.ts";
import { refusal } from "../refusal.ts";
import { randomSalt } from "../salt.ts";
import { chunkOf, createEventReader, writeEvent } from "../server-events.ts";
import { resolveTrust, type Trust } from "../trust.ts";
import { hashInput, hashOutput, inputBytes, outputBytes } from "./commitment.ts";
import { OPENAI_PATHS, type OpenAiPath } from "./content.ts";
import { createAnswerFold } from "./fold.ts";

/** The terms under which a model is asked. The holder knows them, from the chain; the gateway is not believed. */
export interface ModelTerms {
  /** The model id. */
  id: Hex;
  operator: Address;
  policyId: Hex;
}

/** What the wrapper needs to know. */
export interface MeantimeFetchOptions extends Patience {
  trust: Trust;
  /** Whom a rejection compensates. */
  requester: Address;
  /** By the name that requests give in `model`. */
  models: Readonly<Record<string, ModelTerms>>;
  /**
   * `hold` (the default): nothing of a stream is handed over before its receipt was checked. `through`: chunks are handed
   * over as they come, all but those from the first `finish_reason` on; when the receipt is bad the stream ends in an error
   * instead. What was shown until then is nobody's promise. Either way the data of events is handed over, which was judged, and
   * not their names, ids and comments.
   */
  streaming?: "hold" | "through";
  /** An answer longer than this is refused. Default: 16 MiB. */
  maxAnswerBytes?: number;
  /** Told of every receipt that was checked, before the answer is handed over (its end, with `through`). Keep what it is told. */
  onReceipt?: (exchange: VerifiedExchange) => void;
}

/** A checked receipt with what opens it: what a report of an omission, a challenge or an audit needs. */
export interface VerifiedExchange {
  path: OpenAiPath;
  receipt: Receipt;
  /** The bytes that were hashed, and their salt. */
  opening: { input: Uint8Array; salt: Hex; output: Uint8Array };
}

/** The headers of a request that say for whom and on what terms it is made. */
export const REQUEST_HEADERS = {
  requester: "meantime-requester",
  requestId: "meantime-request-id",
  policy: "meantime-policy",
  salt: "meantime-salt",
} as const;

/** The header of an answer by which the wrapper tells the claim id of the receipt that it has checked. */
export const CLAIM_ID_HEADER = "meantime-claim-id";

const DEFAULT_MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/**
 * A `fetch` for the `fetch` option of the official `openai` client, and for any other code that speaks to
 * `/v1/chat/completions`, `/v1/completions` or `/v1/embeddings`. It adds a request id and a salt, and checks the receipt
 * against what was sent and received before the answer is handed over. GET passes untouched, refusals of the gateway too.
 *
 * Throws MT-SDK-501, -504, -505 as `exchange`; -506 for an answer that is too long; -507 for one without a receipt; -508
 * for a request that has none (another path, a body that is no text); -509 for a model without terms; -503 for an error in
 * a stream; -510 to -512 for an answer that is none; -007 and -008; the errors of `verifyReceipt` and of `resolveTrust`. The
 * `openai` client wraps what a `fetch` throws: see {@link meantimeErrorOf}.
 */
export function createMeantimeFetch(
  options: MeantimeFetchOptions,
): (input: string | URL | Request, init?: RequestInit) => Promise<Response> {
  return async (input, init = {}) => {
    const { url, init: plain } = input instanceof Request ? await unpack(input, init) : { url: input, init };
    const method = plain.method ?? "GET";
    if (["GET", "HEAD"].includes(method)) return (options.fetch ?? fetch)(url, plain);
    const path = OPENAI_PATHS.find((one) => new URL(url).pathname.endsWith(one));
    if (path === undefined) throw withoutReceipt(`${method} ${new URL(url).pathname}`);
    if (typeof plain.body !== "string") throw withoutReceipt("a body that is no text");
    return ask(options, path, url, { ...plain, body: plain.body });
  };
}

/** The `MeantimeError` in an error or among its causes: the `openai` client wraps what a `fetch` throws. */
export function meantimeErrorOf(error: unknown): MeantimeError | undefined {
  for (let one = error; one instanceof Error; one = one.cause) if (one instanceof MeantimeError) return one;
  return undefined;
}

/** What an exchange is checked against, known before anything is sent. */
interface Asked {
  path: OpenAiPath;
  terms: ModelTerms;
  requester: Address;
  requestId: Hex;
  salt: Hex;
  input: Uint8Array;
}

async function ask(
  options: MeantimeFetchOptions,
  path: OpenAiPath,
  url: string | URL,
  init: RequestInit & { body: string },
): Promise<Response> {
  const body = parseJson(init.body);
  const headers = new Headers(init.headers);
  const asked: Asked = {
    ...{ path, terms: termsOf(options, body), requester: options.requester },
    requestId: asHex32(headers.get(REQUEST_HEADERS.requestId) ?? randomBytes32(), REQUEST_HEADERS.requestId),
    salt: asHex32(headers.get(REQUEST_HEADERS.salt) ?? randomSalt(), REQUEST_HEADERS.salt),
    input: inputBytes({ path, body }),
  };
  headers.set(REQUEST_HEADERS.requester, asked.requester);
  headers.set(REQUEST_HEADERS.requestId, asked.requestId);
  headers.set(REQUEST_HEADERS.policy, asked.terms.policyId);
  headers.set(REQUEST_HEADERS.salt, asked.salt);

  const signals = [init.signal, options.signal].filter((signal) => signal instanceof AbortSignal);
  const patience = { ...options, ...(signals.length > 0 ? { signal: AbortSignal.any(signals) } : {}) };
  const { response, text } = await exchange(url, { ...init, headers }, patience, (heard) =>
    listen(options, heard),
  );
  // Judged outside the exchange: a chain that cannot be reached is no reason to ask the gateway again.
  if (!response.ok) return response;
  if (text === undefined) return passThrough(options, asked, response);
  const { receipt, whole, shown } = isStream(response) ? wholeStream(text) : wholeBody(text);
  return rebuilt(response, shown, await check(options, asked, receipt, whole));
}

/** Reads an answer to its end, but refusals, and streams that are to be passed through. */
async function listen(
  { streaming, maxAnswerBytes = DEFAULT_MAX_ANSWER_BYTES }: MeantimeFetchOptions,
  response: Response,
): Promise<{ response: Response; text?: string }> {
  const isLeftAlone = !response.ok || (isStream(response) && streaming === "through");
  return isLeftAlone ? { response } : { response, text: await readText(response, maxAnswerBytes) };
}

function isStream({ headers }: Response): boolean {
  return headers.get("content-type")?.startsWith("text/event-stream") ?? false;
}

/** The answer as a whole, and the receipt that came with it. */
interface Received {
  receipt: JsonValue | undefined;
  whole: JsonValue;
}

/** What is received, and the text that is handed over once it was checked. */
interface Held extends Received {
  shown: string;
}

function wholeBody(text: string): Held {
  const whole = parseJson(text);
  return { receipt: isJsonObject(whole) ? whole.receipt : undefined, whole, shown: text };
}

// Only what was judged is shown: clients go by names of events and other fields too, which nobody signs.
function wholeStream(text: string): Held {
  const stream = createReceivedStream();
  const events = createEventReader().push(text);
  for (const data of events) stream.take(data);
  return { ...stream.end(), shown: events.map(writeEvent).join("") };
}

/** Puts a stream together, until its end. */
function createReceivedStream() {
  const fold = createAnswerFold();
  let receipt: JsonValue | undefined;
  let hasEnded = false;
  return {
    /** The chunk in an event; undefined for the end. */
    take(data: string): JsonValue | undefined {
      if (hasEnded) throw brokenStream("it goes on after its end");
      const chunk = chunkOf(data);
      if (chunk === undefined) hasEnded = true;
      else {
        if (isJsonObject(chunk) && isJsonObject(chunk.error)) throw refusal(200, chunk.error);
        if (isJsonObject(chunk) && chunk.receipt !== undefined) receipt = chunk.receipt;
        fold.add(chunk);
      }
      return chunk;
    },
    end(): Received {
      if (!hasEnded) throw brokenStream("it broke off");
      return { receipt, whole: fold.response() };
    },
  };
}

async function check(
  { trust, onReceipt }: MeantimeFetchOptions,
  { path, terms, requester, requestId, salt, input }: Asked,
  received: JsonValue | undefined,
  whole: JsonValue,
): Promise<Receipt> {
  if (received === undefined) throw noReceipt();
  const receipt = parseReceipt(received);
  const output = outputBytes({ path, response: whole });
  verifyReceipt(receipt, {
    ...(await resolveTrust(trust, receipt)),
    expected: {
      ...{ modelId: terms.id, policyId: terms.policyId, operator: terms.operator, requester, requestId },
      inputHash: hashInput(input, salt),
      outputHash: hashOutput(output, salt),
    },
  });
  onReceipt?.({ path, receipt, opening: { input, salt, output } });
  return receipt;
}

function passThrough(options: MeantimeFetchOptions, asked: Asked, response: Response): Response {
  const maxBytes = options.maxAnswerBytes ?? DEFAULT_MAX_ANSWER_BYTES;
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const encoder = new TextEncoder();
  const reader = createEventReader();
  const stream = createReceivedStream();
  const held: string[] = [];
  let bytes = 0;
  const guard = new TransformStream<Uint8Array, Uint8Array>({
    transform(part, controller) {
      bytes += part.length;
      if (bytes > maxBytes) throw tooLong(maxBytes);
      for (const data of reader.push(decoder.decode(part, { stream: true }))) {
        const chunk = stream.take(data);
        if (held.length > 0 || chunk === undefined || ends(chunk)) held.push(data);
        else controller.enqueue(encoder.encode(writeEvent(data)));
      }
    },
    async flush(controller) {
      const { receipt, whole } = stream.end();
      await check(options, asked, receipt, whole);
      controller.enqueue(encoder.encode(held.map(writeEvent).join("")));
    },
  });
  if (response.body === null) throw brokenStream("it has no body");
  return rebuilt(response, response.body.pipeThrough(guard));
}

/** From here on a client could take the answer for whole. */
function ends(chunk: JsonValue): boolean {
  if (!isJsonObject(chunk)) return true;
  const { choices, receipt } = chunk;
  const isLast = (choice: JsonValue) => isJsonObject(choice) && (choice.finish_reason ?? null) !== null;
  return receipt !== undefined || (Array.isArray(choices) && choices.some(isLast));
}

function rebuilt(
  { status, statusText, headers }: Response,
  body: string | ReadableStream<Uint8Array>,
  receipt?: Receipt,
): Response {
  const kept = new Headers(headers);
  // The body is decoded already; and what the gateway says of receipts in headers was not checked.
  const isStale = (name: string) =>
    name.startsWith("meantime-") || ["content-encoding", "content-length"].includes(name);
  for (const name of [...headers.keys()].filter(isStale)) kept.delete(name);
  if (receipt !== undefined) kept.set(CLAIM_ID_HEADER, receipt.claimId);
  return new Response(body, { status, statusText, headers: kept });
}

async function readText(response: Response, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let text = "";
  let bytes = 0;
  for await (const part of bodyParts(response)) {
    bytes += part.length;
    if (bytes > maxBytes) throw tooLong(maxBytes);
    text += decoder.decode(part, { stream: true });
  }
  return text + decoder.decode();
}

function termsOf({ models }: MeantimeFetchOptions, body: JsonValue): ModelTerms {
  const name = isJsonObject(body) ? body.model : undefined;
  if (typeof name === "string" && Object.hasOwn(models, name)) {
    const terms = models[name];
    if (terms !== undefined) return terms;
  }
  throw new MeantimeError("MT-SDK-509", `no terms are known for the model ${JSON.stringify(name)}`, {
    hint: `Add it to \`models\`; there are: ${Object.keys(models).join(", ")}.`,
    details: { model: name },
  });
}

async function unpack(request: Request, init: RequestInit): Promise<{ url: string; init: RequestInit }> {
  const { url, method, headers, signal } = request;
  const body = ["GET", "HEAD"].includes(method) ? {} : { body: await request.text() };
  return { url, init: { method, headers, signal, ...body, ...init } };
}

function withoutReceipt(what: string): MeantimeError {
  return new MeantimeError("MT-SDK-508", `${what} comes without receipts`, {
    hint: `Receipts are for JSON to ${OPENAI_PATHS.join(", ")}; use the platform's fetch for what needs none.`,
  });
}

function noReceipt(): MeantimeError {
  return new MeantimeError("MT-SDK-507", "the answer came without a receipt", {
    hint: "Do not use it: nobody stands behind it. Is this a Meantime gateway?",
  });
}

function tooLong(maxBytes: number): MeantimeError {
  return new MeantimeError("MT-SDK-506", `the answer is longer than ${maxBytes} bytes`, {
    hint: "Ask for less, or raise maxAnswerBytes.",
    details: { maxBytes },
  });
}

function brokenStream(what: string): MeantimeError {
  return new MeantimeError("MT-SDK-512", `the stream is no whole answer: ${what}`, {
    hint: "Do not use it; ask again with the same request id.",
  });
}
