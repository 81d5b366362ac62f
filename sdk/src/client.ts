// SPDX-License-Identifier: MIT
import { type BatchHeader, parseBatchHeader } from "./batch.ts";
import { type Claim, parseClaim } from "./claim.ts";
import { commitInput, commitLabel, randomSalt } from "./commitment.ts";
import { MeantimeError } from "./errors.ts";
import { type Address, asHex32, type Hex, randomBytes32 } from "./hex.ts";
import { bodyParts, exchange, type Patience } from "./http.ts";
import { asRecord } from "./json.ts";
import { parseReceipt, type Receipt, verifyReceipt } from "./receipt.ts";
import { refusal } from "./refusal.ts";
import { createEventReader } from "./server-events.ts";
import { STATUS, type StatusName } from "./status.ts";
import { resolveTrust, type Trust } from "./trust.ts";

/** Where to ask, and what to hold the answer against. */
export interface GatewayClient {
  /** Of the gateway, without a path. */
  baseUrl: string;
  /**
   * The chain itself, or what the holder has read from it: domain, receipt keys. With the chain, or with `nowSeconds` (the
   * latest block's time), a receipt from the future is refused, whose promise would not come due, and one past its
   * `commitBy`; use known facts without it when asking again for an old answer.
   */
  trust: Trust;
  /** How long to wait and how often to try; a request id is the same in every try, so the answer is, too. */
  patience?: Patience;
}

/** A gateway without what its receipts are held against. */
export type Gateway = Pick<GatewayClient, "baseUrl" | "patience">;

/** One inference to ask for. */
export interface InferenceRequest {
  /** The model as the holder knows it: its name in the gateway's paths, its id, and its schemes. */
  model: { name: string; id: Hex; inputBits: number; classes: number };
  input: readonly number[];
  /** Whom a rejection compensates. */
  requester: Address;
  policyId: Hex;
  operator: Address;
  /** Since when receipts under the policy bind the operator; see `ReceiptExpectation`. */
  acceptedSince?: bigint;
  /** Default: random. The same id with the same input gives the same answer and receipt. */
  requestId?: Hex;
  /** Default: random. Chosen here, so that the gateway cannot prepare a commitment in advance. */
  salt?: Hex;
}

/** An answer whose receipt was checked. */
export interface Inference {
  label: number;
  /** As the gateway says: no receipt commits to them. */
  logits: number[];
  receipt: Receipt;
  salt: Hex;
}

/** What the gateway knows of a claim. Nothing here is proof: check it against the chain. */
export interface ClaimReport {
  claimId: Hex;
  status: StatusName | "Served";
  claim: Claim;
  batch?: { batchId: Hex; index: number; header: BatchHeader; proof: Hex[] };
}

/**
 * Asks for an inference and verifies the receipt before returning the answer: hashes recomputed from what was sent and
 * received, every field of the claim, the signature, its key's validity. Throws MT-SDK-501 when the gateway cannot be
 * reached, -502 for an answer that is not the protocol's, -503 with the server's code, message and hint for a refusal,
 * -504 and -505 when it was aborted or took too long, the errors of `verifyReceipt` and those of `resolveTrust`.
 */
export async function infer(gateway: GatewayClient, request: InferenceRequest): Promise<Inference> {
  const { model, input, requester, policyId, operator } = request;
  const requestId = request.requestId ?? randomBytes32();
  const salt = request.salt ?? randomSalt();
  const body = { input, requester, requestId, policy: policyId, salt };
  const answer = await call(gateway, `/v1/infer/${encodeURIComponent(model.name)}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const { label, logits } = parseOutput(answer.output);
  const receipt = parseReceipt(answer.receipt);
  verifyReceipt(receipt, {
    ...(await resolveTrust(gateway.trust, receipt)),
    ...(request.acceptedSince === undefined ? {} : { acceptedSince: request.acceptedSince }),
    expected: {
      ...{ modelId: model.id, policyId, operator, requester, requestId },
      inputHash: commitInput({ bits: model.inputBits, elements: input, salt }),
      outputHash: commitLabel(label, model.classes),
    },
  });
  return { label, logits, receipt, salt };
}

/** What the gateway knows of a claim. Throws as `infer` does, MT-SDK-502 also for another claim than was asked for. */
export async function getClaim(gateway: Gateway, claimId: Hex): Promise<ClaimReport> {
  return parseReport(await call(gateway, `/v1/claims/${claimId}`), claimId);
}

/**
 * What the gateway tells of a claim as it happens (`/v1/claims/{id}/events`), until the claim is where nothing changes any
 * more or the gateway ends the stream. Nothing of it is proof. Throws as `getClaim` does.
 */
export async function* claimEvents(gateway: Gateway, claimId: Hex): AsyncGenerator<ClaimReport> {
  const { baseUrl, patience = {} } = gateway;
  const init = { headers: { accept: "text/event-stream" } };
  const url = new URL(`/v1/claims/${claimId}/events`, baseUrl);
  const response = await exchange(url, init, patience, async (answer) => {
    if (answer.ok) return answer;
    throw refusal(answer.status, parseAnswer(answer.status, await answer.text()).error);
  });
  const events = createEventReader();
  const decoder = new TextDecoder();
  for await (const part of bodyParts(response)) {
    for (const data of events.push(decoder.decode(part, { stream: true })))
      yield parseReport(parseAnswer(response.status, data), claimId);
  }
}

/** The receipt of a claim, as the gateway keeps it: verify it before use. Throws as `getClaim` does. */
export async function getReceipt(gateway: Gateway, claimId: Hex): Promise<Receipt> {
  const receipt = parseReceipt((await call(gateway, `/v1/receipts/${claimId}`)).receipt);
  requireAsked(receipt.claimId, claimId);
  return receipt;
}

async function call(
  { baseUrl, patience = {} }: Gateway,
  path: string,
  init: RequestInit = {},
): Promise<Record<string, unknown>> {
  return exchange(new URL(path, baseUrl), init, patience, async (response) => {
    const fields = parseAnswer(response.status, await response.text());
    if (response.ok) return fields;
    throw refusal(response.status, fields.error);
  });
}

function parseReport(fields: Record<string, unknown>, claimId: Hex): ClaimReport {
  const report = {
    claimId: requireAsked(asHex32(fields.claimId, "claimId"), claimId),
    status: parseStatus(fields.status),
    claim: parseClaim(fields.claim),
  };
  if (fields.header === undefined || fields.proof === undefined) return report;
  return { ...report, batch: parseBatch(fields) };
}

function parseAnswer(status: number, text: string): Record<string, unknown> {
  try {
    return asRecord(JSON.parse(text), "answer");
  } catch (cause) {
    throw notTheProtocol(`status ${status}, ${text.length} characters that are no JSON object`, cause);
  }
}

function parseOutput(json: unknown): { label: number; logits: number[] } {
  const { label, logits } = asRecord(json, "output");
  if (
    typeof label !== "number" ||
    !Array.isArray(logits) ||
    !logits.every((logit) => typeof logit === "number")
  ) {
    throw notTheProtocol("an output without label and logits");
  }
  return { label, logits };
}

function parseStatus(value: unknown): ClaimReport["status"] {
  if (value === "Served" || (typeof value === "string" && Object.hasOwn(STATUS, value)))
    return value as ClaimReport["status"];
  throw notTheProtocol(`the status ${String(value)}`);
}

function parseBatch(fields: Record<string, unknown>): NonNullable<ClaimReport["batch"]> {
  if (typeof fields.index !== "number" || !Array.isArray(fields.proof))
    throw notTheProtocol("a batch without proof");
  return {
    batchId: asHex32(fields.batchId, "batchId"),
    index: fields.index,
    header: parseBatchHeader(fields.header),
    proof: fields.proof.map((node, at) => asHex32(node, `proof.${at}`)),
  };
}

function requireAsked(answered: Hex, asked: Hex): Hex {
  if (answered === asked.toLowerCase()) return answered;
  throw notTheProtocol(`claim ${answered} instead of ${asked}`);
}

function notTheProtocol(what: string, cause?: unknown): MeantimeError {
  return new MeantimeError("MT-SDK-502", `the gateway answered with ${what}`, {
    hint: "This is not a Meantime gateway, or not of this version.",
    cause,
  });
}
