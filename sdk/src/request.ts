// SPDX-License-Identifier: MIT
import type { Claim } from "./claim.ts";
import { type Address, type Hex, keccak256, keccak256Text, ZERO_ADDRESS } from "./hex.ts";
import { encodeWords } from "./words.ts";

/** What a contract asks of operators, and what it pays: see `contracts/types/Request.sol`. */
export interface InferenceRequest {
  /** Who asks and pays; a claim must name it as its requester. */
  requester: Address;
  modelId: Hex;
  policyId: Hex;
  /** Who may answer; the zero address: any operator. */
  operator: Address;
  /** By the model's input scheme. */
  inputHash: Hex;
  feeWei: bigint;
  /** The number of a status from `Committed` to `Final`: what a claim must stand at to be delivered. */
  minStatus: number;
  /** Unix seconds; from then on nothing is delivered. */
  expiresAt: bigint;
  /** The gas of the callback; zero: none. */
  callbackGasLimit: number;
  /** The requester's choice; tells requests of equal content apart. */
  nonce: bigint;
}

/** Where requests are made: what binds a request id to one chain and one contract. */
export interface RequestsDomain {
  chainId: bigint;
  /** The InferenceRequests contract. */
  requests: Address;
}

/** The states of a request by name, numbered as in `contracts/types/Request.sol`. */
export const REQUEST_STATES = {
  Unknown: 0,
  Open: 1,
  Delivered: 2,
  Settled: 3,
  Refunded: 4,
  Expired: 5,
} as const;

/** The name of a request's state. */
export type RequestStateName = keyof typeof REQUEST_STATES;

/** The output scheme of models whose `outputHash` is the keccak256 of the output's bytes. */
export const OUTPUT_KECCAK: Hex = keccak256Text("meantime.output.keccak.v1");

const REQUEST_TYPEHASH = keccak256Text(
  "MeantimeRequest(uint256 chainId,address requests,address requester,bytes32 modelId,bytes32 policyId,address operator,bytes32 inputHash,uint96 feeWei,uint8 minStatus,uint40 expiresAt,uint32 callbackGasLimit,uint64 nonce)",
);

/** The request id, which a claim that answers the request has to name as its `requestId`. */
export function requestId({ chainId, requests }: RequestsDomain, request: InferenceRequest): Hex {
  return keccak256(
    encodeWords(
      REQUEST_TYPEHASH,
      chainId,
      requests,
      request.requester,
      request.modelId,
      request.policyId,
      request.operator,
      request.inputHash,
      request.feeWei,
      request.minStatus,
      request.expiresAt,
      request.callbackGasLimit,
      request.nonce,
    ),
  );
}

/** Whether a claim is an answer to the request: what `fulfil` demands of it, but for its status and its output. */
export function answers(domain: RequestsDomain, request: InferenceRequest, claim: Claim): boolean {
  return (
    claim.requestId === requestId(domain, request) &&
    claim.modelId === request.modelId &&
    claim.policyId === request.policyId &&
    (request.operator === ZERO_ADDRESS || claim.operator === request.operator) &&
    claim.requester === request.requester &&
    claim.inputHash === request.inputHash
  );
}

/** Whether `output` is what `outputHash` stands for under a model's output scheme. Both in lower case. */
export function outputFits(outputScheme: Hex, outputHash: Hex, output: Hex): boolean {
  return outputScheme === OUTPUT_KECCAK ? keccak256(output) === outputHash : output === outputHash;
}
