// SPDX-License-Identifier: GPL-3.0-or-later

import type { Address, Hex } from "@meantime/sdk/hex";
import { TemporaryError } from "../../errors.ts";
import type { Logger } from "../../ops/logger.ts";
import { agreeOnBlock } from "./agreement.ts";
import { broadcast } from "./broadcast.ts";
import { type ChainIdentity, createEndpoint, type Endpoint } from "./endpoint.ts";
import { createHeadKeeper, type RawBlock } from "./head.ts";
import { createLogReader } from "./logs.ts";
import { createNonceFloor } from "./nonce-floor.ts";
import { askInTurn, usable } from "./selection.ts";
import { RequestFailure } from "./transport.ts";

/** Several endpoints that answer as one node would. */
export interface EndpointPool {
  /** @throws RequestFailure a node's answer; TemporaryError `MT-CHAIN-008`, `009`, `012` nobody's, or no consistent one */
  request(method: string, parameters: readonly unknown[]): Promise<unknown>;
  endpoints(): readonly Pick<Endpoint, "name" | "state" | "head" | "limitPerSecond" | "pauseMilliseconds">[];
}

/** How a pool is made. */
export interface PoolOptions {
  urls: readonly string[];
  chainId: number;
  logger: Logger;
  timeoutMilliseconds: number;
  /** How long a head that nobody shows any more is still expected to come back. */
  patienceMilliseconds: number;
}

/** Reads that start within this time of each other share one look at the head. */
const SHARED_HEAD_MILLISECONDS = 10;
/** The endpoints that are not asked anyway show their heads this often. */
const PROBE_MILLISECONDS = 1_000;

/** Where each method takes the block as of which it answers. */
const BLOCK_PARAMETER: Readonly<Record<string, number>> = {
  eth_call: 1,
  eth_getBalance: 1,
  eth_getCode: 1,
  eth_getTransactionCount: 1,
  eth_getStorageAt: 2,
};

/** Changes nothing on any chain, so what was seen of the head stays good. */
const READS = /^(eth_(?!send)|net_|web3_)/;

/**
 * One client in front of several nodes, none of which is trusted to be up to date.
 *
 * - Reads go to the endpoint with the highest head. "Latest" is replaced by the height of the head that was seen: a node,
 *   or one of the machines behind a load balancer, that does not have that block says so instead of answering from the
 *   past, and another is asked.
 * - The head and every sender's transaction count go back only when the chain does ({@link createHeadKeeper}).
 * - A block at a given height is compared between two endpoints ({@link agreeOnBlock}).
 * - Logs are checked for completeness ({@link createLogReader}); transactions go to all ({@link broadcast}).
 */
export function createEndpointPool(options: PoolOptions): EndpointPool {
  const { urls, chainId, logger, timeoutMilliseconds, patienceMilliseconds } = options;
  const identity: ChainIdentity = { chainId, genesisHash: undefined };
  const endpoints = urls.map((url) => createEndpoint(url, identity, logger, { timeoutMilliseconds }));
  const heads = createHeadKeeper(patienceMilliseconds, logger);
  const floor = createNonceFloor();
  let looking: { at: number; head: Promise<RawBlock> } | undefined;
  let probedAt = Number.NEGATIVE_INFINITY;

  const inTurn = <Result>(what: string, ask: (endpoint: Endpoint) => Promise<Result>) =>
    askInTurn(endpoints, what, ask);

  function head(): Promise<RawBlock> {
    const at = performance.now();
    if (looking && at - looking.at < SHARED_HEAD_MILLISECONDS) return looking.head;
    const next = { at, head: lookForHead() };
    looking = next;
    next.head.catch(() => {
      if (looking === next) looking = undefined;
    });
    return next.head;
  }

  async function lookForHead(): Promise<RawBlock> {
    probeOthers();
    await inTurn("the latest block", async (endpoint) => {
      if ((await showHead(endpoint)) !== "lagging") return;
      // Rather one that is not behind; but where all are, the head that was seen stands.
      if (usable(endpoints).some(({ head }) => (head ?? 0) >= Number(heads.seen?.number))) {
        throw new RequestFailure("headerNotFound", `behind block ${Number(heads.seen?.number)}`);
      }
    });
    if (!heads.seen) throw new RequestFailure("headerNotFound", "no latest block");
    return heads.seen;
  }

  async function showHead(endpoint: Endpoint) {
    const block = asBlock(await endpoint.request("eth_getBlockByNumber", ["latest", false]));
    if (!block) throw new RequestFailure("headerNotFound", "no latest block");
    endpoint.observeHead(Number(block.number));
    return heads.observe(block);
  }

  function probeOthers(): void {
    if (endpoints.length < 2 || performance.now() - probedAt < PROBE_MILLISECONDS) return;
    probedAt = performance.now();
    const [, ...others] = usable(endpoints);
    // Whether it answers is noted where its state is kept.
    for (const endpoint of others) showHead(endpoint).catch(() => undefined);
  }

  /** Undefined: higher than the head. */
  async function blockAt(number: number, mustAgree: boolean): Promise<RawBlock | undefined> {
    const [from, block] = await inTurn(`block ${number}`, async (endpoint) => {
      const found = asBlock(await endpoint.request("eth_getBlockByNumber", [hexOf(number), false]));
      if (!found && number <= Number(heads.seen?.number ?? -1)) {
        throw new RequestFailure("headerNotFound", `it does not have block ${number}`);
      }
      return [endpoint, found] as const;
    });
    return block && mustAgree ? agreeOnBlock(endpoints, from, block, logger) : block;
  }

  async function blockBelowHead(number: number, mustAgree: boolean): Promise<RawBlock> {
    const block = await blockAt(number, mustAgree);
    if (block) return block;
    throw new TemporaryError(
      "MT-CHAIN-005",
      `block ${number} is not there any more, or not yet`,
      "Nothing to do: the next poll starts from the last block that both sides have.",
    );
  }

  const readLogs = createLogReader({
    agreedBlock: (number) => blockBelowHead(number, true),
    block: (number) => blockBelowHead(number, false),
    inTurn,
    headNumber: () => Number(heads.seen?.number ?? 0),
    logger,
  });

  /** A read of the state as of the head. */
  async function readAtHead(method: string, parameters: readonly unknown[], at: number): Promise<unknown> {
    // The head is looked at again for every attempt: it may have gone back meanwhile.
    return inTurn(method, async (endpoint) =>
      endpoint.request(method, parameters.with(at, (await head()).number)),
    );
  }

  async function transactionCount(parameters: readonly unknown[]): Promise<unknown> {
    const sender = String(parameters[0]).toLowerCase();
    return inTurn("eth_getTransactionCount", async (endpoint) => {
      const asOf = await head();
      const stands = floor.standsOn(sender);
      if (stands && (await isGone(stands))) floor.drop(sender);
      const count = Number(await endpoint.request("eth_getTransactionCount", [sender, asOf.number]));
      if (!floor.isPlausible(sender, count)) {
        endpoint.distrust();
        throw new RequestFailure("headerNotFound", `${count} transactions are fewer than there were`);
      }
      floor.raise(sender, { count, blockNumber: Number(asOf.number), blockHash: asOf.hash });
      return hexOf(count);
    });
  }

  async function isGone({
    blockNumber,
    blockHash,
  }: {
    blockNumber: number;
    blockHash: Hex;
  }): Promise<boolean> {
    const known = heads.hashAt(blockNumber);
    if (known === blockHash) return false;
    if (known !== undefined || blockNumber > Number(heads.seen?.number)) return true;
    return (await blockAt(blockNumber, false))?.hash !== blockHash;
  }

  /** What one endpoint does not know another may: the first that knows it counts. */
  async function lookUp(method: string, parameters: readonly unknown[]): Promise<unknown> {
    const found = await inTurn(method, (endpoint) => endpoint.request(method, parameters));
    if (found !== null && (await isCanonical(found))) return found;
    for (const endpoint of usable(endpoints).slice(1)) {
      const other = await endpoint.request(method, parameters).catch(() => null);
      if (other !== null && (await isCanonical(other))) return other;
    }
    return null;
  }

  /** A node on another branch still has the receipts of its blocks. */
  async function isCanonical(found: unknown): Promise<boolean> {
    const { blockNumber, blockHash } = found as { blockNumber?: Hex | null; blockHash?: Hex | null };
    if (!blockNumber || !blockHash) return true;
    const number = Number(blockNumber);
    return (heads.hashAt(number) ?? (await blockAt(number, false))?.hash) === blockHash;
  }

  async function request(method: string, parameters: readonly unknown[]): Promise<unknown> {
    // Own sends, and what makes blocks on a development chain: the head may be another afterwards.
    if (!READS.test(method)) looking = undefined;
    try {
      return await route(method, parameters);
    } finally {
      if (!READS.test(method)) looking = undefined;
    }
  }

  async function route(method: string, parameters: readonly unknown[]): Promise<unknown> {
    if (method === "eth_sendRawTransaction") return broadcast(endpoints, parameters[0]);
    if (method === "eth_blockNumber") return (await head()).number;
    if (method === "eth_getBlockByNumber" && parameters[1] !== true) {
      if (parameters[0] === "latest") return head();
      if (isNumber(parameters[0])) return (await blockAt(Number(parameters[0]), true)) ?? null;
    }
    if (method === "eth_getTransactionCount" && isLatest(parameters[1])) return transactionCount(parameters);
    if (method === "eth_getTransactionReceipt" || method === "eth_getTransactionByHash") {
      return lookUp(method, parameters);
    }
    const range = method === "eth_getLogs" ? rangeOf(parameters[0]) : undefined;
    if (range) {
      if (!heads.seen) await head();
      return readLogs(range.addresses, range.from, range.to);
    }
    const at = BLOCK_PARAMETER[method];
    if (at !== undefined && isLatest(parameters[at])) return readAtHead(method, padded(parameters, at), at);
    return inTurn(method, (endpoint) => endpoint.request(method, parameters));
  }

  return { request, endpoints: () => endpoints };
}

function isLatest(tag: unknown): boolean {
  return tag === undefined || tag === "latest";
}

function isNumber(tag: unknown): tag is Hex {
  return typeof tag === "string" && /^0x[0-9a-f]+$/i.test(tag);
}

function padded(parameters: readonly unknown[], at: number): unknown[] {
  return Array.from({ length: Math.max(parameters.length, at + 1) }, (_, place) => parameters[place]);
}

/** The filter of logs that are read with care: some contracts' between two heights, whatever their topics. */
function rangeOf(filter: unknown): { addresses: Address[]; from: number; to: number } | undefined {
  const { address, fromBlock, toBlock, topics } = filter as Record<string, unknown>;
  if (
    !isNumber(fromBlock) ||
    !isNumber(toBlock) ||
    !address ||
    (Array.isArray(topics) && topics.length > 0)
  ) {
    return undefined;
  }
  const addresses = [address].flat().map((one) => String(one).toLowerCase() as Address);
  return { addresses, from: Number(fromBlock), to: Number(toBlock) };
}

function asBlock(result: unknown): RawBlock | undefined {
  const block = result as RawBlock | null;
  return block?.hash && block.number ? block : undefined;
}

function hexOf(number: number): Hex {
  return `0x${number.toString(16)}`;
}
