// SPDX-License-Identifier: GPL-3.0-or-later

import type { Address } from "@meantime/sdk/hex";
import { describeError } from "../errors.ts";
import type { Memory, OutboxContext, Step } from "./context.ts";
import { settleConfirmed } from "./finality.ts";
import { fillGap } from "./gaps.ts";
import { type Intent, inFlight, type Lane, queued, ready } from "./intents.ts";
import { CANCELLED, endIntent, tryLater } from "./outcomes.ts";
import { sendFirst } from "./send.ts";
import { settleInFlight } from "./settle.ts";
import { refuseWish, type Wish } from "./wishes.ts";

const MAX_IN_FLIGHT = 16;

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
  #memory: Memory | undefined;
  readonly #wishes = new Map<number, Wish>();

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
    await endIntent(ledger, intent, "failed", CANCELLED);
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
    const step = this.#stepAt(head, chainCount, flying);
    for (const intent of flying) await isolated(step, intent, () => settleInFlight(step, intent));
    const room = MAX_IN_FLIGHT - (await inFlight(ledger, lane)).length;
    for (const intent of room > 0 ? await ready(ledger, lane, step.now(), room) : []) {
      await isolated(step, intent, () => sendFirst(step, intent));
    }
    await fillGap(step, (fill) => isolated(step, fill, () => sendFirst(step, fill)));
  }

  #stepAt(head: number, chainCount: number, flying: readonly Intent[]): Step {
    this.#memory ??= {
      wishes: this.#wishes,
      unwanted: new Set(),
      unchecked: new Set(flying.map((intent) => intent.id)),
    };
    const now = () => this.#context.nowMilliseconds?.() ?? Date.now();
    return { ...this.#context, sender: this.sender, head, chainCount, memory: this.#memory, now };
  }
}

/** One intent's trouble must not hold up those behind it: it is logged, and tried again after a pause. */
async function isolated(step: Step, intent: Intent, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const { message } = describeError(error);
    step.logger.error({ code: "MT-TX-010", intent: intent.dedupeKey, message }, "trying again later");
    await tryLater(step, intent, "MT-TX-010");
  }
}
