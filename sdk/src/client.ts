// SPDX-License-Identifier: MIT
import { type BatchHeader, parseBatchHeader } from "./batch.ts";
import { type Claim, parseClaim } from "./claim.ts";
import { commitInput, commitLabel, randomSalt } from "./commitment.ts";
import { MeantimeError } from "./errors.ts";
import { type Address, asHex32, type Hex, randomBytes32 } from "./hex.ts";
import { asRecord } from "./json.ts";
import { parseReceipt, type Receipt, type ReceiptExpectation, verifyReceipt } from "./receipt.ts";
import { STATUS, type StatusName } from "./status.ts";

/** Where to ask, and what to hold the answer against. */
export interface GatewayClient {
  /** Of the gateway, without a path. */
  baseUrl: string;
  /**
   * The chain, the contract and the receipt keys that the holder trusts, read from the chain, not from the gateway. With
   * `nowSeconds` (the latest block's time) a receipt from the future is refused, whose promise would not come due, and
   * one past its `commitBy`; leave it out when asking again for an old answer.
   */
  trust: Pick<ReceiptExpectation, "domain" | "receiptKeys" | "maxHorizonSeconds" | "nowSeconds">;
}

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
 * received, every field of the claim, the signature. Throws MT-SDK-501 when the gateway cannot be reached, MT-SDK-502
 * for an answer that is not the protocol's, MT-SDK-503 with the server's code, message and hint for a refusal, and the
 * errors of `verifyReceipt`.
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
    ...gateway.trust,
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
export async function getClaim(gateway: Pick<GatewayClient, "baseUrl">, claimId: Hex): Promise<ClaimReport> {
  const fields = await call(gateway, `/v1/claims/${claimId}`);
  const report = {
    claimId: requireAsked(asHex32(fields.claimId, "claimId"), claimId),
    status: parseStatus(fields.status),
    claim: parseClaim(fields.claim),
  };
  if (fields.header === undefined || fields.proof === undefined) return report;
  return { ...report, batch: parseBatch(fields) };
}

/** The receipt of a claim, as the gateway keeps it: verify it before use. Throws as `getClaim` does. */
export async function getReceipt(gateway: Pick<GatewayClient, "baseUrl">, claimId: Hex): Promise<Receipt> {
  const receipt = parseReceipt((await call(gateway, `/v1/receipts/${claimId}`)).receipt);
  requireAsked(receipt.claimId, claimId);
  return receipt;
}

async function call(
  { baseUrl }: Pick<GatewayClient, "baseUrl">,
  path: string,
  init?: RequestInit,
): Promise<Record<string, unknown>> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(new URL(path, baseUrl), init);
    text = await response.text();
  } catch (cause) {
    throw new MeantimeError("MT-SDK-501", `the gateway at ${baseUrl} cannot be reached`, {
      hint: "Check the address; an answer that never came may still have been given: ask again with the same requestId.",
      cause,
    });
  }
  const fields = parseAnswer(response.status, text);
  if (response.ok) return fields;
  const error = isRecord(fields.error) ? fields.error : {};
  throw new MeantimeError(
    "MT-SDK-503",
    `the gateway refused (${response.status}): ${error.message ?? "no reason"}`,
    {
      hint: typeof error.hint === "string" ? error.hint : "The gateway gave no hint.",
      details: { status: response.status, serverCode: error.code, serverMessage: error.message },
    },
  );
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

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function notTheProtocol(what: string, cause?: unknown): MeantimeError {
  return new MeantimeError("MT-SDK-502", `the gateway answered with ${what}`, {
    hint: "This is not a Meantime gateway, or not of this version.",
    cause,
  });
}
