// SPDX-License-Identifier: GPL-3.0-or-later

import type { Hex } from "@meantime/sdk/hex";
import { type Context, Hono } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { describeError, RelayerError } from "../../errors.ts";
import { readiness } from "../../gateway/capacity.ts";
import { statusView } from "../../gateway/status.ts";
import { claimView } from "../../gateway/views.ts";
import type { Services } from "../../services.ts";
import { listIntents } from "../../tx/listing.ts";
import type { Outbox } from "../../tx/outbox.ts";
import { challengeByHand } from "../../watch/by-hand.ts";
import type { TaskHealth } from "../supervisor.ts";

/** What the operator's own commands can reach. */
export interface AdminState {
  tasks(): TaskHealth[];
  draining(): boolean;
  /** Of the senders that this worker holds. */
  outboxes(): readonly Outbox[];
}

/**
 * What only the operator may ask: served on a local socket, by the one process that holds the ledger. Commands that
 * change something come through here, so that no second process ever writes beside the daemon.
 */
export function createAdminApp(services: Services, state: AdminState): Hono {
  const app = new Hono();
  app.get("/status", async (context) =>
    context.json({
      ...(await statusView(services, state.tasks())),
      readiness: await readiness(services, state.draining()),
      breaker: { ...services.breaker.state, failed: services.breaker.failed },
    }),
  );
  app.get("/claims/:id", async (context) => context.json(await claimView(services, requireId(context))));
  app.get("/transactions", async (context) =>
    context.json({
      transactions: await listIntents(services.ledger, context.req.query("all") !== undefined),
    }),
  );
  for (const wish of ["bump", "cancel"] as const) {
    app.post(`/transactions/:number/${wish}`, async (context) => {
      const number = Number(context.req.param("number"));
      const isForced = context.req.query("force") !== undefined;
      for (const outbox of state.outboxes()) {
        const answer = await outbox.ask(number, wish, isForced);
        if (answer) return context.json({ transaction: number, ...answer });
      }
      throw new RelayerError(
        "MT-OPS-005",
        `there is no open transaction ${number}`,
        "`meantime tx list` prints those that are open.",
      );
    });
  }
  app.post("/challenges/:batch/:index", async (context) => {
    const { batch, index } = context.req.param();
    return context.json(await challengeByHand(services, batch.toLowerCase() as Hex, Number(index)));
  });
  app.post("/resume", async (context) => {
    await services.breaker.resume();
    return context.json({ resumed: true });
  });
  app.onError((error, context) => {
    const { code, message, hint } = describeError(error);
    const status =
      (error as { status?: ContentfulStatusCode }).status ?? (error instanceof RelayerError ? 409 : 500);
    return context.json({ error: { code, message, hint } }, status);
  });
  return app;
}

function requireId(context: Context): Hex {
  return (context.req.param("id") ?? "").toLowerCase() as Hex;
}
