// SPDX-License-Identifier: GPL-3.0-or-later

import type { Address, Hex } from "@meantime/sdk/hex";
import type { Rpc } from "../chain/rpc.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Logger } from "../ops/logger.ts";
import type { Signer } from "../signers/signer.ts";
import type { FeeLimits } from "./fee-caps.ts";
import type { Intent, Subject } from "./intents.ts";
import type { IntentKind, Lane } from "./kinds.ts";
import type { StakeOf } from "./stakes.ts";

/**
 * What the chain says about an intent: still `needed`, already `done` (by us before a crash, or by anybody), `moot`, when
 * it can never succeed any more, or needed `later`, when it cannot succeed yet.
 */
export type Verdict = "needed" | "done" | "moot" | "later";

/** Asks the chain whether an intent is still needed. */
export type Predicate = (subject: Subject) => Promise<Verdict>;

/** One for every kind that asks something of the contracts. */
export type Predicates = Record<Exclude<IntentKind, "fill">, Predicate>;

/** One sender and its way to the chain. */
export interface OutboxContext {
  /** The lanes that it carries; none: it only settles what it has in flight. */
  lanes: readonly Lane[];
  signer: Signer;
  chainId: number;
  confirmations: number;
  ledger: Ledger;
  rpc: Rpc;
  predicates: Predicates;
  /** What depends on a transaction, which bounds what may be spent on it. */
  stakeOf: StakeOf;
  limits: FeeLimits;
  /** Whether the sender has less ether than its floor: what can wait waits. */
  isPoor?: (sender: Address) => boolean;
  logger: Logger;
  /** Of a unit of blob gas; any price where it is left out. */
  maxBlobFeeWei?: bigint;
  /** Unix milliseconds, by which what failed waits; the system's clock where it is left out. */
  nowMilliseconds?: () => number;
}

/** What an outbox knows of its transactions beside the ledger, by their numbers; a restart begins anew. */
export interface Memory {
  /** Those that the operator bumps with the next step. */
  bumps: Set<number>;
  /** Left signed or sent by a previous process: the chain is asked once more whether they are needed. */
  unchecked: Set<number>;
  /** The block at which those that offer all that they may were sent again last. */
  offeredAt: Map<number, number>;
}

/** One look at the chain, and what is done by it. */
export interface Step extends OutboxContext {
  /** Lower-case. */
  sender: Address;
  head: number;
  /** The sender's transactions as of the head. */
  chainCount: number;
  memory: Memory;
  now(): number;
}

/** What an intent asks of a node. */
export function callOf(intent: Intent): { to: Address; data: Hex; value: bigint } {
  return { to: intent.to, data: intent.data, value: intent.valueWei };
}

/** What the chain says about an intent. */
export async function verdictOf({ predicates }: Step, intent: Intent): Promise<Verdict> {
  return intent.kind === "fill" ? "needed" : predicates[intent.kind](intent.subject);
}
