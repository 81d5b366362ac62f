// SPDX-License-Identifier: GPL-3.0-or-later

import { setTimeout as delay } from "node:timers/promises";
import { TemporaryError } from "../../errors.ts";
import { isPassing } from "../../tx/node-errors.ts";
import type { Endpoint } from "./endpoint.ts";
import { RequestFailure } from "./transport.ts";

const MOST_ROUNDS = 6;
const FIRST_PAUSE_MILLISECONDS = 40;
/** A request waits this long for an endpoint that rests; for longer the caller is told. */
const LONGEST_WAIT_MILLISECONDS = 3_000;

/** Those that may be asked now, the one with the highest head first; equals stay in the order of the configuration. */
export function usable(endpoints: readonly Endpoint[]): Endpoint[] {
  return endpoints
    .filter((endpoint) => endpoint.pauseMilliseconds() === 0)
    .sort((one, other) => rank(other) - rank(one));
}

function rank({ state, head }: Endpoint): number {
  return state === "outOfSync" ? -1 : (head ?? 0);
}

/**
 * Asks one endpoint after the other, several times where need be, until one has a result. Only what may pass by itself is
 * asked again: an answer such as a revert is an answer.
 *
 * @throws RequestFailure the answer of a node that asking again does not change
 * @throws TemporaryError `MT-CHAIN-008` nobody answered
 */
export async function askInTurn<Result>(
  endpoints: readonly Endpoint[],
  what: string,
  ask: (endpoint: Endpoint) => Promise<Result>,
): Promise<Result> {
  const failures = new Map<string, string>();
  for (let round = 0; round < MOST_ROUNDS; round++) {
    for (const endpoint of usable(endpoints)) {
      try {
        return await ask(endpoint);
      } catch (error) {
        if (!(error instanceof RequestFailure) || !(isPassing(error.kind) || isOfEndpoint(error)))
          throw error;
        failures.set(endpoint.name, `${error.kind}: ${error.message}`);
      }
    }
    const soonest = Math.min(...endpoints.map((endpoint) => endpoint.pauseMilliseconds()));
    if (soonest > LONGEST_WAIT_MILLISECONDS) break;
    // A timer may fire a little early: the round would find everybody still resting.
    const pause = Math.max(Math.ceil(soonest) + 1, FIRST_PAUSE_MILLISECONDS * 2 ** round);
    if (round < MOST_ROUNDS - 1) await delay(pause);
  }
  throw nobodyAnswered(endpoints, what, failures);
}

/** The endpoint is the wrong one, or cannot do this; another may. */
function isOfEndpoint({ kind }: RequestFailure): boolean {
  return kind === "wrongChainId" || kind === "methodMissing";
}

function nobodyAnswered(
  endpoints: readonly Endpoint[],
  what: string,
  failures: ReadonlyMap<string, string>,
): TemporaryError {
  const reasons = endpoints.map(
    ({ name, state }) => `${name} (${state}): ${failures.get(name) ?? "resting"}`,
  );
  return new TemporaryError(
    "MT-CHAIN-008",
    `no endpoint answered ${what}: ${reasons.join("; ")}`,
    "Check the endpoints of chain.rpcUrls; add one of another provider. Nothing is lost meanwhile.",
    { endpoints: endpoints.map(({ name, state }) => ({ name, state })) },
  );
}
