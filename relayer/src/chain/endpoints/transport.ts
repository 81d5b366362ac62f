// SPDX-License-Identifier: GPL-3.0-or-later

import { classifyNodeError, type NodeErrorKind } from "../../tx/node-errors.ts";

/** The `error` of a JSON-RPC answer. */
export interface JsonRpcError {
  code: number;
  message: string;
  data?: unknown;
}

/** A request that brought no result. */
export class RequestFailure extends Error {
  readonly kind: NodeErrorKind;
  /** What the node answered, where it did. */
  readonly rpcError: JsonRpcError | undefined;
  /** How long the endpoint wants to be left alone, where it said so. */
  readonly retryAfterMilliseconds: number | undefined;

  constructor(
    kind: NodeErrorKind,
    message: string,
    { rpcError, retryAfterMilliseconds, cause }: RequestFailureDetails = {},
  ) {
    super(message, cause === undefined ? {} : { cause });
    this.name = "RequestFailure";
    this.kind = kind;
    this.rpcError = rpcError;
    this.retryAfterMilliseconds = retryAfterMilliseconds;
  }
}

interface RequestFailureDetails {
  rpcError?: JsonRpcError;
  retryAfterMilliseconds?: number | undefined;
  cause?: unknown;
}

/** Sends one request and returns its result. */
export type Transport = (method: string, parameters: readonly unknown[]) => Promise<unknown>;

const TOO_MANY_REQUESTS = 429;

/**
 * JSON-RPC over HTTP: one request a body, so that one failure fails nothing else, and never longer than the timeout.
 *
 * @throws RequestFailure (from the transport) whatever went wrong
 */
export function createTransport(url: string, timeoutMilliseconds: number): Transport {
  let lastId = 0;
  return async (method, parameters) => {
    const id = ++lastId;
    const response = await exchange(
      url,
      JSON.stringify({ jsonrpc: "2.0", id, method, params: parameters }),
      timeoutMilliseconds,
    );
    if (response.status === TOO_MANY_REQUESTS) {
      const { retryAfterMilliseconds } = response;
      throw new RequestFailure("rateLimited", "HTTP 429", { retryAfterMilliseconds });
    }
    return resultOf(response.body, id, response.status);
  };
}

interface Exchanged {
  status: number;
  body: string;
  retryAfterMilliseconds: number | undefined;
}

async function exchange(url: string, body: string, timeoutMilliseconds: number): Promise<Exchanged> {
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
      redirect: "error",
      signal: AbortSignal.timeout(timeoutMilliseconds),
    });
    const retryAfterSeconds = Number(response.headers.get("retry-after") ?? Number.NaN);
    return {
      status: response.status,
      body: await response.text(),
      retryAfterMilliseconds: Number.isFinite(retryAfterSeconds) ? retryAfterSeconds * 1_000 : undefined,
    };
  } catch (cause) {
    const isTimeout = cause instanceof DOMException && cause.name === "TimeoutError";
    throw isTimeout
      ? new RequestFailure("timeout", `no answer in ${timeoutMilliseconds} ms`, { cause })
      : new RequestFailure("unreachable", describe(cause), { cause });
  }
}

function resultOf(body: string, id: number, status: number): unknown {
  const answer = parse(body);
  if (answer === undefined || answer.id !== id || !("result" in answer || answer.error)) {
    throw new RequestFailure("badResponse", `no JSON-RPC answer (HTTP ${status}): ${body.slice(0, 80)}`);
  }
  if (!answer.error) return answer.result;
  throw new RequestFailure(classifyNodeError(answer.error).kind, answer.error.message, {
    rpcError: answer.error,
  });
}

function parse(body: string): { id?: unknown; result?: unknown; error?: JsonRpcError } | undefined {
  try {
    const answer: unknown = JSON.parse(body);
    return typeof answer === "object" && answer !== null ? answer : undefined;
  } catch {
    return undefined;
  }
}

function describe(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const inner = cause.cause instanceof Error ? cause.cause.message : "";
  return inner ? `${cause.message}: ${inner}` : cause.message;
}
