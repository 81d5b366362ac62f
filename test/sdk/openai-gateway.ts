// SPDX-License-Identifier: MIT
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type JsonObject, type JsonValue, parseJson } from "@meantime/sdk/canonical-json";
import type { Claim } from "@meantime/sdk/claim";
import type { Hex } from "@meantime/sdk/hex";
import { commitAnswer, commitRequest } from "@meantime/sdk/openai/commitment";
import type { OpenAiPath } from "@meantime/sdk/openai/content";
import { CLAIM_ID_HEADER, REQUEST_HEADERS } from "@meantime/sdk/openai/fetch";
import { createAnswerFold } from "@meantime/sdk/openai/fold";
import { type Receipt, receiptToJson, signReceipt } from "@meantime/sdk/receipt";
import { STREAM_END, writeEvent } from "@meantime/sdk/server-events";
import { testDomain } from "./samples.ts";

/** What a gateway under test does; what it leaves out it does honestly. */
export interface Conduct {
  /** The upstream's answer: whole, or the chunks of a stream. */
  answer: JsonObject | JsonObject[];
  privateKey: Hex;
  terms: { modelId: Hex; policyId: Hex; operator: Hex };
  servedAt?: bigint;
  /** Changes the claim before it is signed. */
  claim?: (claim: Claim) => Claim;
  /** Changes the receipt that is sent; undefined: none. */
  receipt?: (receipt: Receipt) => unknown;
  /** Changes what is sent after it was hashed. */
  tamper?: (answer: JsonObject) => JsonObject;
  /** Changes how a chunk goes over the wire. */
  wire?: (event: string, at: number) => string;
  /** Takes the response over. */
  respond?: (request: IncomingMessage, response: ServerResponse, attempt: number) => boolean;
  /** Waits before it sends the last chunks. */
  beforeLast?: () => Promise<void>;
  /** Breaks a stream off before its end. */
  breakOff?: boolean;
}

/** A gateway on a real port that answers as it is told and remembers what it was asked. */
export interface TestGateway {
  baseUrl: string;
  conduct: Conduct;
  requests: { path: string; headers: IncomingMessage["headers"]; body: string }[];
  close(): void;
}

export async function startGateway(conduct: Conduct): Promise<TestGateway> {
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = Buffer.concat(parts).toString();
    gateway.requests.push({ path: request.url ?? "", headers: request.headers, body });
    if (gateway.conduct.respond?.(request, response, gateway.requests.length)) return;
    await answer(gateway.conduct, request, body, response);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const gateway: TestGateway = {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    conduct,
    requests: [],
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
  return gateway;
}

async function answer(
  conduct: Conduct,
  request: IncomingMessage,
  body: string,
  response: ServerResponse,
): Promise<void> {
  const { tamper = (same) => same, wire = (same) => same } = conduct;
  const whole = Array.isArray(conduct.answer) ? foldAll(conduct.answer) : conduct.answer;
  const receipt = receiptFor(conduct, request, body, whole);
  const sent = conduct.receipt ? conduct.receipt(receipt) : receiptToJson(receipt);
  const receiptMember = sent === undefined ? {} : { receipt: sent as JsonValue };
  if (!Array.isArray(conduct.answer)) {
    const headers = {
      "meantime-receipt": "unchecked",
      [CLAIM_ID_HEADER]: "unchecked",
      "x-request-id": "kept",
    };
    response.writeHead(200, { "content-type": "application/json", ...headers });
    response.end(JSON.stringify({ ...tamper(conduct.answer), ...receiptMember }));
    return;
  }
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
  const last = conduct.answer.length - 1;
  for (const [at, chunk] of conduct.answer.entries()) {
    if (at === last) await conduct.beforeLast?.();
    response.write(wire(writeEvent(JSON.stringify(tamper(chunk))), at));
  }
  if (conduct.breakOff) {
    response.end();
    return;
  }
  response.write(writeEvent(JSON.stringify({ choices: [], ...receiptMember })));
  response.end(writeEvent(STREAM_END));
}

function receiptFor(
  { privateKey, terms, servedAt = 1_800_000_000n, claim: change = (same) => same }: Conduct,
  request: IncomingMessage,
  text: string,
  whole: JsonValue,
): Receipt {
  const path = (request.url ?? "") as OpenAiPath;
  const header = (name: string) => String(request.headers[name]) as Hex;
  const salt = header(REQUEST_HEADERS.salt);
  const claim: Claim = {
    ...terms,
    requester: header(REQUEST_HEADERS.requester),
    requestId: header(REQUEST_HEADERS.requestId),
    inputHash: commitRequest({ path, body: parseJson(text), salt }),
    outputHash: commitAnswer({ path, response: whole, salt }),
    servedAt,
    commitBy: servedAt + 600n,
  };
  return signReceipt(privateKey, change(claim), testDomain);
}

function foldAll(chunks: JsonObject[]): JsonObject {
  const fold = createAnswerFold();
  for (const chunk of chunks) fold.add(chunk);
  return fold.response();
}
