// SPDX-License-Identifier: GPL-3.0-or-later

import { isPassing } from "../../tx/node-errors.ts";
import type { Endpoint } from "./endpoint.ts";
import { usable } from "./selection.ts";
import { RequestFailure } from "./transport.ts";

/**
 * Hands a signed transaction to every endpoint that can be asked, and resolves as soon as one has taken it: it then is on
 * its way whatever the others say. Not repeated here; the outbox offers the stored bytes again.
 *
 * @throws RequestFailure when none took it, the answer that says most: that somebody knows it already; else a refusal;
 * else that its fate is not known
 */
export async function broadcast(endpoints: readonly Endpoint[], raw: unknown): Promise<unknown> {
  const asked = usable(endpoints);
  const targets = asked.length > 0 ? asked : endpoints.slice(0, 1);
  try {
    return await Promise.any(targets.map((endpoint) => endpoint.request("eth_sendRawTransaction", [raw])));
  } catch (error) {
    const failures = error instanceof AggregateError ? error.errors : [error];
    throw [...failures].sort((one, other) => weight(one) - weight(other))[0];
  }
}

function weight(error: unknown): number {
  if (!(error instanceof RequestFailure)) return 3;
  if (error.kind === "alreadyKnown") return 0;
  return isPassing(error.kind) ? 2 : 1;
}
