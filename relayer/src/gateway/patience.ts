// SPDX-License-Identifier: GPL-3.0-or-later

import type { Server, ServerOptions } from "node:http";
import type { Socket } from "node:net";

/** How long a server waits for its clients. What the server itself takes to answer is bounded elsewhere. */
export interface Patience {
  /** From the connection, or the first byte of a later request, until the headers are there. */
  headersMilliseconds: number;
  /** Until the request is there whole. */
  requestMilliseconds: number;
  /** A connection kept for the next request. */
  idleMilliseconds: number;
  /** While a client takes nothing of what waits for it. */
  stalledMilliseconds: number;
  /** How often the first two are looked at: as much longer they may last. */
  checkMilliseconds: number;
}

/** Node's own are a minute, five minutes, five seconds, for ever, and half a minute. */
export const PATIENCE: Patience = {
  headersMilliseconds: 15_000,
  requestMilliseconds: 60_000,
  idleMilliseconds: 5_000,
  stalledMilliseconds: 60_000,
  checkMilliseconds: 1_000,
};

/** The options of Node's server. */
export function timeoutsOf(patience: Patience): ServerOptions {
  return {
    headersTimeout: patience.headersMilliseconds,
    requestTimeout: patience.requestMilliseconds,
    keepAliveTimeout: patience.idleMilliseconds,
    connectionsCheckingInterval: patience.checkMilliseconds,
  };
}

/**
 * Cuts clients off that do not read what they asked for. A connection that is silent because its answer is not there yet, or
 * because a stream has nothing to tell, stays: nothing waits for the client then.
 */
export function cutOffStalled(server: Server, { stalledMilliseconds }: Patience): void {
  server.timeout = stalledMilliseconds;
  // Without a request under way Node destroys what is silent; with one, it asks here.
  server.on("request", (_request, response) => {
    response.on("timeout", (socket: Socket) => {
      if (socket.writableLength > 0) socket.destroy();
    });
  });
}
