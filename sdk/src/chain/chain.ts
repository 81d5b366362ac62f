// SPDX-License-Identifier: MIT
import type { BatchHeader } from "../batch.ts";
import type { Claim } from "../claim.ts";
import type { SettlementDomain } from "../domain.ts";
import { MeantimeError } from "../errors.ts";
import type { Address, Hex } from "../hex.ts";
import { asRecord } from "../json.ts";
import type { ReceiptKey } from "../receipt.ts";
import { type StatusName, statusName } from "../status.ts";
import {
  type CallArgument,
  CLAIM_TUPLE,
  claimWords,
  decodeWords,
  encodeCall,
  HEADER_TUPLE,
  headerWords,
} from "./abi.ts";
import type { ChainProvider } from "./provider.ts";

/** The contracts on one chain, ready to be asked. What they say is the truth that gateways are held against. */
export interface Chain {
  domain: SettlementDomain;
  provider: ChainProvider;
  /** The Receipts contract. */
  receipts: Address;
  /** The PolicyRegistry. */
  policies: Address;
  /** At which block is asked. `finalized` is slower and never taken back. */
  blockTag: BlockTag;
}

/** A block by name, or by its number in hexadecimal. */
export type BlockTag = "latest" | "safe" | "finalized" | Hex;

/** A place of a batch, as a claim is asked about. */
export interface Inclusion {
  header: BatchHeader;
  index: number;
  proof: readonly Hex[];
}

/** What became of a report of an omission, by name, numbered as `OmissionState` in `contracts/interfaces/IReceipts.sol`. */
export const OMISSION_STATES = { None: 0, Open: 1, Refuted: 2, Upheld: 3, Voided: 4 } as const;

/** The name of a report's state. */
export type OmissionStateName = keyof typeof OMISSION_STATES;

const IN_BATCH = `${HEADER_TUPLE},${CLAIM_TUPLE},uint256,bytes32[]`;
const POLICY_WORDS = 15;
const POLICY_BOND_TOKEN_WORD = 3;
const POLICY_CHALLENGE_BOND_WORD = 11;

/**
 * Finds the contracts from Settlement on. Throws MT-SDK-704 for a node of another chain, MT-SDK-703 where no Settlement is
 * at the address, and what the provider throws.
 */
export async function connectChain(
  provider: ChainProvider,
  domain: SettlementDomain,
  blockTag: BlockTag = "latest",
): Promise<Chain> {
  const chainId = asQuantity(await provider.request({ method: "eth_chainId" }), "eth_chainId");
  if (chainId !== domain.chainId) {
    throw new MeantimeError("MT-SDK-704", `the node is on chain ${chainId}, not ${domain.chainId}`, {
      hint: "Use a node of the chain where the claims settle.",
      details: { expected: domain.chainId, actual: chainId },
    });
  }
  const chain = { domain, provider, blockTag, receipts: domain.settlement, policies: domain.settlement };
  const [receipts, policies] = await Promise.all([
    call(chain, domain.settlement, 1, "RECEIPTS()"),
    call(chain, domain.settlement, 1, "POLICIES()"),
  ]);
  return { ...chain, receipts: asAddressWord(receipts[0]), policies: asAddressWord(policies[0]) };
}

/** The time of the latest block, unix seconds. */
export async function chainSeconds({ provider }: Chain): Promise<bigint> {
  const block = await provider.request({ method: "eth_getBlockByNumber", params: ["latest", false] });
  return asQuantity(asRecord(block, "block").timestamp, "timestamp");
}

/** From when until when receipts by a key bind the operator; both zero for a key never added. */
export async function receiptKeyOf(chain: Chain, operator: Address, key: Address): Promise<ReceiptKey> {
  const signature = "receiptKeyOf(address,address)";
  const [validFrom = 0n, validUntil = 0n] = await call(chain, chain.receipts, 2, signature, operator, key);
  return { key, validFrom, validUntil };
}

/** Since when receipts under a policy bind the operator, unix seconds; zero: they do not. */
export function acceptedAtOf(chain: Chain, operator: Address, policyId: Hex): Promise<bigint> {
  return callOne(chain, chain.receipts, "acceptedAtOf(address,bytes32)", operator, policyId);
}

/** When the policy was closed, unix seconds; zero: it is open. */
export function closedAtOf(chain: Chain, policyId: Hex): Promise<bigint> {
  return callOne(chain, chain.domain.settlement, "closedAtOf(bytes32)", policyId);
}

/** What a challenge and a report of an omission cost under a policy. Throws MT-SDK-705 for one that is not registered. */
export async function challengeBondOf(
  chain: Chain,
  policyId: Hex,
): Promise<{ bondToken: Address; challengeBondWei: bigint }> {
  const words = await call(chain, chain.policies, POLICY_WORDS, "policyOf(bytes32)", policyId);
  if (words[POLICY_WORDS - 1] === 0n) {
    throw new MeantimeError("MT-SDK-705", `the policy ${policyId} is not registered`, {
      hint: "Check the policy id, and the chain.",
      details: { policyId },
    });
  }
  return {
    bondToken: asAddressWord(words[POLICY_BOND_TOKEN_WORD]),
    challengeBondWei: words[POLICY_CHALLENGE_BOND_WORD] ?? 0n,
  };
}

/** Where a claim stands, at one place of one batch. */
export async function statusOf(chain: Chain, claim: Claim, place: Inclusion): Promise<StatusName> {
  const status = await callOne(
    chain,
    chain.domain.settlement,
    `statusOf(${IN_BATCH})`,
    ...inBatch(claim, place),
  );
  const name = statusName(status);
  if (name !== undefined) return name;
  throw new MeantimeError("MT-SDK-703", `the contract knows a status ${status}`, {
    hint: "The contract is of another version than this SDK.",
    details: { status },
  });
}

/** When the batch that the claim is in was committed, unix seconds; zero: it is not in it. */
export function inclusionOf(chain: Chain, claim: Claim, place: Inclusion): Promise<bigint> {
  return callOne(chain, chain.domain.settlement, `inclusionOf(${IN_BATCH})`, ...inBatch(claim, place));
}

/** What became of a report that the claim was omitted; times in unix seconds. */
export async function omissionOf(
  chain: Chain,
  claimId: Hex,
): Promise<{ state: OmissionStateName; reporter: Address; includeBy: bigint; answerBy: bigint }> {
  const words = await call(chain, chain.receipts, 4, "omissionOf(bytes32)", claimId);
  const [state = 0n, reporter, includeBy = 0n, answerBy = 0n] = words;
  const names = Object.keys(OMISSION_STATES) as OmissionStateName[];
  const name = names.find((one) => BigInt(OMISSION_STATES[one]) === state) ?? "None";
  return { state: name, reporter: asAddressWord(reporter), includeBy, answerBy };
}

function inBatch(claim: Claim, { header, index, proof }: Inclusion): CallArgument[] {
  return [headerWords(header), claimWords(claim), index, { list: proof }];
}

async function callOne(
  chain: Chain,
  to: Address,
  signature: string,
  ...args: CallArgument[]
): Promise<bigint> {
  const [word = 0n] = await call(chain, to, 1, signature, ...args);
  return word;
}

async function call(
  { provider, blockTag }: Pick<Chain, "provider" | "blockTag">,
  to: Address,
  words: number,
  signature: string,
  ...args: CallArgument[]
): Promise<bigint[]> {
  const params = [{ to, data: encodeCall(signature, ...args) }, blockTag];
  const returned = await provider.request({ method: "eth_call", params });
  if (typeof returned === "string") return decodeWords(returned as Hex, words);
  throw notFrom("eth_call");
}

function asAddressWord(word: bigint | undefined): Address {
  return `0x${(word ?? 0n).toString(16).padStart(40, "0").slice(-40)}`;
}

function asQuantity(value: unknown, what: string): bigint {
  if (typeof value === "string" && /^0x[0-9a-fA-F]+$/.test(value)) return BigInt(value);
  throw notFrom(what);
}

function notFrom(what: string): MeantimeError {
  return new MeantimeError("MT-SDK-703", `the node's answer to ${what} is of another kind`, {
    hint: "Check the URL of the node.",
  });
}
