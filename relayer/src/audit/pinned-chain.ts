// SPDX-License-Identifier: GPL-3.0-or-later

import { decodeWords, encodeCall } from "@meantime/sdk/chain/abi";
import { type Chain, connectChain } from "@meantime/sdk/chain/chain";
import { type ChainProvider, httpProvider } from "@meantime/sdk/chain/provider";
import type { SettlementDomain } from "@meantime/sdk/domain";
import { MeantimeError } from "@meantime/sdk/errors";
import type { ChainLog } from "@meantime/sdk/evidence-from-chain/acceptance";
import type { Address, Hex } from "@meantime/sdk/hex";
import { BadInputError } from "../cli/enclave/bad-input.ts";
import { DEVELOPMENT_CHAIN_ID } from "../config/development-chain.ts";
import { redactUrl } from "../config/redact.ts";
import { TemporaryError } from "../errors.ts";

/** A chain as it was at one block. Everything is read at that block, so two reads agree. */
export interface PinnedChain extends Chain {
  /** The block that everything is read at. */
  pinned: { number: number; hash: Hex; timestamp: number };
  /** The block that a contract was deployed in; zero where the node has not the state of old blocks. */
  deployedAt(contract: Address): Promise<number>;
  /** The time of a block, unix seconds. */
  blockTime(number: number): Promise<number>;
  /** The hash of a block. */
  blockHash(number: number): Promise<Hex>;
  /** What a call returns at the block. */
  call(to: Address, data: Hex): Promise<Hex>;
  /** The ether that an account has at the block, in wei. */
  etherOf(account: Address): Promise<bigint>;
  /** A transaction of the chain; undefined where the node has forgotten it. */
  transaction(hash: Hex): Promise<{ to: Address | null; input: Hex; from: Address } | undefined>;
  /** Logs of some contracts, or of any, range by range, in the chain's order. @param topics as `eth_getLogs` filters by them */
  logs(
    addresses: readonly Address[] | undefined,
    from: number,
    to: number,
    topics?: readonly (Hex | null)[],
  ): AsyncGenerator<PinnedLog[]>;
  /** @throws TemporaryError `MT-AUDIT-002` the block is not on the chain any more */
  requireStillThere(): Promise<void>;
}

/** A log and where it stands. */
export interface PinnedLog extends ChainLog {
  blockNumber: number;
  logIndex: number;
  txHash: Hex;
  blockTime: number;
}

/** Which block: by number, by name, or so many behind the latest. */
export type PinnedAt = number | "latest" | "finalized" | { confirmations: number };

const RANGE_BLOCKS = 5_000;
const PATIENCE = { timeoutMs: 30_000, retries: 3, retryDelayMs: 500 };
const FALLBACK_CONFIRMATIONS = 64;
const BLOCK_TIMES_KEPT = 100_000;

/**
 * Pins a chain to a block.
 *
 * @param at default: the finalised block, of a development chain the latest; of a chain that knows none, 64 behind
 * @param startBlock no contract is older; default: found by bisection where the node keeps old state, else zero
 * @throws TemporaryError `MT-AUDIT-001` the node does not answer
 * @throws BadInputError `MT-AUDIT-003` no Settlement at the address, or no such block
 */
export async function pinChain(
  rpcUrl: string,
  settlement: Address,
  { at, startBlock }: { at?: PinnedAt; startBlock?: number } = {},
): Promise<PinnedChain> {
  const provider = steady(httpProvider(rpcUrl, PATIENCE), rpcUrl);
  const chainId = quantity(await provider.request({ method: "eth_chainId" }));
  const block = await pinnedBlock(provider, at ?? (await defaultPin(provider, chainId)));
  const domain: SettlementDomain = { chainId, settlement };
  const tag: Hex = `0x${block.number.toString(16)}`;
  const chain = await connected(provider, domain, tag);
  const times = new Map<number, Promise<number>>();
  const blockTime = (number: number): Promise<number> => {
    const known = times.get(number);
    if (known !== undefined) return known;
    if (times.size >= BLOCK_TIMES_KEPT) times.clear();
    const asked = readBlock(provider, number).then((found) => {
      if (found === undefined) throw moved(number);
      return found.timestamp;
    });
    times.set(number, asked);
    return asked;
  };
  return {
    ...chain,
    pinned: block,
    deployedAt: async (contract) => startBlock ?? (await deployedAt(provider, contract, block.number)),
    blockTime,
    async blockHash(number) {
      const found = await readBlock(provider, number);
      if (found === undefined) throw moved(number);
      return found.hash;
    },
    call: async (to, data) =>
      hexOf(await provider.request({ method: "eth_call", params: [{ to, data }, tag] })),
    etherOf: async (account) =>
      quantity(await provider.request({ method: "eth_getBalance", params: [account, tag] })),
    async transaction(hash) {
      const found = await provider.request({ method: "eth_getTransactionByHash", params: [hash] });
      if (found === null || typeof found !== "object") return undefined;
      const { to, input, from } = found as { to: Address | null; input: Hex; from: Address };
      return { to: to && lower(to), input: lower(input), from: lower(from) };
    },
    async *logs(address, from, to, topics) {
      const filter = { ...(address && { address }), ...(topics && { topics }) };
      for (let first = from; first <= to; first += RANGE_BLOCKS) {
        const last = Math.min(to, first + RANGE_BLOCKS - 1);
        yield* rangeOf(provider, blockTime, filter, first, last);
      }
    },
    async requireStillThere() {
      const found = await readBlock(provider, block.number);
      if (found?.hash !== block.hash) throw moved(block.number);
    },
  };
}

/** A call without arguments that returns an address. */
export async function addressNamedBy(chain: PinnedChain, contract: Address, name: string): Promise<Address> {
  const [word = 0n] = decodeWords(await chain.call(contract, encodeCall(`${name}()`)), 1);
  return `0x${word.toString(16).padStart(40, "0")}`;
}

/** A provider whose lost answers are what they are: something to try again later. */
function steady(provider: ChainProvider, rpcUrl: string): ChainProvider {
  return {
    async request(call) {
      try {
        return await provider.request(call);
      } catch (error) {
        if (!(error instanceof MeantimeError) || !/^MT-SDK-50\d$/.test(error.code)) throw error;
        throw new TemporaryError(
          "MT-AUDIT-001",
          `the node at ${redactUrl(rpcUrl)} does not answer: ${error.message}`,
          "Nothing was found out. Start the node or name another with --rpc, and run the audit again.",
        );
      }
    },
  };
}

async function connected(provider: ChainProvider, domain: SettlementDomain, tag: Hex): Promise<Chain> {
  try {
    return await connectChain(provider, domain, tag);
  } catch (error) {
    if (!(error instanceof MeantimeError) || !["MT-SDK-702", "MT-SDK-703"].includes(error.code)) throw error;
    throw badPlace(`there is no Settlement at ${domain.settlement} in block ${BigInt(tag)}`);
  }
}

async function defaultPin(provider: ChainProvider, chainId: bigint): Promise<PinnedAt> {
  if (chainId === BigInt(DEVELOPMENT_CHAIN_ID)) return "latest";
  try {
    await readNamed(provider, "finalized");
    return "finalized";
  } catch (error) {
    if (error instanceof TemporaryError) throw error;
    return { confirmations: FALLBACK_CONFIRMATIONS };
  }
}

async function pinnedBlock(provider: ChainProvider, at: PinnedAt) {
  if (at === "latest" || at === "finalized") return readNamed(provider, at);
  const latest = await readNamed(provider, "latest");
  const number = typeof at === "number" ? at : Math.max(0, latest.number - at.confirmations);
  const found = number > latest.number ? undefined : await readBlock(provider, number);
  if (found !== undefined) return found;
  throw badPlace(`the chain has no block ${number} yet: its latest is ${latest.number}`);
}

async function readNamed(provider: ChainProvider, name: "latest" | "finalized") {
  const found = blockOf(await provider.request({ method: "eth_getBlockByNumber", params: [name, false] }));
  if (found !== undefined) return found;
  throw badPlace(`the node knows no block "${name}"`);
}

async function readBlock(provider: ChainProvider, number: number) {
  const params = [`0x${number.toString(16)}`, false];
  return blockOf(await provider.request({ method: "eth_getBlockByNumber", params }));
}

function blockOf(value: unknown): { number: number; hash: Hex; timestamp: number } | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { number, hash, timestamp } = value as { number: Hex; hash: Hex; timestamp: Hex };
  return { number: Number(number), hash, timestamp: Number(timestamp) };
}

/** Zero where the node has not the state of old blocks: reading events from there on only takes longer. */
async function deployedAt(provider: ChainProvider, contract: Address, pinned: number): Promise<number> {
  const isThere = async (block: number) => {
    const params = [contract, `0x${block.toString(16)}`];
    return hexOf(await provider.request({ method: "eth_getCode", params })) !== "0x";
  };
  let [without, having] = [-1, pinned];
  try {
    while (having - without > 1) {
      const middle = Math.floor((without + having) / 2);
      if (await isThere(middle)) having = middle;
      else without = middle;
    }
    return having;
  } catch (error) {
    if (error instanceof TemporaryError) throw error;
    return 0;
  }
}

async function* rangeOf(
  provider: ChainProvider,
  blockTime: (number: number) => Promise<number>,
  filter: object,
  from: number,
  to: number,
): AsyncGenerator<PinnedLog[]> {
  const params = [{ ...filter, fromBlock: hexBlock(from), toBlock: hexBlock(to) }];
  let answer: unknown;
  try {
    answer = await provider.request({ method: "eth_getLogs", params });
  } catch (error) {
    // Nodes bound how much they answer, each in its own words.
    const isRefused = error instanceof MeantimeError && error.code === "MT-SDK-702";
    if (!isRefused || from === to) throw error;
    const middle = Math.floor((from + to) / 2);
    yield* rangeOf(provider, blockTime, filter, from, middle);
    yield* rangeOf(provider, blockTime, filter, middle + 1, to);
    return;
  }
  const logs = (answer as (ChainLog & Record<"blockNumber" | "logIndex" | "transactionHash", Hex>)[]).map(
    async (log): Promise<PinnedLog> => {
      const blockNumber = Number(log.blockNumber);
      return {
        ...{ address: lower(log.address), topics: log.topics.map(lower), data: lower(log.data) },
        ...{ blockNumber, logIndex: Number(log.logIndex), txHash: lower(log.transactionHash) },
        blockTime: await blockTime(blockNumber),
      };
    },
  );
  yield (await Promise.all(logs)).sort((a, b) => a.blockNumber - b.blockNumber || a.logIndex - b.logIndex);
}

function hexBlock(number: number): Hex {
  return `0x${number.toString(16)}`;
}

function lower(hex: Hex): Hex {
  return hex.toLowerCase() as Hex;
}

function quantity(value: unknown): bigint {
  return BigInt(hexOf(value));
}

function hexOf(value: unknown): Hex {
  if (typeof value === "string" && /^0x[0-9a-f]*$/i.test(value)) return value.toLowerCase() as Hex;
  throw badPlace("the node's answer is none of an Ethereum node");
}

function badPlace(what: string): BadInputError {
  return new BadInputError("MT-AUDIT-003", what, "Correct --rpc, --settlement, --from and --to.");
}

function moved(block: number): TemporaryError {
  return new TemporaryError(
    "MT-AUDIT-002",
    `block ${block}, at which the audit read, is not on the chain any more`,
    "The chain was reorganised meanwhile. Run the audit again, or pin it to a finalised block.",
    { block },
  );
}
