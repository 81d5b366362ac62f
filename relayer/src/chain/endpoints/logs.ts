// SPDX-License-Identifier: GPL-3.0-or-later

import type { Address, Hex } from "@meantime/sdk/hex";
import { TemporaryError } from "../../errors.ts";
import type { Logger } from "../../ops/logger.ts";
import { bloomOf, mayContain } from "./bloom.ts";
import type { Endpoint } from "./endpoint.ts";
import type { RawBlock } from "./head.ts";
import { RequestFailure } from "./transport.ts";

/** A log as a node sends it. */
export interface RawLog {
  address: Address;
  topics: Hex[];
  blockNumber: Hex;
  blockHash: Hex;
  logIndex: Hex;
}

/** What reading logs needs of the endpoints. */
export interface LogSource {
  /** The block at a height of the chain that the endpoints agree on; at most the head. */
  agreedBlock(number: number): Promise<RawBlock>;
  /** The same from any one endpoint. */
  block(number: number): Promise<RawBlock>;
  /** Asks one endpoint after the other until `ask` has a result. */
  inTurn<Result>(what: string, ask: (endpoint: Endpoint) => Promise<Result>): Promise<Result>;
  headNumber(): number;
  logger: Logger;
}

/** Blocks deeper than this are read in ranges: who was away for days wants to catch up first. */
const BLOCKS_READ_ONE_BY_ONE = 20_000;
const HEADERS_AT_ONCE = 8;
const FIRST_RANGE_BLOCKS = 500;
const LARGEST_RANGE_BLOCKS = 10_000;
const RANGE_GROWTH = 1.2;
/** An answer this long may have been cut off: providers cut at round numbers from 1,000 on. */
const SUSPICIOUS_LOGS = 1_000;

/**
 * Reads the logs of some contracts so that a node which leaves logs out is noticed.
 *
 * Recent blocks are read one by one: the header's bloom filter says whether there can be anything for us; if so, all logs
 * of that block are asked for by its hash, must be numbered without a gap, and must give the very same bloom filter.
 * Headers are linked by their parents' hashes, and the endpoints have to agree on the last.
 *
 * Old blocks are read in ranges, halved when the node says that a range is too large or its answer is long enough to have
 * been cut, and grown slowly.
 */
export function createLogReader(source: LogSource) {
  let rangeBlocks = FIRST_RANGE_BLOCKS;

  async function readRanges(addresses: readonly Address[], from: number, to: number): Promise<RawLog[]> {
    const logs: RawLog[] = [];
    let next = from;
    while (next <= to) {
      const end = Math.min(to, next + rangeBlocks - 1);
      const found = await readRange(addresses, next, end);
      if (found === undefined) {
        rangeBlocks = Math.max(1, Math.floor((end - next + 1) / 2));
        continue;
      }
      logs.push(...found);
      next = end + 1;
      rangeBlocks = Math.min(LARGEST_RANGE_BLOCKS, Math.ceil(rangeBlocks * RANGE_GROWTH));
    }
    return logs;
  }

  /** Undefined: ask for less. */
  async function readRange(
    addresses: readonly Address[],
    from: number,
    to: number,
  ): Promise<RawLog[] | undefined> {
    const filter = { address: addresses, fromBlock: hexOf(from), toBlock: hexOf(to) };
    try {
      const found = await source.inTurn("eth_getLogs", async (endpoint) => {
        try {
          return (await endpoint.request("eth_getLogs", [filter])) as RawLog[];
        } catch (error) {
          // A smaller range first, elsewhere the same range later.
          if (to > from && error instanceof RequestFailure && error.kind === "timeout") {
            throw new RequestFailure("tooManyResults", error.message, { cause: error });
          }
          throw error;
        }
      });
      return found.length >= SUSPICIOUS_LOGS && to > from ? undefined : found;
    } catch (error) {
      if (error instanceof RequestFailure && error.kind === "tooManyResults" && to > from) return undefined;
      throw error;
    }
  }

  async function readOneByOne(addresses: readonly Address[], from: number, to: number): Promise<RawLog[]> {
    const headers = await linkedHeaders(from, to);
    const logs: RawLog[] = [];
    for (const header of headers) {
      if (!addresses.some((address) => mayContain(header.logsBloom, address))) continue;
      const found = await source.inTurn("eth_getLogs", (endpoint) => allLogsOf(endpoint, header));
      logs.push(...found.filter((log) => addresses.includes(log.address.toLowerCase() as Address)));
    }
    return logs;
  }

  async function linkedHeaders(from: number, to: number): Promise<RawBlock[]> {
    const headers: RawBlock[] = [];
    for (let start = from; start <= to; start += HEADERS_AT_ONCE) {
      const count = Math.min(HEADERS_AT_ONCE, to - start + 1);
      headers.push(
        ...(await Promise.all(
          Array.from({ length: count }, (_, at) =>
            start + at === to ? source.agreedBlock(to) : source.block(start + at),
          ),
        )),
      );
    }
    for (const [at, header] of headers.entries()) {
      const parent = headers[at - 1];
      if (parent && parent.hash !== header.parentHash) throw changedMeanwhile(Number(header.number));
    }
    return headers;
  }

  async function allLogsOf(endpoint: Endpoint, header: RawBlock): Promise<RawLog[]> {
    const logs = (await endpoint.request("eth_getLogs", [{ blockHash: header.hash }])) as RawLog[];
    const isWhole =
      Array.isArray(logs) &&
      logs.every((log, at) => log.blockHash === header.hash && Number(log.logIndex) === at) &&
      bloomOf(logs) === header.logsBloom.toLowerCase();
    if (isWhole) return logs;
    source.logger.warn(
      { code: "MT-CHAIN-011", endpoint: endpoint.name, block: Number(header.number) },
      "the endpoint left logs out of a block; asking again",
    );
    throw new RequestFailure("headerNotFound", `the logs of block ${Number(header.number)} are not complete`);
  }

  return async function readLogs(addresses: readonly Address[], from: number, to: number): Promise<RawLog[]> {
    const oldUpTo = Math.min(to, source.headNumber() - BLOCKS_READ_ONE_BY_ONE);
    const old = await readRanges(addresses, from, oldUpTo);
    return [...old, ...(await readOneByOne(addresses, Math.max(from, oldUpTo + 1), to))];
  };
}

function changedMeanwhile(block: number): TemporaryError {
  return new TemporaryError(
    "MT-CHAIN-005",
    `block ${block} does not follow the one before it: the chain changed while it was read`,
    "Nothing to do: the next poll starts from the last block that both sides have.",
  );
}

function hexOf(number: number): Hex {
  return `0x${number.toString(16)}`;
}
