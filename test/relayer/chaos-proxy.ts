// SPDX-License-Identifier: MIT
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { seededRandom } from "../../circuits/training/random.ts";

/** How often each fault happens, as a share of requests (0..1). What is left out never happens. */
export interface Faults {
  /** The answer comes late, by up to {@link latencyMilliseconds}. */
  latency?: number;
  latencyMilliseconds?: number;
  /** HTTP 429 without asking the node. */
  tooManyRequests?: number;
  /** The connection breaks before the node is asked. */
  reset?: number;
  /** The connection breaks after the node was asked: what it did stays done. */
  resetAfter?: number;
  /** Half an answer, which is no JSON. */
  garbage?: number;
  /** Reads are answered as of some blocks ago: this machine of the load balancer lags. */
  stale?: number;
  staleBlocks?: number;
  /** A transaction is acknowledged and not passed on. */
  dropSend?: number;
  /** A transaction is passed on twice. */
  duplicateSend?: number;
  /** The last log of an answer is missing. */
  truncateLogs?: number;
  /** `eth_chainId` says this. Every time. */
  chainId?: number;
  /** After so many faults (latency aside) there are no more. Default: no end. */
  most?: number;
}

/** A proxy in front of a node that makes its faults. */
export interface ChaosProxy {
  url: string;
  /** Replaces all faults; `{}`: none. */
  set(faults: Faults): void;
  /** Replaces the answer to a method: what a lying node says. Undefined: the node's own. */
  answer(method: string, lie: ((parameters: unknown[]) => unknown) | undefined): void;
  /** The faults that happened, by name. */
  readonly happened: Readonly<Record<string, number>>;
  /** The requests that came, by method. */
  readonly asked: Readonly<Record<string, number>>;
  close(): Promise<void>;
}

interface JsonRpc {
  id: unknown;
  method: string;
  params: unknown[];
}

const HEAD_METHODS = new Set(["eth_blockNumber", "eth_getBlockByNumber"]);
const STATE_METHODS: Readonly<Record<string, number>> = {
  eth_call: 1,
  eth_getTransactionCount: 1,
  eth_getCode: 1,
};
const HASH_BYTES = 32;

/** Starts a proxy on a free port. The same seed and the same requests make the same faults. */
export async function startChaosProxy(
  target: string,
  seed: number,
  faults: Faults = {},
): Promise<ChaosProxy> {
  const random = seededRandom(seed);
  const lies = new Map<string, (parameters: unknown[]) => unknown>();
  const happened: Record<string, number> = {};
  const asked: Record<string, number> = {};
  let current = faults;
  let left = faults.most ?? Number.POSITIVE_INFINITY;

  function strikes(fault: keyof Faults): boolean {
    const share = current[fault];
    // Always drawn, so that switching one fault off does not change when the others happen.
    const drawn = random();
    if (share === undefined || drawn >= share || left <= 0) return false;
    if (fault !== "latency") left -= 1;
    happened[fault] = (happened[fault] ?? 0) + 1;
    return true;
  }

  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const call = JSON.parse(await bodyOf(request)) as JsonRpc;
    asked[call.method] = (asked[call.method] ?? 0) + 1;
    if (strikes("latency")) await delay(random() * (current.latencyMilliseconds ?? 50));
    if (strikes("reset")) return void request.socket.destroy();
    if (strikes("tooManyRequests")) {
      response.writeHead(429, { "content-type": "text/plain" }).end("Too Many Requests");
      return;
    }
    const answer = JSON.stringify({ jsonrpc: "2.0", id: call.id, ...(await answerTo(call)) });
    if (strikes("resetAfter")) return void request.socket.destroy();
    response.writeHead(200, { "content-type": "application/json" });
    response.end(strikes("garbage") ? answer.slice(0, answer.length / 2) : answer);
  }

  async function answerTo(call: JsonRpc): Promise<object> {
    const lie = lies.get(call.method);
    if (lie) return { result: lie(call.params) };
    if (call.method === "eth_chainId" && current.chainId !== undefined) {
      return { result: `0x${current.chainId.toString(16)}` };
    }
    if (call.method === "eth_sendRawTransaction") return send(call);
    const isStale = strikes("stale");
    const answer = isStale ? await askAsOfThePast(call) : await askNode(target, call);
    const { result } = answer;
    if (
      call.method === "eth_getLogs" &&
      Array.isArray(result) &&
      result.length > 0 &&
      strikes("truncateLogs")
    ) {
      return { result: result.slice(0, -1) };
    }
    return answer;
  }

  async function send(call: JsonRpc): Promise<Answer> {
    if (strikes("dropSend")) return { result: `0x${"ab".repeat(HASH_BYTES)}` };
    const first = await askNode(target, call);
    if (!strikes("duplicateSend")) return first;
    await askNode(target, call);
    return first;
  }

  /** What a node answers that has not seen the last blocks yet. */
  async function askAsOfThePast(call: JsonRpc): Promise<Answer> {
    const { result: head } = await askNode(target, { ...call, method: "eth_blockNumber", params: [] });
    const past = Math.max(0, Number(head) - (current.staleBlocks ?? 3));
    const pastTag = `0x${past.toString(16)}`;
    if (call.method === "eth_blockNumber") return { result: pastTag };
    const [tag] = call.params;
    if (HEAD_METHODS.has(call.method)) {
      if (tag === "latest") return askNode(target, { ...call, params: [pastTag, call.params[1]] });
      return isAfter(tag, past) ? { result: null } : askNode(target, call);
    }
    const at = STATE_METHODS[call.method];
    if (at !== undefined) {
      const asOf = call.params[at] ?? "latest";
      if (asOf === "latest") return askNode(target, { ...call, params: call.params.with(at, pastTag) });
      if (isAfter(asOf, past)) return { error: { code: -32_000, message: "header not found" } };
    }
    if (call.method === "eth_getTransactionReceipt") {
      const answer = await askNode(target, call);
      const { blockNumber } = (answer.result ?? {}) as { blockNumber?: string };
      return isAfter(blockNumber, past) ? { result: null } : answer;
    }
    return askNode(target, call);
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    set: (next) => {
      current = next;
      left = next.most ?? Number.POSITIVE_INFINITY;
    },
    answer: (method, lie) => {
      if (lie) lies.set(method, lie);
      else lies.delete(method);
    },
    happened,
    asked,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Answer {
  result?: unknown;
  error?: unknown;
}

async function askNode(target: string, { id, method, params }: JsonRpc): Promise<Answer> {
  const response = await fetch(target, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id, method, params }),
  });
  const answer = (await response.json()) as Answer;
  return answer.error ? { error: answer.error } : { result: answer.result };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

function isAfter(tag: unknown, past: number): boolean {
  return typeof tag === "string" && tag.startsWith("0x") && Number(tag) > past;
}
