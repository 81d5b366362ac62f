// SPDX-License-Identifier: GPL-3.0-or-later

import { type Claim, claimToJson } from "@meantime/sdk/claim";
import { hashInput, hashOutput } from "@meantime/sdk/openai/commitment";
import { randomSalt } from "@meantime/sdk/salt";
import { findByRequest, type StoredReceipt } from "../../ledger/receipts.ts";
import type { Services } from "../../services.ts";
import { signReceiptWith } from "../../signers/receipt.ts";
import { HttpError } from "../http-error.ts";
import { keep } from "../infer.ts";
import { type OpenAiCall, requireShowable } from "./request.ts";

/** What the upstream said. */
export interface Answered {
  /** The claim's output. */
  output: Uint8Array;
  /** What the same request is answered with again: a whole answer, or of a stream the one chunk that it folds to. */
  text: string;
}

/**
 * Signs and stores the receipt of an answer; durable when this resolves.
 *
 * @returns the receipt that answers the request: another worker's, not new, where that came first
 * @throws HttpError 409 where that one answers another body; 422; 503
 */
export async function promiseAnswer(
  services: Services,
  call: OpenAiCall,
  { output, text }: Answered,
): Promise<{ stored: StoredReceipt; isNew: boolean }> {
  const { model, policy, input } = call;
  requireShowable(model, policy, input.length + output.length);
  const salt = call.salt ?? randomSalt();
  const servedAt = BigInt(services.clock.nowSeconds());
  const claim: Claim = {
    modelId: model.id,
    policyId: policy.id,
    operator: services.config.operator.address,
    requester: call.requester,
    requestId: call.requestId,
    inputHash: hashInput(input, salt),
    outputHash: hashOutput(output, salt),
    servedAt,
    commitBy: servedAt + BigInt(services.config.commit.commitHorizonSeconds),
  };
  const stored: StoredReceipt = {
    receipt: await signReceiptWith(services.signers.receipts, claim, services.domain),
    opening: { input, salt, output },
    requestDigest: call.digest,
    answer: text,
  };
  if (await keep(services, policy, stored)) return { stored, isNew: true };
  const other = await findAnswer(services, call);
  if (!other) throw new TypeError(`claim ${stored.receipt.claimId} was neither stored nor known`);
  return { stored: other, isNew: false };
}

/** What the request was answered with before. @throws HttpError 409 `MT-GW-009` under its id another one was */
export async function findAnswer(
  { ledger }: Pick<Services, "ledger">,
  call: OpenAiCall,
): Promise<StoredReceipt | undefined> {
  const { requester, requestId, model } = call;
  const earlier = await findByRequest(ledger, { requester, requestId, modelId: model.id });
  if (!earlier) return undefined;
  const { opening, requestDigest } = earlier;
  requireSame(call, { input: opening.input, salt: opening.salt, digest: requestDigest });
  return earlier;
}

/**
 * A repetition may leave the salt out, and not bring one that the other did not: another salt would be chosen.
 *
 * @throws HttpError 409 `MT-GW-009` unless the call is a repetition of the other
 */
export function requireSame(call: OpenAiCall, other: Pick<OpenAiCall, "input" | "salt" | "digest">): void {
  const isSameSalt = call.salt === undefined || call.salt === other.salt;
  if (isSameSalt && call.digest === other.digest && Buffer.compare(call.input, other.input) === 0) return;
  throw new HttpError(
    409,
    "MT-GW-009",
    "this request id or key was used for another body, policy, salt or caller",
    "Repeat the request exactly to get the same answer, or use a new key.",
  );
}

/** The receipt as it travels, with what opens its hashes. */
export function travellingReceipt({ receipt, opening }: StoredReceipt): string {
  const { claim, claimId, signature } = receipt;
  return JSON.stringify({ claim: claimToJson(claim), claimId, signature, salt: opening.salt });
}
