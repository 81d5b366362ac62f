// SPDX-License-Identifier: GPL-3.0-or-later

import { eventSources, noteEvidence, noteNamedSources } from "../chain/event-sources.ts";
import { catchUpSources } from "../chain/follow.ts";
import { lastCheckpoint } from "../ledger/chain-facts.ts";
import { AccountsDuty } from "./accounts.ts";
import { tellFinalByClock } from "./by-clock.ts";
import { pruneFeed } from "./feed.ts";
import { groupClaims } from "./groups.ts";
import { replayIfDue } from "./replay.ts";
import type { IndexServices } from "./services.ts";

/** New contracts of evidence are looked for this far back: events there may have come with a reorganisation. */
const OVERLAP_BLOCKS = 256;

/** Keeps the index beside the cursor that reads the chain: more contracts, operators' accounts, what the clock has done. */
export class IndexDuty {
  readonly #services: IndexServices;
  readonly #accounts = new AccountsDuty();
  #named = false;
  #lookedUpTo = 0;

  constructor(services: IndexServices) {
    this.#services = services;
  }

  /** Safe to run again at any time. */
  async step(): Promise<void> {
    const { ledger, rpc, contracts, logger, startBlock } = this.#services;
    // What was broken off, or an upgrade asks for, needs no node.
    await replayIfDue(ledger);
    // First what the gap is held against: contracts that are found late take their time to be read.
    const seen = await lastCheckpoint(ledger);
    if (seen) await this.#accounts.step(this.#services, seen.number);
    await this.noteSources();
    await this.#lookAgainFromRegistry();
    const context = { ledger, rpc, contracts, logger, config: { chain: { startBlock, confirmations: 1 } } };
    await catchUpSources(context);
    await replayIfDue(ledger);
    const last = await lastCheckpoint(ledger);
    if (!last) return;
    if (last.number !== this.#lookedUpTo) {
      await noteEvidence(ledger, rpc, startBlock - 1, this.#lookedUpTo - OVERLAP_BLOCKS);
      this.#lookedUpTo = last.number;
    }
    await tellFinalByClock(this.#services);
    await groupClaims(ledger);
    await pruneFeed(ledger);
  }

  /** What the registry has yet to tell of earlier blocks may name contracts of evidence too. */
  async #lookAgainFromRegistry(): Promise<void> {
    for (const { name, read_up_to } of await eventSources(this.#services.ledger)) {
      if (name === "PolicyRegistry") this.#lookedUpTo = Math.min(this.#lookedUpTo, read_up_to);
    }
  }

  /** Takes note of the contracts whose events are read, once: best before the first of them is. */
  async noteSources(): Promise<void> {
    if (this.#named) return;
    const { startBlock, inferenceRequests } = this.#services;
    await noteNamedSources(this.#services, startBlock - 1, inferenceRequests);
    this.#named = true;
  }
}
