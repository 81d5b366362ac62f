// SPDX-License-Identifier: GPL-3.0-or-later

import { lastCheckpoint } from "../ledger/chain-facts.ts";
import type { Reader } from "../ledger/schema.ts";
import type { Services } from "../services.ts";

/** How often something is computed again because the chain was read on meanwhile. */
const MAX_TRIES = 3;

/**
 * Something that takes going through much of the ledger. However many ask, it is computed once for a block that the chain was read
 * up to and a second, since by the clock alone claims become final.
 *
 * @param compute may read in several steps: they are of one state of the chain, unless that never rests
 */
export function oncePerMoment<Answer>(
  compute: (services: Services, nowSeconds: number) => Promise<Answer>,
): (services: Services) => Promise<Answer> {
  const kept = new WeakMap<Reader, { moment: string; answer: Promise<Answer> }>();
  return async (services) => {
    const { ledger, clock } = services;
    const state = await stateOf(ledger);
    const nowSeconds = clock.nowSeconds();
    const moment = `${state} ${nowSeconds}`;
    const last = kept.get(ledger);
    if (last?.moment === moment) return last.answer;
    const computed = { moment, answer: atRest(ledger, () => compute(services, nowSeconds)) };
    kept.set(ledger, computed);
    try {
      return await computed.answer;
    } catch (error) {
      if (kept.get(ledger) === computed) kept.delete(ledger);
      throw error;
    }
  };
}

async function atRest<Answer>(ledger: Reader, compute: () => Promise<Answer>): Promise<Answer> {
  for (let tries = 1; ; tries++) {
    const before = await stateOf(ledger);
    const answer = await compute();
    if (tries >= MAX_TRIES || (await stateOf(ledger)) === before) return answer;
  }
}

async function stateOf(ledger: Reader): Promise<string> {
  const block = await lastCheckpoint(ledger);
  return `${block?.number} ${block?.hash}`;
}
