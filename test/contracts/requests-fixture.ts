// SPDX-License-Identifier: MIT
import { type Claim, claimId } from "@meantime/sdk/claim";
import { type Hex, ZERO_ADDRESS } from "@meantime/sdk/hex";
import { type InferenceRequest, type RequestsDomain, requestId } from "@meantime/sdk/request";
import { STATUS } from "@meantime/sdk/status";
import type { ConsumerMock } from "../../types/ethers-contracts/index.ts";
import {
  asAddress,
  type Batch,
  batchOf,
  buildBatch,
  deployWorld,
  ethers,
  memberOf,
  networkHelpers,
  type RuleName,
  signBatch,
  type World,
} from "./fixture.ts";
import { infer } from "./proofs.ts";

export const FEE_WEI = 3n * 10n ** 15n;
export const LIFETIME_SECONDS = 2 * 24 * 3600;
export const CALLBACK_GAS = 100_000;
/** Where the answer stands in the batches of `commitAnswer`. */
export const ANSWER_INDEX = 2;

/** The protocol with a contract that asks. */
export interface RequestWorld extends World {
  consumer: ConsumerMock;
  requestsDomain: RequestsDomain;
}

/** A request that was made. */
export interface Asked {
  request: InferenceRequest;
  requestId: Hex;
}

/** A claim in a committed batch that answers a request. */
export interface Answer extends Asked {
  batch: Batch;
  index: number;
  claim: Claim;
  claimId: Hex;
}

/** What a consumer mock behaves like, numbered as in `ConsumerMock.sol`. */
export const BEHAVIOUR = {
  Accept: 0,
  Revert: 1,
  BurnAllGas: 2,
  ReturnBomb: 3,
  RevertBomb: 4,
  SpendGas: 5,
  Reenter: 6,
} as const;

export async function deployRequestWorld(): Promise<RequestWorld> {
  const world = await deployWorld();
  const consumer = await ethers.deployContract("ConsumerMock");
  const requestsDomain = {
    chainId: world.domain.chainId,
    requests: asAddress(await world.requests.getAddress()),
  };
  return { ...world, consumer, requestsDomain };
}

/** A request by the consumer mock, about a real inference, that anybody may answer at `Committed`. */
export async function draftRequest(
  world: RequestWorld,
  rule: RuleName,
  overrides: Partial<InferenceRequest> = {},
): Promise<InferenceRequest> {
  return {
    requester: asAddress(await world.consumer.getAddress()),
    modelId: world.modelId,
    policyId: world.policyIds[rule],
    operator: ZERO_ADDRESS,
    inputHash: infer(7).inputHash,
    feeWei: FEE_WEI,
    minStatus: STATUS.Committed,
    expiresAt: BigInt((await networkHelpers.time.latest()) + LIFETIME_SECONDS),
    callbackGasLimit: CALLBACK_GAS,
    nonce: 0n,
    ...overrides,
  };
}

/** Makes a request through the consumer mock. */
export async function askThrough(
  world: RequestWorld,
  rule: RuleName,
  overrides: Partial<InferenceRequest> = {},
): Promise<Asked> {
  const request = await draftRequest(world, rule, overrides);
  await world.consumer.ask(await world.requests.getAddress(), request, "0x1234", { value: request.feeWei });
  return { request, requestId: requestId(world.requestsDomain, request) };
}

/** Commits a batch in which one claim answers the request, truthfully where `overrides` does not say otherwise. */
export async function commitAnswer(
  world: RequestWorld,
  rule: RuleName,
  asked: Asked,
  overrides: Partial<Claim> = {},
  nonce = 1n,
): Promise<Answer> {
  const { claims } = await buildBatch(world, rule);
  const filled = claims.map((claim, index) =>
    index === ANSWER_INDEX ? { ...claim, ...answerFields(asked), ...overrides } : claim,
  );
  const batch = batchOf(world, filled, {
    nonce,
    modelId: asked.request.modelId === world.modelId ? world.modelId : (`0x${"00".repeat(32)}` as Hex),
  });
  await world.settlement.connect(world.sender).commit(batch.header);
  return answerIn(world, asked, batch, ANSWER_INDEX);
}

/** The fields of a claim that make it a true answer to the request. */
export function answerFields({ request, requestId: id }: Asked): Partial<Claim> {
  return {
    modelId: request.modelId,
    requester: request.requester,
    requestId: id,
    inputHash: request.inputHash,
    outputHash: infer(7).outputHash,
  };
}

export function answerIn(world: World, asked: Asked, batch: Batch, index: number): Answer {
  const [, claim] = memberOf(batch, index);
  return { ...asked, batch, index, claim, claimId: claimId(world.domain, claim) };
}

/** The arguments of `fulfil`, `settle` and `redeliver`. */
export function callOf(answer: Answer, output: Hex = answer.claim.outputHash) {
  const [header, claim, index, proof] = memberOf(answer.batch, answer.index);
  return [answer.request, header, claim, index, proof, output] as const;
}

/** Asks, commits the answer and delivers it while it is `Committed`. */
export async function deliver(
  world: RequestWorld,
  rule: RuleName,
  overrides: Partial<InferenceRequest> = {},
  claim: Partial<Claim> = {},
): Promise<Answer> {
  const asked = await askThrough(world, rule, overrides);
  const answer = await commitAnswer(world, rule, asked, claim, asked.request.nonce + 1n);
  await world.requests.fulfil(...callOf(answer));
  return answer;
}

/** Brings the enclave's signature for the answer's batch. */
export async function attest(world: World, { batch }: Answer): Promise<void> {
  await world.settlement.attestBatch(batch.header, await signBatch(world, batch));
}

/** Challenges the answer, and lets nobody answer: it is rejected. */
export async function reject(world: World, answer: Answer): Promise<void> {
  const { settlement, challenger } = world;
  const [header, claim, index, proof] = memberOf(answer.batch, answer.index);
  await settlement.connect(challenger).challenge(header, claim, index, proof, { value: 5n * 10n ** 15n });
  await networkHelpers.time.increase(900);
  await settlement.resolve(answer.batch.batchId, claim, index, challenger.address);
}

/** Challenges the answer, and the guardian ends that without a loser. */
export async function voidAnswer(world: World, answer: Answer): Promise<void> {
  const { settlement, challenger, admin } = world;
  const [header, claim, index, proof] = memberOf(answer.batch, answer.index);
  await settlement.connect(challenger).challenge(header, claim, index, proof, { value: 5n * 10n ** 15n });
  await settlement
    .connect(admin)
    .voidChallenge(answer.batch.batchId, claim, index, await challenger.getAddress());
}
