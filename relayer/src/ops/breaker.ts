// SPDX-License-Identifier: GPL-3.0-or-later

import type { Address } from "@meantime/sdk/hex";
import type { ChainClock } from "../chain/clock.ts";
import {
  type BreakerState,
  type FailedObligation,
  failedObligations,
  readBreaker,
  writeBreaker,
} from "../ledger/breaker.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Logger } from "./logger.ts";

/** As far apart as the clocks of workers that share a database may be. */
const CLOCK_SKEW_SECONDS = 60;

/** What the breaker looks at. */
export interface BreakerContext {
  ledger: Ledger;
  clock: ChainClock;
  logger: Logger;
  operator: Address;
  /** So many failures open it. */
  maxFailedObligations: number;
}

/**
 * Stops new bonded work when obligations have failed again and again: whatever breaks them would break the next ones too.
 * What was promised is looked after as before. It stays open over restarts, also those of a service manager, until the
 * operator closes it.
 */
export class Breaker {
  readonly #context: BreakerContext;
  #state: BreakerState = { openSince: null, acknowledgedAt: 0 };
  #failed: readonly FailedObligation[] = [];

  constructor(context: BreakerContext) {
    this.#context = context;
  }

  /** As of the last look. */
  get state(): BreakerState {
    return this.#state;
  }

  /** Failures that the operator has not acknowledged, as of the last look. */
  get failed(): readonly FailedObligation[] {
    return this.#failed;
  }

  /** Reads what is stored, counts failures and opens where there are too many. */
  async look(): Promise<void> {
    const { ledger, clock, logger, operator, maxFailedObligations } = this.#context;
    const nowSeconds = clock.nowSeconds();
    this.#state = await readBreaker(ledger);
    if (this.#state.acknowledgedAt > nowSeconds + CLOCK_SKEW_SECONDS) {
      // The clock was set back since: until that moment nothing would count as failed.
      this.#state = { ...this.#state, acknowledgedAt: nowSeconds };
      await ledger.transaction((tx) => writeBreaker(tx, this.#state));
    }
    const { acknowledgedAt: since } = this.#state;
    this.#failed = await failedObligations(ledger, { operator, since, nowSeconds });
    if (this.#state.openSince !== null || this.#failed.length < maxFailedObligations) return;
    const open = { ...this.#state, openSince: nowSeconds };
    this.#state = await ledger.transaction(async (tx) => {
      const stored = await readBreaker(tx);
      // The operator has resumed while the failures were counted.
      if (stored.acknowledgedAt !== since) return stored;
      await writeBreaker(tx, open);
      return open;
    });
    if (this.#state !== open) return;
    logger.error(
      { code: "MT-OPS-003", failed: this.#failed.slice(0, 10) },
      "too many obligations failed: no new work is taken until the operator runs `meantime resume`",
    );
  }

  /** Closes it: what has failed so far is acknowledged. */
  async resume(): Promise<void> {
    const { ledger, clock, logger } = this.#context;
    const state = { openSince: null, acknowledgedAt: clock.nowSeconds() };
    await ledger.transaction((tx) => writeBreaker(tx, state));
    this.#state = state;
    this.#failed = [];
    logger.warn(
      { acknowledgedAt: state.acknowledgedAt },
      "the operator has resumed: new work is taken again",
    );
  }
}
