// SPDX-License-Identifier: GPL-3.0-or-later

import type { StoredReceipt } from "../../ledger/receipts.ts";
import { abandoned } from "../hung-up.ts";
import { requireSame } from "./promise.ts";
import type { OpenAiCall } from "./request.ts";
import { timedOut } from "./upstream-error.ts";

/** One question on its way, and everybody who waits for its answer. */
export interface Flight {
  readonly call: OpenAiCall;
  /** Fires when nobody waits any more, and when its time is up. */
  readonly signal: AbortSignal;
  /** Rejects as its work does. */
  readonly outcome: Promise<StoredReceipt>;
  /** One more waits. @returns stops waiting; further calls do nothing */
  join(): () => void;
}

/** Requests of one name that come at the same time become one question. */
export interface Flights {
  /** The one that a call repeats, if it is on its way. @throws HttpError 409 `MT-GW-009` it repeats its name alone */
  find(call: OpenAiCall): Flight | undefined;
  /** Starts one: `work` is called at once. */
  start(call: OpenAiCall, work: (signal: AbortSignal) => Promise<StoredReceipt>): Flight;
}

/** Flights of this process; between workers the ledger decides. */
export function createFlights(timeoutSeconds: number): Flights {
  const named = new Map<string, Flight>();
  return {
    find(call) {
      const flight = call.isNamed ? named.get(nameOf(call)) : undefined;
      if (flight) requireSame(call, flight.call);
      return flight;
    },
    start(call, work) {
      const controller = new AbortController();
      const { signal } = controller;
      const timer = setTimeout(() => controller.abort(timedOut(timeoutSeconds)), timeoutSeconds * 1_000);
      let hasEnded = false;
      const outcome = work(signal).finally(() => {
        hasEnded = true;
        clearTimeout(timer);
        if (named.get(nameOf(call)) === flight) named.delete(nameOf(call));
      });
      let waiting = 0;
      const flight: Flight = {
        ...{ call, signal, outcome },
        join() {
          waiting += 1;
          let left = false;
          return () => {
            if (left) return;
            left = true;
            waiting -= 1;
            if (waiting === 0 && !hasEnded) controller.abort(abandoned());
          };
        },
      };
      if (call.isNamed) named.set(nameOf(call), flight);
      return flight;
    },
  };
}

function nameOf({ requester, requestId, model }: OpenAiCall): string {
  return `${requester}:${requestId}:${model.id}`;
}
