// SPDX-License-Identifier: GPL-3.0-or-later

import type { Hex } from "@meantime/sdk/hex";
import { writeEvent } from "@meantime/sdk/server-events";
import type { Context } from "hono";
import { describeError } from "../errors.ts";
import type { Services } from "../services.ts";
import { createStreamPlaces } from "./access/stream-places.ts";
import { HttpError } from "./http-error.ts";
import type { GatewayState } from "./state.ts";
import { claimView } from "./views.ts";

/** Of a stream of events. Proxies must neither hold nor keep it. */
export const EVENT_HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no",
};

const TERMINAL: readonly string[] = ["Final", "Rejected", "Voided"];
const LOOK_MILLISECONDS = 250;
/** Anybody may open streams, and the ledger that they look into is the one that receipts wait for. */
const MAX_LOOKS_PER_SECOND = 200;
/** Proxies cut connections that say nothing for a minute. */
const HEARTBEAT_MILLISECONDS = 15_000;
const MAX_STREAMS = 1_024;

/** Opens streams of `GET /v1/claims/{id}/events`. @throws HttpError 404; 429 or 503 with too many open */
export function createClaimEvents(
  services: Services,
  { draining }: Pick<GatewayState, "draining">,
): (context: Context, claimId: Hex) => Promise<ReadableStream<Uint8Array>> {
  const { streamsPerAddress, trustedProxies } = services.config.gateway;
  const places = createStreamPlaces(
    { most: MAX_STREAMS, perAddress: streamsPerAddress, trustedProxies },
    allTaken,
  );
  return async (context, claimId) => {
    const leave = places.take(context);
    const first = await claimView(services, claimId).catch((error: unknown) => {
      leave();
      throw error;
    });
    const encoder = new TextEncoder();
    let timer: NodeJS.Timeout | undefined;
    let isOver = false;
    const end = () => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      leave();
    };
    return new ReadableStream<Uint8Array>({
      start(controller) {
        let last = "";
        let saidAt = performance.now();
        const say = (text: string) => {
          controller.enqueue(encoder.encode(text));
          saidAt = performance.now();
        };
        const close = () => {
          end();
          controller.close();
        };
        const show = (report: typeof first) => {
          const text = JSON.stringify(report);
          if (text !== last) say(writeEvent(text));
          else if (performance.now() - saidAt >= HEARTBEAT_MILLISECONDS) say(": still so\n\n");
          last = text;
          if (TERMINAL.includes(report.status)) close();
        };
        const look = async () => {
          try {
            if (draining()) return close();
            const report = await claimView(services, claimId);
            // The client may have left meanwhile.
            if (isOver) return;
            show(report);
          } catch (error) {
            services.logger.warn(describeError(error), "a stream of events was cut off");
            if (!isOver) close();
          }
          if (!isOver) timer = setTimeout(look, lookMilliseconds(places.count()));
        };
        show(first);
        if (!isOver) timer = setTimeout(look, lookMilliseconds(places.count()));
      },
      cancel: end,
    });
  };
}

function allTaken(): HttpError {
  return new HttpError(
    503,
    "MT-GW-042",
    "too many event streams are open",
    "Ask for /v1/claims/{id} from time to time, or try again later.",
    10,
  );
}

/** How long each of so many streams waits between two looks. */
export function lookMilliseconds(openStreams: number): number {
  return Math.max(LOOK_MILLISECONDS, (openStreams * 1_000) / MAX_LOOKS_PER_SECOND);
}
