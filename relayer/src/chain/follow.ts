// SPDX-License-Identifier: GPL-3.0-or-later

import type { Address, Hex } from "@meantime/sdk/hex";
import type { Block, Log } from "ethers";
import type { RelayerConfig } from "../config/load.ts";
import { RelayerError } from "../errors.ts";
import {
  advance,
  type ChainEvent,
  checkpointBefore,
  lastCheckpoint,
  rollBack,
} from "../ledger/chain-facts.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Logger } from "../ops/logger.ts";
import { readPolicy } from "../registry/policies.ts";
import type { ChainClock } from "./clock.ts";
import { type Contracts, SETTLEMENT_INTERFACE } from "./contracts.ts";
import type { Rpc } from "./rpc.ts";

/** The chain as of the last poll. */
export interface ChainView {
  head: { number: number; hash: Hex; timestampSeconds: number };
  /** The last block whose events are in the ledger. */
  readUpTo: number;
  /** The operator's accounts, as of the head or later: stake that is not locked backs new claims. */
  operator: { stakeWei: bigint; lockedWei: bigint; unbondingWei: bigint };
  /** Whether the sender may commit and the receipt key binds, now. */
  senderAllowed: boolean;
  receiptKeyActive: boolean;
  /** Configured policies that the guardian has retired: no batch can be committed under them any more. */
  retiredPolicies: ReadonlySet<Hex>;
  /** `performance.now()` of the poll. */
  seenAtMilliseconds: number;
}

/** What following the chain needs. */
export interface FollowContext {
  config: RelayerConfig;
  rpc: Rpc;
  contracts: Contracts;
  ledger: Ledger;
  clock: ChainClock;
  logger: Logger;
  sender: Address;
  receiptKeyAddress: Address;
}

const MAX_BLOCKS_PER_QUERY = 2_000;

/**
 * One poll: finds the head, undoes what a reorg took back, reads the new events into the ledger and looks at the
 * operator's accounts.
 *
 * Events are read `confirmations` deep, so a reorg that is shallower is never noticed and a deeper one is rolled back to
 * the last checkpoint the chain still has.
 */
export async function pollChain(context: FollowContext): Promise<ChainView> {
  const { rpc, clock, ledger, config } = context;
  const head = await blockAt(rpc, "latest");
  clock.observe(head.timestamp);
  await undoReorg(context);
  const target = head.number - (config.chain.confirmations - 1);
  let readUpTo = lastCheckpoint(ledger)?.number ?? config.chain.startBlock - 1;
  while (readUpTo < target) {
    const to = Math.min(target, readUpTo + MAX_BLOCKS_PER_QUERY);
    await readRange(context, readUpTo + 1, to);
    readUpTo = to;
  }
  return {
    head: { number: head.number, hash: hashOf(head), timestampSeconds: head.timestamp },
    readUpTo,
    ...(await readAccounts(context)),
    retiredPolicies: await readRetiredPolicies(context),
    seenAtMilliseconds: performance.now(),
  };
}

async function undoReorg({ rpc, ledger, logger, config }: FollowContext): Promise<void> {
  const last = lastCheckpoint(ledger);
  if (!last || (await isOnChain(rpc, last))) return;
  let ancestor = checkpointBefore(ledger, last.number);
  while (ancestor && !(await isOnChain(rpc, ancestor))) ancestor = checkpointBefore(ledger, ancestor.number);
  const toBlock = ancestor?.number ?? config.chain.startBlock - 1;
  logger.warn(
    { code: "MT-CHAIN-004", fromBlock: last.number, toBlock },
    "the chain was reorganised; rolling back",
  );
  rollBack(ledger, toBlock);
}

async function isOnChain(rpc: Rpc, checkpoint: { number: number; hash: Hex }): Promise<boolean> {
  const block = await rpc.getBlock(checkpoint.number);
  return block !== null && block.hash === checkpoint.hash;
}

async function readRange({ rpc, contracts, ledger }: FollowContext, from: number, to: number): Promise<void> {
  const end = await blockAt(rpc, to);
  const logs = await rpc.getLogs({ address: contracts.settlementAddress, fromBlock: from, toBlock: to });
  const timestamps = new Map<string, number>([[hashOf(end), end.timestamp]]);
  for (const log of logs) {
    if (timestamps.has(log.blockHash)) continue;
    const block = await rpc.getBlock(log.blockHash);
    if (!block) throw reorganisedMeanwhile(log.blockNumber);
    timestamps.set(log.blockHash, block.timestamp);
  }
  // The end of the range is checked after its logs were read: had the chain changed in between, the cursor would
  // vouch for events of another branch.
  if (hashOf(await blockAt(rpc, to)) !== hashOf(end)) throw reorganisedMeanwhile(to);
  const events = logs.flatMap((log) => decodeLog(log, timestamps.get(log.blockHash) ?? end.timestamp) ?? []);
  advance(ledger, events, { number: to, hash: hashOf(end) });
}

function decodeLog(log: Log, timestamp: number): ChainEvent | undefined {
  const parsed = SETTLEMENT_INTERFACE.parseLog(log);
  if (!parsed) return undefined;
  const values: Record<string, string> = {};
  for (const [index, input] of parsed.fragment.inputs.entries()) {
    const text = String(parsed.args[index]);
    values[input.name] = input.type === "string" ? text : text.toLowerCase();
  }
  return {
    blockNumber: log.blockNumber,
    logIndex: log.index,
    blockHash: log.blockHash as Hex,
    txHash: log.transactionHash as Hex,
    timestamp,
    name: parsed.name,
    arguments: values,
  };
}

async function readAccounts({ contracts, config, sender, receiptKeyAddress }: FollowContext) {
  const { settlement } = contracts;
  const operator = config.operator.address;
  const [accounts, senderAllowed, receiptKey] = await Promise.all([
    settlement.operatorOf(operator),
    settlement.isSender(operator, sender),
    settlement.receiptKeyOf(operator, receiptKeyAddress),
  ]);
  return {
    operator: {
      stakeWei: accounts.stakeWei,
      lockedWei: accounts.lockedWei,
      unbondingWei: accounts.unbondingWei,
    },
    senderAllowed,
    receiptKeyActive: receiptKey.validFrom !== 0n && receiptKey.validUntil === MAX_UINT40,
  };
}

async function readRetiredPolicies({ contracts, config }: FollowContext): Promise<ReadonlySet<Hex>> {
  const retired = await Promise.all(
    config.policies.map(async ({ id }) => ((await readPolicy(contracts, id)).retiredAt === 0n ? [] : [id])),
  );
  return new Set(retired.flat());
}

/** How Settlement writes "until revoked". */
const MAX_UINT40 = 2n ** 40n - 1n;

async function blockAt(rpc: Rpc, tag: number | "latest"): Promise<Block> {
  const block = await rpc.getBlock(tag);
  if (!block) throw reorganisedMeanwhile(tag);
  return block;
}

function hashOf(block: Block): Hex {
  if (!block.hash) throw reorganisedMeanwhile(block.number);
  return block.hash as Hex;
}

function reorganisedMeanwhile(block: number | string): RelayerError {
  return new RelayerError(
    "MT-CHAIN-005",
    `block ${block} is not there any more, or not yet`,
    "Nothing to do: the next poll starts from the last block that both sides have.",
  );
}
