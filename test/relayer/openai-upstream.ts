// SPDX-License-Identifier: MIT
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A request that reached the upstream. */
export interface UpstreamRequest {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
  json: Record<string, unknown>;
  /** Resolves when the response is over: `true` when it was sent whole. */
  over: Promise<boolean>;
}

/** Answers one request; what it does not end stays open. */
export type Conduct = (request: UpstreamRequest, response: ServerResponse) => void | Promise<void>;

/** An OpenAI-compatible server on a real port that answers as it is told and remembers what it was asked. */
export interface Upstream {
  /** As a configuration names it. */
  url: string;
  requests: UpstreamRequest[];
  conduct: Conduct;
  /** The next requests are answered by these, one each. */
  next: Conduct[];
  close(): void;
}

/** The model's name, here and there. */
export const CHAT_MODEL = "tiny-chat";

/** Starts it; it answers `honestly` until told otherwise. */
export async function startUpstream(): Promise<Upstream> {
  const server = createServer(async (incoming, response) => {
    const request = await read(incoming, response);
    upstream.requests.push(request);
    await (upstream.next.shift() ?? upstream.conduct)(request, response);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const upstream: Upstream = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests: [],
    conduct: honestly,
    next: [],
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
  return upstream;
}

/** Repeats what it was asked, streamed if asked so; calls a tool if it has one; embeds. */
export const honestly: Conduct = ({ path, json }, response) => {
  if (path === "/v1/embeddings") return sendJson(response, embedding(json.encoding_format));
  const text = path === "/v1/completions" ? `echo: ${json.prompt}` : `echo: ${lastMessage(json)}`;
  const hasTools = Array.isArray(json.tools);
  if (json.stream === true)
    return sendStream(response, path === "/v1/completions" ? textChunks(text) : chunks(text, hasTools));
  return sendJson(response, path === "/v1/completions" ? textCompletion(text) : completion(text, hasTools));
};

/** Sends JSON. */
export function sendJson(response: ServerResponse, body: unknown, status = 200, headers = {}): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(typeof body === "string" ? body : JSON.stringify(body));
}

/** Sends chunks, each in a write of its own. */
export function sendStream(
  response: ServerResponse,
  list: readonly unknown[],
  end = "data: [DONE]\n\n",
): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const chunk of list) response.write(eventOf(chunk));
  response.end(end);
}

/** One event of a stream. */
export function eventOf(chunk: unknown): string {
  return `data: ${JSON.stringify(chunk)}\n\n`;
}

/** A refusal in OpenAI's shape. */
export function refusing(status: number, message: string, headers = {}): Conduct {
  return (_, response) =>
    sendJson(
      response,
      { error: { message, type: "some_error", param: "messages", code: null } },
      status,
      headers,
    );
}

/** A whole chat answer. */
export function completion(text: string, hasTools = false) {
  const message = hasTools
    ? { role: "assistant", content: null, tool_calls: [{ id: "call_1", type: "function", function: CALL }] }
    : { role: "assistant", content: text, refusal: null };
  return {
    ...{ id: "chatcmpl-1", object: "chat.completion", created: 1_800_000_000, model: `${CHAT_MODEL}-2026` },
    choices: [{ index: 0, message, logprobs: null, finish_reason: hasTools ? "tool_calls" : "stop" }],
    usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 },
  };
}

/** The same answer in chunks. */
export function chunks(text: string, hasTools = false): unknown[] {
  const shared = {
    ...{
      id: "chatcmpl-1",
      object: "chat.completion.chunk",
      created: 1_800_000_000,
      model: `${CHAT_MODEL}-2026`,
    },
  };
  const chunk = (delta: unknown, finish_reason: string | null = null) => ({
    ...shared,
    choices: [{ index: 0, delta, finish_reason }],
  });
  const pieces = hasTools
    ? [
        {
          tool_calls: [
            { index: 0, id: "call_1", type: "function", function: { name: CALL.name, arguments: "" } },
          ],
        },
        ...CALL.arguments
          .split(/(?<=:)/)
          .map((part) => ({ tool_calls: [{ index: 0, function: { arguments: part } }] })),
      ]
    : text.split(/(?<= )/).map((content) => ({ content }));
  return [
    chunk({ role: "assistant", content: hasTools ? null : "" }),
    ...pieces.map((delta) => chunk(delta)),
    chunk({}, hasTools ? "tool_calls" : "stop"),
  ];
}

const CALL = { name: "weather", arguments: '{"city":"Paris"}' };

function textCompletion(text: string) {
  return {
    ...{ id: "cmpl-1", object: "text_completion", created: 1_800_000_000, model: `${CHAT_MODEL}-2026` },
    choices: [{ index: 0, text, logprobs: null, finish_reason: "stop" }],
  };
}

function textChunks(text: string): unknown[] {
  return text.split(/(?<= )/).map((part, at, parts) => ({
    ...{ id: "cmpl-1", object: "text_completion", created: 1_800_000_000, model: `${CHAT_MODEL}-2026` },
    choices: [{ index: 0, text: part, finish_reason: at === parts.length - 1 ? "stop" : null }],
  }));
}

function embedding(format: unknown) {
  const values = [0.25, -0.5, 0.125];
  return {
    ...{ object: "list", model: `${CHAT_MODEL}-2026` },
    data: [{ object: "embedding", index: 0, embedding: format === "base64" ? inBase64(values) : values }],
    usage: { prompt_tokens: 2, total_tokens: 2 },
  };
}

function inBase64(values: readonly number[]): string {
  return Buffer.from(Float32Array.from(values).buffer).toString("base64");
}

function lastMessage({ messages }: Record<string, unknown>): string {
  return Array.isArray(messages) ? String(messages.at(-1)?.content) : "";
}

async function read(incoming: IncomingMessage, response: ServerResponse): Promise<UpstreamRequest> {
  const over = new Promise<boolean>((resolve) => {
    response.once("close", () => resolve(response.writableFinished));
  });
  const parts: Buffer[] = [];
  for await (const part of incoming) parts.push(part as Buffer);
  const body = Buffer.concat(parts).toString();
  const { url: path = "", headers } = incoming;
  return { path, headers, body, json: JSON.parse(body) as Record<string, unknown>, over };
}
