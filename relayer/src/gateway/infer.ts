// SPDX-License-Identifier: GPL-3.0-or-later

import { z } from "@hono/zod-openapi";
import { MAX_OPENING_BYTES } from "@meantime/sdk/batch";
import type { Claim } from "@meantime/sdk/claim";
import { commitInput, commitLabel, randomSalt } from "@meantime/sdk/commitment";
import { MeantimeError } from "@meantime/sdk/errors";
import { type Address, type Hex, keccak256Text, randomBytes32 } from "@meantime/sdk/hex";
import { checkInput, inputLength } from "@meantime/sdk/model";
import { isAnswerable } from "@meantime/sdk/policy";
import { type ReceiptJson, receiptToJson } from "@meantime/sdk/receipt";
import { unlockedNow } from "../commit/exposure.ts";
import { type Admission, findByRequest, insertReceipt, type StoredReceipt } from "../ledger/receipts.ts";
import { traced } from "../ops/tracing/trace.ts";
import { isNetwork, type NetworkModel, type ServedPolicy, type Services } from "../services.ts";
import { signReceiptWith } from "../signers/receipt.ts";
import { refusalOf } from "./capacity.ts";
import { HttpError } from "./http-error.ts";

/** The answer to `POST /v1/infer/{model}`. */
export interface InferAnswer {
  output: { label: number; logits: number[] };
  receipt: ReceiptJson;
  opening: { salt: Hex };
  policy: string;
}

/** An output is one label. */
const OUTPUT_BYTES = 1;

/** What `POST /v1/infer/{model}` takes. */
export const requestSchema = z.strictObject({
  input: z.array(z.unknown()),
  requester: hex(20),
  requestId: hex(32).optional(),
  policy: z.string().max(66).optional(),
  salt: z
    .string()
    .regex(/^0x00[0-9a-fA-F]{62}$/, "must be 0x00 followed by 62 hex digits: 31 random bytes")
    .optional(),
});

type InferRequest = z.output<typeof requestSchema>;

/** The served network of a name. @throws HttpError 404 `MT-GW-005` */
export function requireModel({ models }: Services, name: string): NetworkModel {
  const networks = models.filter(isNetwork);
  const model = networks.find((served) => served.name === name);
  if (model) return model;
  const known = networks.map((served) => served.name).join(", ");
  throw new HttpError(404, "MT-GW-005", "there is no such model here", `This relayer serves: ${known}.`);
}

/**
 * Answers one request. When this returns, the receipt is on disk; when it throws, nothing was written.
 *
 * Two requests may look for an earlier answer at the same time and both find none. The ledger keeps one receipt for each
 * (requester, requestId, model); the other one never leaves this process, and its request gets the one that is kept.
 *
 * @param body what the client sent, parsed as JSON
 * @throws HttpError 404, 409, 422 or 503
 */
export async function infer(services: Services, model: NetworkModel, body: unknown): Promise<InferAnswer> {
  const request = parseRequest(body);
  const policy = requirePolicy(services, request.policy);
  const input = requireInput(model, request.input);
  requireAnswerable(model, policy);
  requireShowable(model, policy);
  const earlier = await findEarlier(services, model, policy, request);
  if (earlier) return answerOf(earlier, policy.name);
  // A repeated request was answered before this is asked.
  const refusal = refusalOf(services, policy, await unlockedNow(services));
  if (refusal) throw refusal;
  const stored = await serve(services, model, policy, request, input);
  const kept = await keep(services, policy, stored);
  if (kept) return answerOf(stored, policy.name);
  const others = await findEarlier(services, model, policy, request);
  if (!others) throw new TypeError(`claim ${stored.receipt.claimId} was neither stored nor known`);
  return answerOf(others, policy.name);
}

/**
 * Stores the receipt if its bond can still be promised: others may have been stored since that was asked first.
 *
 * @returns false when another receipt answers the request already
 */
export async function keep(
  services: Services,
  policy: ServedPolicy,
  stored: StoredReceipt,
): Promise<boolean> {
  let refusal: HttpError | undefined;
  const admits: Admission = (unlocked) => {
    refusal = refusalOf(services, policy, unlocked);
    return refusal === undefined;
  };
  const result = await traced("receipt.store", { claim: stored.receipt.claimId }, () =>
    insertReceipt(services.ledger, stored, services.view()?.readUpTo, admits),
  );
  if (result === "refused" && refusal) throw refusal;
  return result === "stored";
}

async function serve(
  { clock, config, domain, signers }: Services,
  model: NetworkModel,
  policy: ServedPolicy,
  request: InferRequest,
  input: number[],
): Promise<StoredReceipt> {
  const { label, logits } = model.run(input);
  const salt = (request.salt?.toLowerCase() ?? randomSalt()) as Hex;
  const servedAt = BigInt(clock.nowSeconds());
  const claim: Claim = {
    modelId: model.id,
    policyId: policy.id,
    operator: config.operator.address,
    requester: request.requester as Address,
    requestId: (request.requestId ?? randomBytes32()) as Hex,
    inputHash: commitInput({ bits: model.spec.inputBits, elements: input, salt }),
    outputHash: commitLabel(label, model.spec.classes),
    servedAt,
    commitBy: servedAt + BigInt(config.commit.commitHorizonSeconds),
  };
  return {
    receipt: await signReceiptWith(signers.receipts, claim, domain),
    opening: { input: Uint8Array.from(input), salt, output: Uint8Array.of(label) },
    requestDigest: digestOf(policy, request),
    answer: JSON.stringify({ label, logits }),
  };
}

function answerOf({ receipt, opening, answer }: StoredReceipt, policyName: string): InferAnswer {
  return {
    output: JSON.parse(answer) as InferAnswer["output"],
    receipt: receiptToJson(receipt),
    opening: { salt: opening.salt },
    policy: policyName,
  };
}

function parseRequest(body: unknown): InferRequest {
  const parsed = requestSchema.safeParse(body);
  if (parsed.success) {
    const { requester, requestId } = parsed.data;
    return { ...parsed.data, requester: requester.toLowerCase(), requestId: requestId?.toLowerCase() };
  }
  const issue = parsed.error.issues[0];
  const path = issue?.path.join(".") || "the body";
  throw new HttpError(
    422,
    "MT-GW-004",
    `${path}: ${issue?.message ?? "is not valid"}`,
    'Send {"input": [numbers], "requester": "0x<20 bytes>"} and, if you like, requestId, policy and salt.',
    undefined,
    issue?.path.join(".") || null,
  );
}

function requirePolicy({ policies }: Services, wanted: string | undefined): ServedPolicy {
  const [byDefault] = policies;
  const policy =
    wanted === undefined
      ? byDefault
      : policies.find(({ name, id }) => name === wanted || id === wanted.toLowerCase());
  if (policy) return policy;
  const known = policies.map(({ name }) => name).join(", ");
  throw new HttpError(
    404,
    "MT-GW-006",
    "there is no such policy here",
    `This relayer settles under: ${known}.`,
  );
}

function requireInput(model: NetworkModel, input: readonly unknown[]): number[] {
  try {
    checkInput(model.spec, input);
    return input;
  } catch (error) {
    if (!(error instanceof MeantimeError)) throw error;
    throw new HttpError(422, "MT-GW-007", `input: ${error.message}`, error.hint);
  }
}

function requireAnswerable(model: NetworkModel, policy: ServedPolicy): void {
  if (isAnswerable(model.id, policy.id)) return;
  throw new HttpError(
    422,
    "MT-GW-008",
    `nothing that proves ${model.name} answers a challenge under the policy ${policy.name}`,
    "Choose another policy: such a claim could never settle.",
  );
}

/** Anybody may demand to see a claim of public data on chain, and what does not fit there loses its bond. */
function requireShowable(model: NetworkModel, policy: ServedPolicy): void {
  if (!policy.terms.publicData || inputLength(model.spec) + OUTPUT_BYTES <= MAX_OPENING_BYTES) return;
  throw new HttpError(
    422,
    "MT-GW-020",
    `an input of ${model.name} is too large to be shown on chain, as the policy ${policy.name} demands`,
    `Choose a policy of private data; public data are at most ${MAX_OPENING_BYTES} bytes a claim.`,
  );
}

async function findEarlier(
  { ledger }: Services,
  model: NetworkModel,
  policy: ServedPolicy,
  request: InferRequest,
): Promise<StoredReceipt | undefined> {
  if (request.requestId === undefined) return undefined;
  const earlier = await findByRequest(ledger, {
    requester: request.requester as Address,
    requestId: request.requestId as Hex,
    modelId: model.id,
  });
  if (!earlier) return undefined;
  const otherSalt = request.salt !== undefined && request.salt.toLowerCase() !== earlier.opening.salt;
  if (!otherSalt && earlier.requestDigest === digestOf(policy, request)) return earlier;
  throw new HttpError(
    409,
    "MT-GW-009",
    "this requestId was answered for another input, policy or salt",
    "Repeat the request exactly to get the same answer, or use a new requestId.",
  );
}

function digestOf(policy: ServedPolicy, request: InferRequest): Hex {
  return keccak256Text(JSON.stringify([policy.id, request.input]));
}

function hex(bytes: number) {
  return z
    .string()
    .regex(new RegExp(`^0x[0-9a-fA-F]{${bytes * 2}}$`), `must be 0x followed by ${bytes * 2} hex digits`);
}
