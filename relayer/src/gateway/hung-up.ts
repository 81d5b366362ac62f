// SPDX-License-Identifier: GPL-3.0-or-later

import type { HttpBindings } from "@hono/node-server";
import type { Context } from "hono";
import { HttpError } from "./http-error.ts";

/** Whether nobody is there any more to be answered. */
export function hasHungUp(context: Context): boolean {
  return outgoingOf(context)?.destroyed === true;
}

/** Calls `leave` when the connection closes, after the answer too; at once where it has. */
export function whenHungUp(context: Context, leave: () => void): void {
  // Whoever has closed it already says so no more.
  if (hasHungUp(context)) leave();
  else outgoingOf(context)?.once("close", leave);
}

/** @returns the refusal of a request whose client has gone */
export function abandoned(): HttpError {
  return new HttpError(
    503,
    "MT-GW-069",
    "the client went away before the answer was whole",
    "No receipt was given; repeat the request.",
  );
}

// What the adaptor of Node gives; its signal would cost a whole Request.
function outgoingOf({ env }: Context): HttpBindings["outgoing"] | undefined {
  return ((env ?? {}) as Partial<HttpBindings>).outgoing;
}
