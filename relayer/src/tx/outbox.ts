// SPDX-License-Identifier: GPL-3.0-or-later

import type { Address } from "@meantime/sdk/hex";
import { urgently } from "../chain/endpoints/urgency.ts";
import { describeError } from "../errors.ts";
import { dropSidecar } from "./blobs.ts";
import type { Memory, OutboxContext, Step } from "./context.ts";
import { settleConfirmed } from "./finality.ts";
import { fillGap } from "./gaps.ts";
import { closeQueued, type Intent, inFlight, queued, ready, renounce } from "./intents.ts";
import type { Lane } from "./kinds.ts";
import { CANCELLED, LAST_RETRY_MILLISECONDS, tryLater } from "./outcomes.ts";
import { sendFirst } from "./send.ts";
import { settleInFlight } from "./settle.ts";
import { refuseWish, type Wish } from "./wishes.ts";

const MAX_IN_FLIGHT = 16;
/** Of these the lanes below `answer` leave some free: an answer need not wait for what is stuck. */
const KEPT_FOR_ANSWERS = 4;

/**
 * The write-ahead outbox of one sender, for the lanes that it carries. A nonce is reserved and the signed bytes are stored
 * in one database transaction, before anybody sees them; what is sent after a crash is the same bytes, so nothing is ever
 * sent twice under two nonces.
 *
 * One call of {@link Outbox.step} settles what is in flight and sends what is due. Calls must not overlap.
 */
export class Outbox {
  readonly #context: OutboxContext;
  /** The sender's address, lower-case. */
  readonly sender: Address;
  #memory: Memory | undefined;
  readonly #bumps = new Set<number>();

  constructor(context: OutboxContext) {
    this.#context = context;
    this.sender = context.signer.address;
  }

  /**
   * Does with an open transaction of this sender what the operator wants: `bump` offers a higher fee with the next step,
   * whatever the market says; `cancel` gives a queued one up at once, one in flight by a transfer to oneself, also after a
   * restart.
   *
   * @returns its lane, and what was or will be done; undefined where this sender has no such transaction
   * @throws RelayerError `MT-OPS-006` it would break a promise, and `force` was not said; `MT-OPS-007` it has no nonce
   * to bump, or is in a block
   */
  async ask(id: number, wish: Wish, force: boolean): Promise<{ lane: Lane; done: string } | undefined> {
    const { ledger, lanes } = this.#context;
    const flying = (await inFlight(ledger, this.sender)).find((intent) => intent.id === id);
    const intent = flying ?? (await queued(ledger, lanes, id));
    if (!intent) return undefined;
    refuseWish(intent, wish, force);
    return { lane: intent.lane, done: await this.#obey(intent, wish, flying !== undefined) };
  }

  async #obey(intent: Intent, wish: Wish, isInFlight: boolean): Promise<string> {
    const { ledger } = this.#context;
    if (wish === "bump") {
      this.#bumps.add(intent.id);
      return "a higher fee is offered with the next step";
    }
    return ledger.transaction(async (tx) => {
      // A step may be signing it just now: either it finds it given up, or it is cancelled under its nonce.
      if (!isInFlight && (await closeQueued(tx, intent.id, CANCELLED))) {
        await dropSidecar(tx, intent);
        return "cancelled";
      }
      await renounce(tx, intent.id);
      return "cancelled with the next step";
    });
  }

  /** Settles what is in flight, sends what is due, and closes what gaps are left. */
  step(): Promise<void> {
    return urgently(() => this.#step());
  }

  async #step(): Promise<void> {
    const { ledger, rpc, lanes } = this.#context;
    const head = await rpc.getBlockNumber();
    // Read before any receipt: a count beyond a nonce then means that a receipt must be there, or is not ours.
    const chainCount = await rpc.getTransactionCount(this.sender, "latest");
    await settleConfirmed(this.#context, chainCount, head);
    const flying = await inFlight(ledger, this.sender);
    const step = this.#stepAt(head, chainCount, flying);
    for (const intent of flying) await isolated(step, intent, () => settleInFlight(step, intent));
    let room = await this.#room();
    for (const intent of await ready(ledger, lanes, step.now(), LAST_RETRY_MILLISECONDS, MAX_IN_FLIGHT)) {
      if (room <= (intent.lane === "answer" ? 0 : KEPT_FOR_ANSWERS)) continue;
      await isolated(step, intent, () => sendFirst(step, intent));
      // What is not sent yet takes no room: what waits for a deadline must not keep others out until then.
      room = await this.#room();
    }
    await fillGap(step, (fill) => isolated(step, fill, () => sendFirst(step, fill)));
  }

  async #room(): Promise<number> {
    return MAX_IN_FLIGHT - (await inFlight(this.#context.ledger, this.sender)).length;
  }

  #stepAt(head: number, chainCount: number, flying: readonly Intent[]): Step {
    this.#memory ??= {
      bumps: this.#bumps,
      unchecked: new Set(flying.map((intent) => intent.id)),
      offeredAt: new Map(),
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
