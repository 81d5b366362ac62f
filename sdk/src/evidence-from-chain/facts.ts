// SPDX-License-Identifier: MIT
import { decodeWords, encodeCall } from "../chain/abi.ts";
import type { Chain } from "../chain/chain.ts";
import { MeantimeError } from "../errors.ts";
import {
  type Address,
  type Hex,
  hexToBytes,
  keccak256,
  keccak256Text,
  ZERO_ADDRESS,
  ZERO_HASH,
} from "../hex.ts";
import { type ModelEntry, modelId } from "../model.ts";
import { type Policy, policyId } from "../policy.ts";
import { addressAt, bytesAt, hashAt, pointedAt, returnedBy, uintAt } from "./abi-reader.ts";
import type { ChainLog } from "./acceptance.ts";

/** What evidence is held against: the chain, at the block that took it. Undefined: the chain does not have it. */
export interface EvidenceFacts {
  chain: Chain;
  /** A policy's terms, known to be what the id is the hash of. */
  policyOf(policyId: Hex): Promise<Policy | undefined>;
  /** The entry of a model at the registry that the evidence contract judges by, known to be what the id is the hash of. */
  modelOf(evidenceContract: Address, modelId: Hex): Promise<ModelEntry | undefined>;
  /** The bytes of a verification key, known to be what the id is the hash of. */
  verificationKeyOf(zkEvidence: Address, keyId: Hex): Promise<Hex | undefined>;
  /** What an enclave's key attested for in that block. */
  enclaveStandingAt(teeEvidence: Address, keyId: Hex, block: bigint): Promise<EnclaveStanding>;
  /** Which signers counted in that block, and how many are a quorum. Undefined: the node has forgotten the block. */
  quorumAt(
    quorumEvidence: Address,
    signers: readonly Address[],
    block: bigint,
  ): Promise<{ isActive: boolean[]; threshold: number } | undefined>;
}

/** Where an enclave's key stood in a block. `unknown`: the node has forgotten, and the events do not settle it. */
export type EnclaveStanding =
  | { state: "active"; measurement: Hex }
  | { state: "inactive" }
  | { state: "unknown" };

const POLICY_FIELDS = 14;
const KEY_REGISTERED = keccak256Text(
  "EnclaveKeyRegistered(bytes32,bytes32,bytes32,uint32,uint40,(uint8,uint256,uint256),bytes32)",
);
const KEY_REVOKED = keccak256Text("EnclaveKeyRevoked(bytes32,uint40)");
const MEASUREMENT_REMOVED = keccak256Text("MeasurementRemoved(bytes32)");
const MEASUREMENT_TERMS = ["Allowed", "Tightened"].map((change) =>
  keccak256Text(`Measurement${change}(bytes32,(uint8,uint32,uint16,uint16,uint16,uint24))`),
);

/**
 * Facts read through a node. Models, policies and keys are named by their hashes, so the node is not believed: what does
 * not hash to its name counts as absent. They are read once. Enclaves and committees are asked at the block (`eth_call`);
 * a node that has forgotten the state of that block is asked for the enclave's events instead. The functions throw what the
 * chain's provider throws, but for refusals of old blocks.
 *
 * @param startBlock where the contracts' events begin; earlier blocks are not asked for them
 */
export function chainEvidenceFacts(chain: Chain, startBlock = 0n): EvidenceFacts {
  const policies = new Map<Hex, Promise<Policy | undefined>>();
  const models = new Map<string, Promise<ModelEntry | undefined>>();
  const keys = new Map<string, Promise<Hex | undefined>>();
  const registries = new Map<Address, Promise<Address>>();
  return {
    chain,
    policyOf: (id) => once(policies, id, () => readPolicy(chain, id)),
    modelOf: (contract, id) =>
      once(models, `${contract}${id}`, async () => {
        const registry = await once(registries, contract, () => readRegistry(chain, contract));
        return readModel(chain, registry, id);
      }),
    verificationKeyOf: (contract, id) => once(keys, `${contract}${id}`, () => readKey(chain, contract, id)),
    enclaveStandingAt: async (contract, keyId, block) =>
      (await standingByState(chain, contract, keyId, block)) ??
      standingByEvents(chain, { contract, keyId, block, startBlock }),
    quorumAt: (contract, signers, block) => readQuorum(chain, contract, signers, block),
  };
}

function once<K, V>(known: Map<K, Promise<V>>, key: K, read: () => Promise<V>): Promise<V> {
  const found = known.get(key);
  if (found !== undefined) return found;
  const pending = read();
  known.set(key, pending);
  // A node that was away must be asked again.
  pending.catch(() => known.delete(key));
  return pending;
}

async function readPolicy(chain: Chain, id: Hex): Promise<Policy | undefined> {
  const output = await callOf(chain, chain.policies, encodeCall("policyOf(bytes32)", id), chain.blockTag);
  const words = returnedBy(output);
  if (uintAt(words, POLICY_FIELDS) === 0n) return undefined;
  const number = (word: number) => Number(uintAt(words, word, 32));
  const policy: Policy = {
    ...{ rule: number(0), answerKinds: number(1), publicData: uintAt(words, 2) !== 0n },
    ...{ bondToken: addressAt(words, 3), zkEvidence: addressAt(words, 4) },
    ...{ teeEvidence: addressAt(words, 5), quorumEvidence: addressAt(words, 6) },
    ...{ challengeWindowSeconds: number(7), attestedWindowSeconds: number(8), proveWindowSeconds: number(9) },
    ...{ claimBondWei: uintAt(words, 10), challengeBondWei: uintAt(words, 11) },
    ...{ challengerBps: number(12), requesterBps: number(13) },
  };
  return policyId(policy) === id ? policy : undefined;
}

async function readRegistry(chain: Chain, contract: Address): Promise<Address> {
  return addressAt(returnedBy(await callOf(chain, contract, encodeCall("MODELS()"), chain.blockTag)), 0);
}

async function readModel(chain: Chain, registry: Address, id: Hex): Promise<ModelEntry | undefined> {
  const output = await callOf(chain, registry, encodeCall("modelOf(bytes32)", id), chain.blockTag);
  const returned = returnedBy(output);
  if (uintAt(returned, 1) === 0n) return undefined;
  const words = pointedAt(returned, 0);
  const entry: ModelEntry = {
    ...{ name: textOf(bytesAt(words, 0)), version: Number(uintAt(words, 1, 32)), specHash: hashAt(words, 2) },
    ...{ inputScheme: hashAt(words, 3), outputScheme: hashAt(words, 4) },
    ...{ verificationKeyId: hashAt(words, 5), measurement: hashAt(words, 6) },
    reexecutable: uintAt(words, 7) !== 0n,
  };
  return modelId(entry) === id ? entry : undefined;
}

async function readKey(chain: Chain, contract: Address, id: Hex): Promise<Hex | undefined> {
  try {
    const output = await callOf(chain, contract, encodeCall("keyOf(bytes32)", id), chain.blockTag);
    const key = bytesAt(returnedBy(output), 0);
    return keccak256(key) === id ? key : undefined;
  } catch (error) {
    if (isRefusal(error)) return undefined;
    throw error;
  }
}

/** Undefined: the node has forgotten. */
async function standingByState(
  chain: Chain,
  contract: Address,
  keyId: Hex,
  block: bigint,
): Promise<EnclaveStanding | undefined> {
  const call = encodeCall("activeMeasurementOf(bytes32)", keyId);
  // A key may have been entered, and lost its force, in the very block that has its evidence.
  let isKnown = false;
  for (const at of [block, block - 1n]) {
    const output = await tryCall(chain, contract, call, at);
    if (output === undefined) continue;
    isKnown = true;
    const measurement = hashAt(returnedBy(output), 0);
    if (measurement !== ZERO_HASH) return { state: "active", measurement };
  }
  return isKnown ? { state: "inactive" } : undefined;
}

interface EventQuestion {
  contract: Address;
  keyId: Hex;
  block: bigint;
  startBlock: bigint;
}

/** Events alone say when a key was entered and taken away; terms that changed meanwhile are left to whoever has the state. */
async function standingByEvents(chain: Chain, question: EventQuestion): Promise<EnclaveStanding> {
  const { keyId, block } = question;
  const [registered, revoked, time] = await Promise.all([
    logsOf(chain, question, [KEY_REGISTERED, keyId]),
    logsOf(chain, question, [KEY_REVOKED, keyId]),
    blockSeconds(chain, block),
  ]);
  const newest = registered.at(-1);
  const measurement = newest?.topics[2];
  if (newest === undefined || measurement === undefined) return { state: "inactive" };
  if (revoked.some((log) => log.block < block)) return { state: "inactive" };
  const words = returnedBy(newest.data);
  if (time >= uintAt(words, 1, 40)) return { state: "inactive" };
  const removed = await logsOf(chain, question, [MEASUREMENT_REMOVED, measurement]);
  if (removed.some((log) => log.block > newest.block && log.block < block)) return { state: "inactive" };
  const changes = await Promise.all(
    MEASUREMENT_TERMS.map((topic) => logsOf(chain, question, [topic, measurement])),
  );
  const isChanged = [...removed, ...revoked, ...changes.flat()].some(
    (log) => log.block >= newest.block && log.block <= block,
  );
  return isChanged ? { state: "unknown" } : { state: "active", measurement };
}

async function readQuorum(chain: Chain, contract: Address, signers: readonly Address[], block: bigint) {
  const threshold = await tryCall(chain, contract, encodeCall("THRESHOLD()"), block);
  if (threshold === undefined) return undefined;
  const answers = await Promise.all(
    signers.map(async (signer) => {
      const call = encodeCall("isActive(address)", signer);
      const outputs = await Promise.all([block, block - 1n].map((at) => tryCall(chain, contract, call, at)));
      return outputs.some((output) => output !== undefined && uintAt(returnedBy(output), 0) !== 0n);
    }),
  );
  return { isActive: answers, threshold: Number(decodeWords(threshold, 1)[0] ?? 0n) };
}

async function tryCall(chain: Chain, to: Address, data: Hex, block: bigint): Promise<Hex | undefined> {
  if (block < 0n) return undefined;
  try {
    return await callOf(chain, to, data, `0x${block.toString(16)}`);
  } catch (error) {
    if (isRefusal(error)) return undefined;
    throw error;
  }
}

async function callOf({ provider }: Chain, to: Address, data: Hex, block: string): Promise<Hex> {
  if (to === ZERO_ADDRESS) throw notFrom("eth_call");
  const output = await provider.request({ method: "eth_call", params: [{ to, data }, block] });
  if (typeof output === "string" && /^0x[0-9a-f]*$/i.test(output)) return output.toLowerCase() as Hex;
  throw notFrom("eth_call");
}

async function logsOf(chain: Chain, { contract, block, startBlock }: EventQuestion, topics: readonly Hex[]) {
  const range = { fromBlock: `0x${startBlock.toString(16)}`, toBlock: `0x${block.toString(16)}` };
  const params = [{ address: contract, topics, ...range }];
  const answer = await chain.provider.request({ method: "eth_getLogs", params });
  if (!Array.isArray(answer)) throw notFrom("eth_getLogs");
  return (answer as (ChainLog & { blockNumber: Hex })[]).map((log) => ({
    topics: log.topics.map((topic) => topic.toLowerCase() as Hex),
    ...{ data: log.data, block: BigInt(log.blockNumber) },
  }));
}

async function blockSeconds({ provider }: Chain, block: bigint): Promise<bigint> {
  const params = [`0x${block.toString(16)}`, false];
  const found = await provider.request({ method: "eth_getBlockByNumber", params });
  if (typeof found === "object" && found !== null && "timestamp" in found)
    return BigInt(String(found.timestamp));
  throw notFrom("eth_getBlockByNumber");
}

function isRefusal(error: unknown): boolean {
  return error instanceof MeantimeError
    ? error.code === "MT-SDK-702"
    : typeof error === "object" && error !== null && typeof Reflect.get(error, "code") === "number";
}

function textOf(bytes: Hex): string {
  return new TextDecoder().decode(hexToBytes(bytes));
}

function notFrom(what: string): MeantimeError {
  return new MeantimeError("MT-SDK-703", `the node's answer to ${what} is of another kind`, {
    hint: "Check the URL of the node.",
  });
}
