// SPDX-License-Identifier: GPL-3.0-or-later

import { isUtf8 } from "node:buffer";
import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from "node:http";
import { Agent as HttpsAgent, request as requestHttps } from "node:https";
import type { UpstreamConfig } from "../../config/load.ts";
import type { HttpError } from "../http-error.ts";
import { noAnswer, refusedBy, unreachable } from "./upstream-error.ts";

/** Asks OpenAI-compatible servers that the operator has configured, and nobody else: a client names no address. */
export interface Upstreams {
  /**
   * Sends a request and returns the answer's head, with status 200 and of the wanted type; its body is still to be read.
   *
   * @param path as in `/v1/chat/completions`
   * @throws HttpError the upstream's refusal in our words; the signal's reason
   */
  ask(
    upstream: UpstreamConfig,
    path: string,
    body: string,
    wants: "application/json" | "text/event-stream",
    signal: AbortSignal,
  ): Promise<IncomingMessage>;
}

const FREE_SOCKETS = 256;
const MAX_REFUSAL_BYTES = 65_536;

/** Keeps connections. */
export function createUpstreams(): Upstreams {
  const http = new HttpAgent({ keepAlive: true, maxFreeSockets: FREE_SOCKETS });
  const https = new HttpsAgent({ keepAlive: true, maxFreeSockets: FREE_SOCKETS });
  return {
    async ask(upstream, path, body, wants, signal) {
      const url = new URL(upstream.url + path.slice("/v1".length));
      const headers = {
        "content-type": "application/json",
        "content-length": Buffer.byteLength(body),
        accept: wants,
        "accept-encoding": "identity",
        ...(upstream.apiKey === undefined ? {} : { authorization: `Bearer ${upstream.apiKey}` }),
      };
      const agent = url.protocol === "https:" ? https : http;
      const answer = await send(url, { method: "POST", agent, headers, signal }, body);
      if (answer.statusCode !== 200) throw await refusalFrom(answer, upstream);
      requireType(answer, wants);
      return answer;
    },
  };
}

/**
 * Reads a body to its end as text.
 *
 * @throws HttpError 502 `MT-GW-066` it is longer, breaks off or is no UTF-8
 */
export function readWhole(message: IncomingMessage, maxBytes: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let bytes = 0;
    message.on("data", (part: Buffer) => {
      bytes += part.length;
      if (bytes > maxBytes) message.destroy(noAnswer(`it is longer than ${maxBytes} bytes`));
      else parts.push(part);
    });
    message.on("error", (error) => reject(brokenOff(error)));
    message.on("end", () => {
      const [first = Buffer.alloc(0)] = parts;
      const whole = parts.length === 1 ? first : Buffer.concat(parts, bytes);
      if (isUtf8(whole)) resolve(whole.toString());
      else reject(noAnswer("it is no UTF-8"));
    });
  });
}

/** What a body's failing comes to: what was thrown at it, or a connection that broke. */
export function brokenOff(error: unknown): Error {
  const isNetwork = error instanceof Error && "code" in error && error.code === "ECONNRESET";
  return isNetwork ? noAnswer("it broke off") : (error as Error);
}

type SendOptions = Parameters<typeof requestHttp>[1];

/** A connection that was closed while it lay idle says so only when it is used: then a new one is tried. */
async function send(url: URL, options: SendOptions, body: string): Promise<IncomingMessage> {
  try {
    return await sendOnce(url, options, body);
  } catch (error) {
    if (!(error instanceof StaleConnection)) throw error;
    return sendOnce(url, { ...options, agent: false }, body);
  }
}

class StaleConnection extends Error {}

function sendOnce(url: URL, options: SendOptions, body: string): Promise<IncomingMessage> {
  const { signal } = options;
  return new Promise((resolve, reject) => {
    let isSettled = false;
    const settle = <Value>(end: (value: Value) => void) => {
      return (value: Value) => {
        isSettled = true;
        end(value);
      };
    };
    const fail = settle<Error>(reject);
    const request = (url.protocol === "https:" ? requestHttps : requestHttp)(url, options, settle(resolve));
    request.on("error", (error: NodeJS.ErrnoException) => {
      if (signal?.aborted) fail(signal.reason);
      else if (request.reusedSocket && error.code === "ECONNRESET") fail(new StaleConnection());
      else fail(unreachable(error));
    });
    // A switch of protocols ends without a word: no answer, and no error.
    request.on("close", () => {
      if (!isSettled) reject(noAnswer("it is no answer of HTTP"));
    });
    request.end(body);
  });
}

async function refusalFrom(answer: IncomingMessage, { apiKey }: UpstreamConfig): Promise<HttpError> {
  const { statusCode = 0, headers } = answer;
  let text = "";
  try {
    text = await readWhole(answer, MAX_REFUSAL_BYTES);
  } catch {
    // The status says enough.
  }
  const shown = apiKey === undefined ? text : text.replaceAll(apiKey, "(redacted)");
  return refusedBy(statusCode, shown, headers["retry-after"]);
}

function requireType(answer: IncomingMessage, wants: string): void {
  const { "content-type": type = "", "content-encoding": encoding = "identity" } = answer.headers;
  if (type.split(";")[0]?.trim().toLowerCase() === wants && encoding === "identity") return;
  answer.destroy();
  throw noAnswer(`it is ${type || "of no type"} (${encoding}) instead of ${wants}`);
}
