// SPDX-License-Identifier: GPL-3.0-or-later

import type { Address, Hex } from "@meantime/sdk/hex";
import { Transaction, type TransactionReceipt } from "ethers";
import { describeRevert } from "../chain/contracts.ts";
import type { Rpc } from "../chain/rpc.ts";
import { describeError } from "../errors.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Logger } from "../ops/logger.ts";
import { traced } from "../ops/tracing/trace.ts";
import type { Signer } from "../signers/signer.ts";
import { type Attempt, attemptsOf, feesOf, signAttempt, storeAttempt, type Unsigned } from "./attempts.ts";
import { broadcast } from "./broadcast.ts";
import { type Fees, marketFees, replacementFees } from "./fees.ts";
import { isConfirmed, settleConfirmed } from "./finality.ts";
import {
  close,
  enqueue,
  findIntent,
  highestNonceInFlight,
  type Intent,
  type IntentKind,
  inFlight,
  type Lane,
  lowestFreeNonce,
  queued,
  ready,
  reopen,
  requeue,
  type Subject,
} from "./intents.ts";
import { classifyNodeError } from "./node-errors.ts";
import { refuseWish, type Wish } from "./wishes.ts";

/**
 * What the chain says about an intent: still `needed`, already `done` (by us before a crash, or by anybody), `moot`, when
 * it can never succeed any more, or needed `later`, when it cannot succeed yet.
 */
export type Verdict = "needed" | "done" | "moot" | "later";

/** Asks the chain whether an intent is still needed. */
export type Predicate = (subject: Subject) => Promise<Verdict>;

/** One sender and its way to the chain. */
export interface OutboxContext {
  lane: Lane;
  signer: Signer;
  chainId: number;
  confirmations: number;
  ledger: Ledger;
  rpc: Rpc;
  predicates: Predicates;
  logger: Logger;
  /** Unix milliseconds, by which what failed waits; the system's clock where it is left out. */
  nowMilliseconds?: () => number;
}

/** One for every kind that asks something of the contracts. */
export type Predicates = Record<Exclude<IntentKind, "fill">, Predicate>;

/** A transaction may use at most this much gas (EIP-7825). */
const MAX_TRANSACTION_GAS = 16_777_216n;
const SELF_TRANSFER_GAS = 21_000n;
const MAX_IN_FLIGHT = 16;
/** A transaction that is not in a block after this many blocks is offered again at a higher fee. */
const BUMP_AFTER_BLOCKS = 5;
const FIRST_RETRY_MILLISECONDS = 500;
const LAST_RETRY_MILLISECONDS = 30_000;
/** The pause before the chain is asked again about what it does not need yet. */
const LATER_MILLISECONDS = 500;
/** The code of transactions that the operator cancelled. */
const CANCELLED = "MT-TX-011";
/**
 * The write-ahead outbox of one sender. A nonce is reserved and the signed bytes are stored in one database transaction,
 * before anybody sees them; what is sent after a crash is the same bytes, so nothing is ever sent twice under two nonces.
 *
 * One call of {@link Outbox.step} settles what is in flight and sends what is due. Calls must not overlap.
 */
export class Outbox {
  readonly #context: OutboxContext;
  /** The sender's address, lower-case. */
  readonly sender: Address;
  /** Transactions in flight that the operator cancelled. After a restart the chain alone says whether they are needed. */
  readonly #unwanted = new Set<number>();
  /** What the operator wants of transactions in flight, by number; obeyed by the next step. */
  readonly #wishes = new Map<number, Wish>();
  /** Intents that a previous process left signed or sent: the chain is asked once more whether they are needed. */
  #unchecked: Set<number> | undefined;

  constructor(context: OutboxContext) {
    this.#context = context;
    this.sender = context.signer.address;
  }

  get lane(): Lane {
    return this.#context.lane;
  }

  /**
   * Does with an open transaction of this lane what the operator wants: `bump` offers a higher fee with the next step,
   * whatever the market says; `cancel` gives a queued one up at once, one in flight by a transfer to oneself.
   *
   * @returns what was or will be done; undefined where this lane has no such transaction
   * @throws RelayerError `MT-OPS-006` it would break a promise, and `force` was not said; `MT-OPS-007` it has no nonce
   * to bump, or is in a block
   */
  async ask(id: number, wish: Wish, force: boolean): Promise<string | undefined> {
    const { ledger, lane } = this.#context;
    const flying = (await inFlight(ledger, lane)).find((intent) => intent.id === id);
    const intent = flying ?? (await queued(ledger, lane, id));
    if (!intent) return undefined;
    refuseWish(intent, wish, force);
    if (flying) {
      this.#wishes.set(id, wish);
      return wish === "bump" ? "a higher fee is offered with the next step" : "cancelled with the next step";
    }
    await this.#close(intent, "failed", CANCELLED);
    return "cancelled";
  }

  /** Settles what is in flight, sends what is due, and closes what gaps are left. */
  async step(): Promise<void> {
    const { ledger, rpc, lane } = this.#context;
    const head = await rpc.getBlockNumber();
    // Read before any receipt: a count beyond a nonce then means that a receipt must be there, or is not ours.
    const chainCount = await rpc.getTransactionCount(this.sender, "latest");
    await settleConfirmed(this.#context, chainCount, head);
    const flying = await inFlight(ledger, lane);
    this.#unchecked ??= new Set(flying.map((intent) => intent.id));
    for (const intent of flying) await this.#isolated(intent, () => this.#settle(intent, head, chainCount));
    const room = MAX_IN_FLIGHT - (await inFlight(ledger, lane)).length;
    for (const intent of room > 0 ? await ready(ledger, lane, this.#now(), room) : []) {
      await this.#isolated(intent, () => this.#send(intent, head));
    }
    await this.#fillGap(head);
  }

  /**
   * A nonce that nobody holds, below one in flight, holds up all above it: one that was used elsewhere, whose block was
   * reorganised away. What was due had the chance to take it; otherwise a transfer to oneself does.
   */
  async #fillGap(head: number): Promise<void> {
    const { ledger, lane, logger } = this.#context;
    const highest = await highestNonceInFlight(ledger, this.sender);
    if (highest === undefined) return;
    const free = await this.#freeNonce();
    if (free > highest) return;
    const dedupeKey = `fill:${this.sender}:${free}:${head}`;
    logger.warn({ code: "MT-TX-013", nonce: free, sender: this.sender }, "closing a gap of the nonces");
    await ledger.transaction((tx) =>
      enqueue(tx, { dedupeKey, lane, kind: "fill", subject: {}, to: this.sender, data: "0x", valueWei: 0n }),
    );
    const fill = await findIntent(ledger, dedupeKey);
    if (fill?.state === "queued") await this.#isolated(fill, () => this.#send(fill, head));
  }

  /** One intent's trouble must not hold up those behind it: it is logged, and tried again after a pause. */
  async #isolated(intent: Intent, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const { message } = describeError(error);
      this.#context.logger.error(
        { code: "MT-TX-010", intent: intent.dedupeKey, message },
        "trying again later",
      );
      await this.#delay(intent, "MT-TX-010");
    }
  }

  /** Moves an intent that holds a nonce one step on. */
  async #settle(intent: Intent, head: number, chainCount: number): Promise<void> {
    const { rpc } = this.#context;
    if (intent.nonce === undefined) return;
    const attempts = await attemptsOf(this.#context.ledger, intent);
    for (const attempt of attempts) {
      const receipt = await rpc.getTransactionReceipt(attempt.tx_hash);
      if (receipt) return this.#recordMined(intent, attempt, receipt, head);
    }
    if (chainCount > intent.nonce) return this.#settleTaken(intent, intent.nonce, head);
    if (intent.state === "mined") await this.#reopen(intent);
    const latest = attempts[0];
    if (!latest) return this.#requeue(intent, "no stored bytes");
    await this.#offerAgain(intent, attempts, latest, head);
  }

  async #reopen(intent: Intent): Promise<void> {
    const { ledger, logger } = this.#context;
    logger.warn(
      { code: "MT-TX-007", intent: intent.dedupeKey },
      "the block was reorganised away; sending again",
    );
    await ledger.transaction((tx) => reopen(tx, intent.id));
    intent.state = "signed";
  }

  /** Another transaction has the nonce. Until that is confirmed ours may still land, so it gets no second nonce. */
  async #settleTaken(intent: Intent, nonce: number, head: number): Promise<void> {
    const { rpc, confirmations, logger } = this.#context;
    const confirmed = Math.max(0, head - (confirmations - 1));
    if (confirmations > 1 && (await rpc.getBlock(head)) === null) return;
    if ((await rpc.getTransactionCount(this.sender, confirmed)) <= nonce) return;
    logger.warn(
      { code: "MT-TX-006", intent: intent.dedupeKey, nonce },
      "another transaction took this nonce",
    );
    await this.#requeue(intent, "MT-TX-006");
  }

  /** Sends stored bytes, or dearer ones, of what the chain still needs. */
  async #offerAgain(
    intent: Intent,
    attempts: readonly Attempt[],
    latest: Attempt,
    head: number,
  ): Promise<void> {
    const wish = this.#wishes.get(intent.id);
    this.#wishes.delete(intent.id);
    if (wish === "cancel") return this.#cancel(intent, latest, head);
    const isBumpDue = wish === "bump" || head - latest.signed_at_block >= BUMP_AFTER_BLOCKS;
    if (!isBumpDue && intent.state === "broadcast" && !this.#unchecked?.has(intent.id)) return;
    const isGivenBack =
      latest.cancels === 0 && (await this.#giveBackUnneeded(intent, attempts, latest, head));
    this.#unchecked?.delete(intent.id);
    if (isGivenBack) return;
    if (isBumpDue) await this.#bump(intent, latest, head);
    else if (intent.state !== "broadcast") await broadcast(this.#context, intent, latest);
  }

  async #recordMined(
    intent: Intent,
    attempt: Attempt,
    receipt: TransactionReceipt,
    head: number,
  ): Promise<void> {
    const { ledger, confirmations, logger } = this.#context;
    const hash = attempt.tx_hash;
    const isDeep =
      head - receipt.blockNumber + 1 >= confirmations && (await isConfirmed(this.#context, receipt));
    if (intent.state !== "mined") {
      logger.info({ intent: intent.dedupeKey, hash, block: receipt.blockNumber }, "transaction mined");
    }
    // Until it is confirmed, a reorganisation may give the same bytes another outcome: they keep the nonce.
    if (isDeep && receipt.status === 0) return this.#handleReverted(intent, receipt);
    if (isDeep && attempt.cancels === 1) {
      // The nonce is spent. Whether the intent is done, moot or needed after all, the chain is asked once more; unless the
      // operator wanted it gone.
      if (this.#unwanted.delete(intent.id)) await this.#close(intent, "failed", CANCELLED);
      else await this.#requeue(intent, "cancelled");
      return;
    }
    const state = isDeep ? "confirmed" : "mined";
    const block_number = receipt.blockNumber;
    const record = () =>
      ledger.transaction((tx) =>
        tx
          .updateTable("intents")
          .set({ state, tx_hash: hash, block_number, error: null })
          .where("id", "=", intent.id)
          .execute(),
      );
    if (intent.state === state) await record();
    else
      await traced(`transaction.${state}`, { intent: intent.dedupeKey, hash, block: block_number }, record);
    this.#unchecked?.delete(intent.id);
  }

  async #handleReverted(intent: Intent, receipt: TransactionReceipt): Promise<void> {
    const reason = await this.#revertReason(intent, receipt.blockNumber);
    this.#context.logger.error(
      { code: "MT-TX-002", intent: intent.dedupeKey, hash: receipt.hash, reason },
      "the transaction was mined and reverted",
    );
    await this.#requeue(intent, `MT-TX-002 ${reason}`, retryDelay(intent.tries));
  }

  async #revertReason(intent: Intent, blockTag: number): Promise<string> {
    try {
      await this.#context.rpc.call({ ...callOf(intent), from: intent.sender ?? this.sender, blockTag });
      return "unknown: the same call succeeds after its block";
    } catch (error) {
      return describeRevert(error) ?? String(error);
    }
  }

  /** What the chain no longer needs is not sent again. @returns whether the intent was dealt with */
  async #giveBackUnneeded(
    intent: Intent,
    attempts: readonly Attempt[],
    latest: Attempt,
    head: number,
  ): Promise<boolean> {
    const { ledger, rpc, logger } = this.#context;
    const verdict = await this.#verdict(intent);
    if (verdict === "needed" || verdict === "later") return false;
    const seen = await Promise.all(attempts.map((attempt) => rpc.getTransaction(attempt.tx_hash)));
    // A nonce below others in flight has to be used: they would wait for it for ever.
    const isLast = (await highestNonceInFlight(ledger, this.sender)) === intent.nonce;
    if (isLast && seen.every((transaction) => transaction === null)) {
      logger.info({ intent: intent.dedupeKey, verdict }, "not needed any more; its nonce is free again");
      await this.#close(intent, verdict === "done" ? "satisfied" : "failed", `${verdict} before it was sent`);
      return true;
    }
    logger.info(
      { intent: intent.dedupeKey, verdict },
      "not needed any more; cancelling by a transfer to oneself",
    );
    await this.#replace(intent, latest, SELF_TRANSFER_GAS, head, true);
    return true;
  }

  async #send(intent: Intent, head: number): Promise<void> {
    const { ledger, rpc, logger } = this.#context;
    const verdict = await this.#verdict(intent);
    if (verdict === "later") {
      await ledger.transaction((tx) =>
        tx
          .updateTable("intents")
          .set({ next_try_at_milliseconds: this.#now() + LATER_MILLISECONDS })
          .where("id", "=", intent.id)
          .execute(),
      );
      return;
    }
    if (verdict !== "needed") {
      const state = verdict === "done" ? "satisfied" : "failed";
      logger[verdict === "done" ? "info" : "warn"](
        { intent: intent.dedupeKey, ...(verdict === "done" ? {} : { code: "MT-TX-008" }) },
        verdict === "done" ? "the chain already has it" : "it cannot succeed any more; given up",
      );
      await this.#close(intent, state, verdict === "done" ? null : "MT-TX-008");
      return;
    }
    let gas: bigint;
    try {
      gas = await rpc.estimateGas({ ...callOf(intent), from: this.sender });
    } catch (error) {
      await this.#postpone(intent, error);
      return;
    }
    if (gas > MAX_TRANSACTION_GAS) {
      logger.error(
        { code: "MT-TX-005", intent: intent.dedupeKey, gas: String(gas) },
        "needs more gas than allowed",
      );
      await this.#close(intent, "failed", "MT-TX-005");
      return;
    }
    const padded = (gas * 12n) / 10n;
    const limit = padded > MAX_TRANSACTION_GAS ? MAX_TRANSACTION_GAS : padded;
    await this.#signAndBroadcast(intent, limit, await marketFees(rpc), head, false);
  }

  /** The node would not run it now: say why, try again later. No nonce was taken. */
  async #postpone(intent: Intent, error: unknown): Promise<void> {
    const { logger } = this.#context;
    const revert = describeRevert(error);
    const poor = revert === undefined && classifyNodeError(error).kind === "insufficientFunds";
    if (revert === undefined && !poor) throw error;
    const code = poor ? "MT-TX-004" : "MT-TX-001";
    logger.warn(
      { code, intent: intent.dedupeKey, reason: revert ?? "insufficient funds", sender: this.sender },
      poor
        ? "the sender cannot pay; top it up, no restart is needed"
        : "the call would revert now; trying again later",
    );
    await this.#delay(intent, `${code} ${revert ?? ""}`.trim());
  }

  async #delay(intent: Intent, reason: string): Promise<void> {
    await this.#context.ledger.transaction((tx) =>
      tx
        .updateTable("intents")
        .set((eb) => ({
          tries: eb("tries", "+", 1),
          error: reason,
          next_try_at_milliseconds: this.#now() + retryDelay(intent.tries),
        }))
        .where("id", "=", intent.id)
        .execute(),
    );
  }

  async #requeue(intent: Intent, reason: string, pauseMilliseconds = 0): Promise<void> {
    // Whoever took its nonce, the gap is closed.
    if (intent.kind === "fill") return this.#close(intent, "satisfied", reason);
    return this.#context.ledger.transaction((tx) =>
      requeue(tx, intent.id, reason, this.#now() + pauseMilliseconds),
    );
  }

  #close(intent: Intent, state: "satisfied" | "failed", reason: string | null): Promise<void> {
    return this.#context.ledger.transaction((tx) => close(tx, intent.id, state, reason));
  }

  async #bump(intent: Intent, latest: Attempt, head: number): Promise<void> {
    const { gasLimit } = Transaction.from(latest.raw);
    this.#context.logger.warn(
      { code: "MT-TX-009", intent: intent.dedupeKey, maxFeeWei: latest.max_fee_wei },
      "not in a block yet; offering a higher fee under the same nonce",
    );
    await this.#replace(intent, latest, gasLimit, head, latest.cancels === 1);
  }

  async #cancel(intent: Intent, latest: Attempt, head: number): Promise<void> {
    this.#unwanted.add(intent.id);
    this.#context.logger.warn(
      { code: CANCELLED, intent: intent.dedupeKey },
      "the operator cancels a transaction: its nonce goes to a transfer to oneself",
    );
    await this.#replace(intent, latest, SELF_TRANSFER_GAS, head, true);
  }

  /** Offers other bytes under the same nonce; where the market does not justify a higher fee, the old ones again. */
  async #replace(
    intent: Intent,
    latest: Attempt,
    gasLimit: bigint,
    head: number,
    cancels: boolean,
  ): Promise<void> {
    const fees = replacementFees(feesOf(latest), await marketFees(this.#context.rpc));
    if (fees) await this.#signAndBroadcast(intent, gasLimit, fees, head, cancels);
    else await broadcast(this.#context, intent, latest);
  }

  /** The write-ahead step: nonce and signed bytes are durable before the first byte leaves. */
  async #signAndBroadcast(
    intent: Intent,
    gasLimit: bigint,
    fees: Fees,
    head: number,
    cancels: boolean,
  ): Promise<void> {
    const { ledger, chainId, signer } = this.#context;
    const nonce = intent.nonce ?? (await this.#freeNonce());
    // Before the transaction: a remote signer takes its time. Nobody else gives out nonces of this sender meanwhile.
    const unsigned: Unsigned = { chainId, nonce, gasLimit, fees, head, cancels };
    const signed = await signAttempt(signer, intent, unsigned);
    await ledger.transaction((tx) => storeAttempt(tx, intent, signed, { sender: this.sender, nonce }));
    await broadcast(this.#context, intent, signed);
  }

  async #freeNonce(): Promise<number> {
    const { ledger, rpc } = this.#context;
    return lowestFreeNonce(ledger, this.sender, await rpc.getTransactionCount(this.sender, "latest"));
  }

  async #verdict(intent: Intent): Promise<Verdict> {
    if (intent.kind === "fill") return "needed";
    return this.#context.predicates[intent.kind](intent.subject);
  }

  #now(): number {
    return this.#context.nowMilliseconds?.() ?? Date.now();
  }
}

function callOf(intent: Intent): { to: Address; data: Hex; value: bigint } {
  return { to: intent.to, data: intent.data, value: intent.valueWei };
}

function retryDelay(tries: number): number {
  return Math.min(FIRST_RETRY_MILLISECONDS * 2 ** Math.min(tries, 10), LAST_RETRY_MILLISECONDS);
}
