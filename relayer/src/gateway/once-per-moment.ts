// SPDX-License-Identifier: GPL-3.0-or-later

import { lastCheckpoint } from "../ledger/chain-facts.ts";
import type { Reader } from "../ledger/schema.ts";
import { keepLastAnswer } from "../ops/last-answer.ts";
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
  const kept = new WeakMap<Reader, ReturnType<typeof keepLastAnswer<Answer>>>();
  return async (services) => {
    const { ledger, clock } = services;
    const state = await stateOf(ledger);
    const nowSeconds = clock.nowSeconds();
    const last = kept.get(ledger) ?? keepLastAnswer<Answer>();
    kept.set(ledger, last);
    return last(`${state} ${nowSeconds}`, () => atRest(ledger, () => compute(services, nowSeconds)));
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
