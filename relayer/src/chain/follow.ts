// SPDX-License-Identifier: GPL-3.0-or-later

import { type Address, type Hex, ZERO_ADDRESS } from "@meantime/sdk/hex";
import type { Block, Interface, Log, ParamType } from "ethers";
import type { RelayerConfig } from "../config/load.ts";
import { RelayerError } from "../errors.ts";
import { noteReplayDue } from "../indexer/replay.ts";
import {
  advance,
  type ChainEvent,
  checkpointBefore,
  insertEvents,
  lastCheckpoint,
  rollBack,
} from "../ledger/chain-facts.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Logger } from "../ops/logger.ts";
import type { ServedPolicy } from "../services.ts";
import type { ChainClock } from "./clock.ts";
import { type Contracts, RECEIPTS_INTERFACE, SETTLEMENT_INTERFACE } from "./contracts.ts";
import { eventSources, SOURCE_INTERFACES, type SourceName } from "./event-sources.ts";
import type { Rpc } from "./rpc.ts";

/** The chain as of the last poll. */
export interface ChainView {
  head: { number: number; hash: Hex; timestampSeconds: number };
  /** The last block whose events are in the ledger. */
  readUpTo: number;
  /** The operator's account in every token that the configured policies take bonds in, as of the head or later. */
  accounts: ReadonlyMap<Address, OperatorAccount>;
  /** Configured policies that the sender may commit under. */
  senderPolicies: ReadonlySet<Hex>;
  /** Configured policies under which receipts that are given now bind the operator. */
  acceptedPolicies: ReadonlySet<Hex>;
  /** Whether what the receipt key signs now binds the operator. */
  receiptKeyActive: boolean;
  /** Configured policies that the guardian has closed, and since when (unix seconds): they take no new work. */
  closedPolicies: ReadonlyMap<Hex, number>;
  /** Until when (unix seconds, exclusive) nothing can be committed. Zero: commits were never paused. */
  commitsPausedUntil: number;
  /** `performance.now()` of the poll. */
  seenAtMilliseconds: number;
}

/** The operator's account in one token, in wei of it. */
export interface OperatorAccount {
  stakeWei: bigint;
  lockedWei: bigint;
  /** What of the stake senders may lock at most; the rest answers for receipts. */
  lockableWei: bigint;
  unbondingWei: bigint;
  /** Lost a bond: the sender may not commit until the owner resumes. */
  suspended: boolean;
}

/** What following the chain needs. */
export interface FollowContext {
  config: RelayerConfig;
  policies: readonly ServedPolicy[];
  rpc: Rpc;
  contracts: Contracts;
  ledger: Ledger;
  clock: ChainClock;
  logger: Logger;
  sender: Address;
  receiptKeyAddress: Address;
  /** Whether this worker reads the events into the ledger; otherwise it takes what another has read. */
  follows: boolean;
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
  const { rpc, clock, config } = context;
  const head = await blockAt(rpc, "latest");
  clock.observe(head.timestamp);
  const target = head.number - (config.chain.confirmations - 1);
  const readUpTo = context.follows ? await readEvents(context, target) : await lastRead(context);
  return {
    head: { number: head.number, hash: hashOf(head), timestampSeconds: head.timestamp },
    readUpTo,
    ...(await readAuthority(context, head.timestamp)),
    accounts: await readAccounts(context),
    closedPolicies: await readClosedPolicies(context),
    commitsPausedUntil: Number((await context.contracts.settlement.pauseOf()).until),
    seenAtMilliseconds: performance.now(),
  };
}

/** What reading events needs. */
export type ReadContext = Pick<FollowContext, "rpc" | "contracts" | "ledger" | "logger"> & {
  config: { chain: Pick<RelayerConfig["chain"], "confirmations" | "startBlock"> };
};

/**
 * One poll of somebody who only looks: the head, and the events up to it.
 *
 * @param follows whether this worker reads the events; otherwise it takes what another has read
 */
export async function pollEvents(
  context: ReadContext & Pick<FollowContext, "clock">,
  follows = true,
): Promise<Pick<ChainView, "head" | "readUpTo">> {
  const head = await blockAt(context.rpc, "latest");
  context.clock.observe(head.timestamp);
  const target = head.number - (context.config.chain.confirmations - 1);
  return {
    head: { number: head.number, hash: hashOf(head), timestampSeconds: head.timestamp },
    readUpTo: follows ? await readEvents(context, target) : await lastRead(context),
  };
}

/**
 * Undoes what a reorg took back and reads the events up to a block into the ledger.
 *
 * @returns the last block whose events are in the ledger
 */
export async function readEvents(context: ReadContext, target: number): Promise<number> {
  await undoReorg(context);
  let readUpTo = await lastRead(context);
  while (readUpTo < target) {
    const to = Math.min(target, readUpTo + MAX_BLOCKS_PER_QUERY);
    await readRange(context, readUpTo + 1, to);
    readUpTo = to;
  }
  return readUpTo;
}

async function lastRead({ ledger, config }: ReadContext): Promise<number> {
  return (await lastCheckpoint(ledger))?.number ?? config.chain.startBlock - 1;
}

async function undoReorg({ rpc, ledger, logger, config }: ReadContext): Promise<void> {
  const last = await lastCheckpoint(ledger);
  if (!last || (await isOnChain(rpc, last))) return;
  let ancestor = await checkpointBefore(ledger, last.number);
  while (ancestor && !(await isOnChain(rpc, ancestor))) {
    ancestor = await checkpointBefore(ledger, ancestor.number);
  }
  const toBlock = ancestor?.number ?? config.chain.startBlock - 1;
  logger.warn(
    { code: "MT-CHAIN-004", fromBlock: last.number, toBlock },
    "the chain was reorganised; rolling back",
  );
  await rollBack(ledger, toBlock);
}

async function isOnChain(rpc: Rpc, checkpoint: { number: number; hash: Hex }): Promise<boolean> {
  const block = await rpc.getBlock(checkpoint.number);
  return block !== null && block.hash === checkpoint.hash;
}

async function readRange(context: ReadContext, from: number, to: number): Promise<void> {
  const { contracts, ledger } = context;
  // One that was found later is read up to here first; see `catchUpSources`.
  const sources = (await eventSources(ledger)).filter(({ read_up_to }) => read_up_to === from - 1);
  const emitters = new Map<Address, Interface>([
    [contracts.settlementAddress, SETTLEMENT_INTERFACE],
    [contracts.receiptsAddress, RECEIPTS_INTERFACE],
    ...sources.map(({ address, name }) => [address, SOURCE_INTERFACES[name as SourceName]] as const),
  ]);
  const { events, hash } = await readLogs(context, emitters, from, to);
  await advance(
    ledger,
    events,
    { number: to, hash },
    sources.map(({ address }) => address),
  );
}

/**
 * Reads what contracts that were found lately have emitted before the cursor, a range of each at a time. Where policies are
 * among it, the index is due to be replayed: their claims may stand otherwise than it seemed without their terms.
 */
export async function catchUpSources(context: ReadContext): Promise<void> {
  const { ledger, rpc } = context;
  const last = await lastCheckpoint(ledger);
  if (!last) return;
  // Together as far as they were read together: each block is looked at once.
  const behind = (await eventSources(ledger)).filter(({ read_up_to }) => read_up_to < last.number);
  for (const [readUpTo, sources] of Map.groupBy(behind, ({ read_up_to }) => read_up_to)) {
    const to = Math.min(last.number, readUpTo + MAX_BLOCKS_PER_QUERY);
    const emitters = new Map(
      sources.map(({ address, name }) => [address, SOURCE_INTERFACES[name as SourceName]] as const),
    );
    const { events } = await readLogs(context, emitters, readUpTo + 1, to);
    // Or the logs may be those of a branch that the cursor has not followed yet.
    if (!(await isOnChain(rpc, last))) return;
    await ledger.transaction(async (tx) => {
      const now = await lastCheckpoint(tx);
      if (!now || (now.number <= last.number && now.hash !== last.hash)) return;
      const { numUpdatedRows } = await tx
        .updateTable("index_sources")
        .set({ read_up_to: to })
        .where("address", "in", [...emitters.keys()])
        .where("read_up_to", "=", readUpTo)
        .executeTakeFirst();
      if (Number(numUpdatedRows) !== emitters.size) throw reorganisedMeanwhile(readUpTo);
      await insertEvents(tx, events);
      if (events.some(({ name }) => name === "PolicyRegistered")) await noteReplayDue(tx);
    });
  }
}

async function readLogs(
  { rpc }: ReadContext,
  emitters: ReadonlyMap<Address, Interface>,
  from: number,
  to: number,
): Promise<{ events: ChainEvent[]; hash: Hex }> {
  const end = await blockAt(rpc, to);
  const logs = await rpc.getLogs({ address: [...emitters.keys()], fromBlock: from, toBlock: to });
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
  const events = logs.flatMap(
    (log) => decodeLog(emitters, log, timestamps.get(log.blockHash) ?? end.timestamp) ?? [],
  );
  return { events, hash: hashOf(end) };
}

/** A log as an event; undefined for one of a name that the emitter's ABI does not have. */
export function decodeLog(
  emitters: ReadonlyMap<Address, Interface>,
  log: Pick<Log, "address" | "topics" | "data" | "blockNumber" | "index" | "blockHash" | "transactionHash">,
  timestamp: number,
): ChainEvent | undefined {
  const contract = log.address.toLowerCase() as Address;
  const parsed = emitters.get(contract)?.parseLog(log);
  if (!parsed) return undefined;
  const values: Record<string, string> = {};
  for (const [index, input] of parsed.fragment.inputs.entries()) {
    values[input.name] = textOf(input, parsed.args[index]);
  }
  return {
    blockNumber: log.blockNumber,
    logIndex: log.index,
    blockHash: log.blockHash as Hex,
    txHash: log.transactionHash as Hex,
    timestamp,
    name: parsed.name,
    arguments: values,
    contract,
  };
}

/** An argument as text; a list as JSON of its items, a struct of its fields. */
function textOf(type: ParamType, value: unknown): string {
  if (type.arrayChildren) {
    const items = type.arrayChildren;
    return JSON.stringify(Array.from(value as Iterable<unknown>, (item) => textOf(items, item)));
  }
  if (type.components) {
    const values = value as unknown[];
    const fields = type.components.map((component, at) => [component.name, textOf(component, values[at])]);
    return JSON.stringify(Object.fromEntries(fields));
  }
  const text = String(value);
  return type.type === "string" ? text : text.toLowerCase();
}

async function readAuthority(
  { contracts, config, policies, sender, receiptKeyAddress }: FollowContext,
  headSeconds: number,
): Promise<Pick<ChainView, "senderPolicies" | "acceptedPolicies" | "receiptKeyActive">> {
  const operator = config.operator.address;
  const [allowed, acceptedAt, receiptKey] = await Promise.all([
    Promise.all(policies.map(({ id }) => contracts.settlement.isSender(operator, sender, id))),
    Promise.all(policies.map(({ id }) => contracts.receipts.acceptedAtOf(operator, id))),
    contracts.receipts.receiptKeyOf(operator, receiptKeyAddress),
  ]);
  const { validFrom, validUntil } = receiptKey;
  // Read later than the head: what a newer block has brought does not bind yet at the head's time.
  const hasBegun = (since = 0n) => since !== 0n && since <= BigInt(headSeconds);
  return {
    senderPolicies: new Set(policies.flatMap(({ id }, at) => (allowed[at] ? [id] : []))),
    acceptedPolicies: new Set(policies.flatMap(({ id }, at) => (hasBegun(acceptedAt[at]) ? [id] : []))),
    receiptKeyActive: hasBegun(validFrom) && validUntil === MAX_UINT40,
  };
}

async function readAccounts({ contracts, config, policies }: FollowContext) {
  const tokens = [...new Set(policies.map(({ terms }) => terms.bondToken))];
  const accounts = await Promise.all(
    tokens.map((token) => contracts.settlement.operatorOf(config.operator.address, token)),
  );
  return new Map(
    accounts.map(({ stakeWei, lockedWei, lockableBps, unbondingWei, suspended }, at) => [
      tokens[at] ?? ZERO_ADDRESS,
      { stakeWei, lockedWei, lockableWei: (stakeWei * lockableBps) / BPS, unbondingWei, suspended },
    ]),
  );
}

async function readClosedPolicies({ contracts, policies }: FollowContext): Promise<ReadonlyMap<Hex, number>> {
  const closedAt = await Promise.all(policies.map(({ id }) => contracts.settlement.closedAtOf(id)));
  return new Map(
    policies.flatMap(({ id }, at) => (closedAt[at] ? [[id, Number(closedAt[at])] as const] : [])),
  );
}

const BPS = 10_000n;

/** How Receipts writes "until revoked". */
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
