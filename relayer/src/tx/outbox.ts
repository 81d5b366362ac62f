// SPDX-License-Identifier: GPL-3.0-or-later

import type { Address, Hex } from "@meantime/sdk/hex";
import { computeAddress, SigningKey, Transaction, type TransactionReceipt } from "ethers";
import { describeRevert } from "../chain/contracts.ts";
import type { Rpc } from "../chain/rpc.ts";
import { describeError } from "../errors.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Logger } from "../ops/logger.ts";
import {
  close,
  type Intent,
  type IntentKind,
  inFlight,
  type Lane,
  lowestFreeNonce,
  ready,
  requeue,
  type Subject,
} from "./intents.ts";
import { classifyRefusal } from "./node-errors.ts";

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
  senderKey: Hex;
  chainId: number;
  confirmations: number;
  ledger: Ledger;
  rpc: Rpc;
  predicates: Record<IntentKind, Predicate>;
  logger: Logger;
}

/** A transaction may use at most this much gas (EIP-7825). */
const MAX_TRANSACTION_GAS = 16_777_216n;
const SELF_TRANSFER_GAS = 21_000n;
const MAX_IN_FLIGHT = 16;
/** A transaction that is not in a block after this many blocks is offered again at a higher fee. */
const BUMP_AFTER_BLOCKS = 5;
const BUMP_NUMERATOR = 1_125n;
const BUMP_DENOMINATOR = 1_000n;
/** A bumped fee stays under this multiple of what the market asks now. */
const MARKET_CAP_FACTOR = 10n;
const FIRST_RETRY_MILLISECONDS = 500;
const LAST_RETRY_MILLISECONDS = 30_000;
/** The pause before the chain is asked again about what it does not need yet. */
const LATER_MILLISECONDS = 500;

interface Fees {
  maxFeeWei: bigint;
  tipWei: bigint;
}

interface Attempt {
  tx_hash: Hex;
  raw: Hex;
  cancels: number;
  max_fee_wei: string;
  tip_wei: string;
  signed_at_block: number;
}

/**
 * The write-ahead outbox of one sender. A nonce is reserved and the signed bytes are stored in one database transaction,
 * before anybody sees them; what is sent after a crash is the same bytes, so nothing is ever sent twice under two nonces.
 *
 * One call of {@link Outbox.step} settles what is in flight and sends what is due. Calls must not overlap.
 */
export class Outbox {
  readonly #context: OutboxContext;
  readonly #key: SigningKey;
  /** The sender's address, lower-case. */
  readonly sender: Address;
  /** Intents that a previous process left signed or sent: the chain is asked once more whether they are needed. */
  #unchecked: Set<number>;

  constructor(context: OutboxContext) {
    this.#context = context;
    this.#key = new SigningKey(context.senderKey);
    this.sender = computeAddress(this.#key.publicKey).toLowerCase() as Address;
    this.#unchecked = new Set(inFlight(context.ledger, context.lane).map((intent) => intent.id));
  }

  /** Settles what is in flight, then sends what is due. */
  async step(): Promise<void> {
    const { ledger, rpc, lane } = this.#context;
    const head = await rpc.getBlockNumber();
    for (const intent of inFlight(ledger, lane))
      await this.#isolated(intent, () => this.#settle(intent, head));
    const room = MAX_IN_FLIGHT - inFlight(ledger, lane).length;
    if (room <= 0) return;
    for (const intent of ready(ledger, lane, Date.now(), room)) {
      await this.#isolated(intent, () => this.#send(intent, head));
    }
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
      this.#delay(intent, "MT-TX-010");
    }
  }

  /** Moves an intent that holds a nonce one step on. */
  async #settle(intent: Intent, head: number): Promise<void> {
    const { ledger, rpc, logger } = this.#context;
    const { sender, nonce } = intent;
    if (sender === undefined || nonce === undefined) return;
    // Read before the receipts: a count beyond the nonce then means that a receipt must be there, or is not ours.
    const chainCount = await rpc.getTransactionCount(sender, "latest");
    const attempts = this.#attempts(intent);
    for (const attempt of attempts) {
      const receipt = await rpc.getTransactionReceipt(attempt.tx_hash);
      if (receipt) return this.#recordMined(intent, attempt, receipt, head);
    }
    if (chainCount > nonce) {
      logger.warn(
        { code: "MT-TX-006", intent: intent.dedupeKey, nonce },
        "another transaction took this nonce",
      );
      requeue(ledger, intent.id, "MT-TX-006", Date.now());
      return;
    }
    if (intent.state === "mined") {
      logger.warn(
        { code: "MT-TX-007", intent: intent.dedupeKey },
        "the block was reorganised away; sending again",
      );
      ledger.run("UPDATE intents SET state = 'signed', block_number = NULL WHERE id = ?", intent.id);
    }
    if (this.#unchecked.delete(intent.id) && (await this.#giveBackUnneeded(intent, attempts, head))) return;
    const latest = attempts[0];
    if (!latest) {
      requeue(ledger, intent.id, "no stored bytes", Date.now());
      return;
    }
    if (head - latest.signed_at_block >= BUMP_AFTER_BLOCKS) await this.#bump(intent, latest, head);
    else if (intent.state !== "broadcast") await this.#broadcast(intent, latest);
  }

  async #recordMined(
    intent: Intent,
    attempt: Attempt,
    receipt: TransactionReceipt,
    head: number,
  ): Promise<void> {
    const { ledger, confirmations, logger } = this.#context;
    const hash = attempt.tx_hash;
    if (receipt.status === 0) return this.#handleReverted(intent, receipt);
    const deepEnough = head - receipt.blockNumber + 1 >= confirmations;
    if (intent.state !== "mined") {
      logger.info({ intent: intent.dedupeKey, hash, block: receipt.blockNumber }, "transaction mined");
    }
    if (deepEnough && attempt.cancels === 1) {
      // The nonce is spent. Whether the intent is done, moot or needed after all, the chain is asked once more.
      requeue(ledger, intent.id, "cancelled", Date.now());
      return;
    }
    ledger.run(
      "UPDATE intents SET state = ?, tx_hash = ?, block_number = ?, error = NULL WHERE id = ?",
      deepEnough ? "confirmed" : "mined",
      hash,
      receipt.blockNumber,
      intent.id,
    );
    this.#unchecked.delete(intent.id);
  }

  async #handleReverted(intent: Intent, receipt: TransactionReceipt): Promise<void> {
    const reason = await this.#revertReason(intent, receipt.blockNumber);
    this.#context.logger.error(
      { code: "MT-TX-002", intent: intent.dedupeKey, hash: receipt.hash, reason },
      "the transaction was mined and reverted",
    );
    requeue(this.#context.ledger, intent.id, `MT-TX-002 ${reason}`, Date.now() + retryDelay(intent.tries));
  }

  async #revertReason(intent: Intent, blockTag: number): Promise<string> {
    try {
      await this.#context.rpc.call({ ...callOf(intent), from: intent.sender ?? this.sender, blockTag });
      return "unknown: the same call succeeds after its block";
    } catch (error) {
      return describeRevert(error) ?? String(error);
    }
  }

  /** After a restart: what the chain no longer needs is not sent again. @returns whether the intent was dealt with */
  async #giveBackUnneeded(intent: Intent, attempts: readonly Attempt[], head: number): Promise<boolean> {
    const { ledger, rpc, logger } = this.#context;
    const verdict = await this.#verdict(intent);
    if (verdict === "needed" || verdict === "later") return false;
    const seen = await Promise.all(attempts.map((attempt) => rpc.getTransaction(attempt.tx_hash)));
    if (seen.every((transaction) => transaction === null)) {
      logger.info({ intent: intent.dedupeKey, verdict }, "not needed any more; its nonce is free again");
      close(ledger, intent.id, verdict === "done" ? "satisfied" : "failed", `${verdict} before it was sent`);
      return true;
    }
    const latest = attempts[0];
    if (!latest) return false;
    logger.info(
      { intent: intent.dedupeKey, verdict },
      "not needed any more; cancelling by a transfer to oneself",
    );
    await this.#signAndBroadcast(
      intent,
      SELF_TRANSFER_GAS,
      bumped(latest, await this.#marketFees()),
      head,
      true,
    );
    return true;
  }

  async #send(intent: Intent, head: number): Promise<void> {
    const { ledger, rpc, logger } = this.#context;
    const verdict = await this.#verdict(intent);
    if (verdict === "later") {
      ledger.run(
        "UPDATE intents SET next_try_at_milliseconds = ? WHERE id = ?",
        Date.now() + LATER_MILLISECONDS,
        intent.id,
      );
      return;
    }
    if (verdict !== "needed") {
      const state = verdict === "done" ? "satisfied" : "failed";
      logger[verdict === "done" ? "info" : "warn"](
        { intent: intent.dedupeKey, ...(verdict === "done" ? {} : { code: "MT-TX-008" }) },
        verdict === "done" ? "the chain already has it" : "it cannot succeed any more; given up",
      );
      close(ledger, intent.id, state, verdict === "done" ? null : "MT-TX-008");
      return;
    }
    let gas: bigint;
    try {
      gas = await rpc.estimateGas({ ...callOf(intent), from: this.sender });
    } catch (error) {
      this.#postpone(intent, error);
      return;
    }
    if (gas > MAX_TRANSACTION_GAS) {
      logger.error(
        { code: "MT-TX-005", intent: intent.dedupeKey, gas: String(gas) },
        "needs more gas than allowed",
      );
      close(ledger, intent.id, "failed", "MT-TX-005");
      return;
    }
    const padded = (gas * 12n) / 10n;
    const limit = padded > MAX_TRANSACTION_GAS ? MAX_TRANSACTION_GAS : padded;
    await this.#signAndBroadcast(intent, limit, await this.#marketFees(), head, false);
  }

  /** The node would not run it now: say why, try again later. No nonce was taken. */
  #postpone(intent: Intent, error: unknown): void {
    const { logger } = this.#context;
    const revert = describeRevert(error);
    const poor = revert === undefined && classifyRefusal(error) === "insufficientFunds";
    if (revert === undefined && !poor) throw error;
    const code = poor ? "MT-TX-004" : "MT-TX-001";
    logger.warn(
      { code, intent: intent.dedupeKey, reason: revert ?? "insufficient funds", sender: this.sender },
      poor
        ? "the sender cannot pay; top it up, no restart is needed"
        : "the call would revert now; trying again later",
    );
    this.#delay(intent, `${code} ${revert ?? ""}`.trim());
  }

  #delay(intent: Intent, reason: string): void {
    this.#context.ledger.run(
      "UPDATE intents SET tries = tries + 1, error = ?, next_try_at_milliseconds = ? WHERE id = ?",
      reason,
      Date.now() + retryDelay(intent.tries),
      intent.id,
    );
  }

  async #bump(intent: Intent, latest: Attempt, head: number): Promise<void> {
    const previous = Transaction.from(latest.raw);
    const market = await this.#marketFees();
    const fees = bumped(latest, market);
    if (fees.maxFeeWei > market.maxFeeWei * MARKET_CAP_FACTOR) return this.#broadcast(intent, latest);
    this.#context.logger.warn(
      { code: "MT-TX-009", intent: intent.dedupeKey, maxFeeWei: String(fees.maxFeeWei) },
      "not in a block yet; offering a higher fee under the same nonce",
    );
    await this.#signAndBroadcast(intent, previous.gasLimit, fees, head, latest.cancels === 1);
  }

  /** The write-ahead step: nonce and signed bytes are durable before the first byte leaves. */
  async #signAndBroadcast(
    intent: Intent,
    gasLimit: bigint,
    fees: Fees,
    head: number,
    cancels: boolean,
  ): Promise<void> {
    const { ledger, rpc, chainId } = this.#context;
    const chainCount = await rpc.getTransactionCount(this.sender, "latest");
    const attempt = ledger.transaction((): Attempt => {
      const nonce = intent.nonce ?? lowestFreeNonce(ledger, this.sender, chainCount);
      const transaction = Transaction.from({
        type: 2,
        chainId,
        nonce,
        gasLimit,
        maxFeePerGas: fees.maxFeeWei,
        maxPriorityFeePerGas: fees.tipWei,
        ...(cancels ? { to: this.sender, data: "0x", value: 0n } : callOf(intent)),
      });
      transaction.signature = this.#key.sign(transaction.unsignedHash);
      const signed: Attempt = {
        tx_hash: transaction.hash as Hex,
        raw: transaction.serialized as Hex,
        cancels: cancels ? 1 : 0,
        max_fee_wei: fees.maxFeeWei.toString(),
        tip_wei: fees.tipWei.toString(),
        signed_at_block: head,
      };
      ledger.run(
        `INSERT INTO attempts (tx_hash, intent_id, nonce, raw, cancels, max_fee_wei, tip_wei, signed_at_block)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (tx_hash) DO UPDATE SET intent_id = excluded.intent_id, signed_at_block = excluded.signed_at_block`,
        signed.tx_hash,
        intent.id,
        nonce,
        signed.raw,
        signed.cancels,
        signed.max_fee_wei,
        signed.tip_wei,
        head,
      );
      ledger.run(
        "UPDATE intents SET state = 'signed', sender = ?, nonce = ?, cancelling = ?, tx_hash = ? WHERE id = ?",
        this.sender,
        nonce,
        signed.cancels,
        signed.tx_hash,
        intent.id,
      );
      return signed;
    });
    await this.#broadcast(intent, attempt);
  }

  async #broadcast(intent: Intent, attempt: Attempt): Promise<void> {
    const { ledger, rpc, logger } = this.#context;
    try {
      await rpc.send("eth_sendRawTransaction", [attempt.raw]);
    } catch (error) {
      const refusal = classifyRefusal(error);
      // Whatever the node says, the stored bytes may have reached a block (Hardhat mines a reverting transaction and
      // answers with an error). The next step looks for the receipt before anything is concluded.
      if (refusal !== "known") {
        const code = refusal === "insufficientFunds" ? "MT-TX-004" : "MT-TX-003";
        const reason = error instanceof Error ? error.message : String(error);
        logger.warn(
          { code, intent: intent.dedupeKey, refusal, reason },
          "the node did not take the transaction",
        );
        return;
      }
    }
    ledger.run("UPDATE intents SET state = 'broadcast' WHERE id = ? AND state = 'signed'", intent.id);
  }

  async #verdict(intent: Intent): Promise<Verdict> {
    return this.#context.predicates[intent.kind](intent.subject);
  }

  async #marketFees(): Promise<Fees> {
    const [block, tip] = await Promise.all([
      this.#context.rpc.getBlock("latest"),
      this.#context.rpc.send("eth_maxPriorityFeePerGas", []) as Promise<string>,
    ]);
    const tipWei = BigInt(tip);
    return { maxFeeWei: (block?.baseFeePerGas ?? 0n) * 2n + tipWei, tipWei };
  }

  /** The stored bytes of an intent's present nonce, newest first. */
  #attempts(intent: Intent): Attempt[] {
    return this.#context.ledger.all<Attempt>(
      `SELECT tx_hash, raw, cancels, max_fee_wei, tip_wei, signed_at_block FROM attempts
       WHERE intent_id = ? AND nonce = ? ORDER BY rowid DESC`,
      intent.id,
      intent.nonce ?? null,
    );
  }
}

function callOf(intent: Intent): { to: Address; data: Hex; value: bigint } {
  return { to: intent.to, data: intent.data, value: intent.valueWei };
}

function bumped(previous: Pick<Attempt, "max_fee_wei" | "tip_wei">, market: Fees): Fees {
  const raise = (old: bigint, now: bigint) => {
    // Rounded up: a node refuses a replacement that is a wei short of its step.
    const raised = (old * BUMP_NUMERATOR + BUMP_DENOMINATOR - 1n) / BUMP_DENOMINATOR;
    return raised > now ? raised : now;
  };
  return {
    maxFeeWei: raise(BigInt(previous.max_fee_wei), market.maxFeeWei),
    tipWei: raise(BigInt(previous.tip_wei), market.tipWei),
  };
}

function retryDelay(tries: number): number {
  return Math.min(FIRST_RETRY_MILLISECONDS * 2 ** Math.min(tries, 10), LAST_RETRY_MILLISECONDS);
}
