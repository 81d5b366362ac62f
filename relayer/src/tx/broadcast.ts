// SPDX-License-Identifier: GPL-3.0-or-later

import { traced } from "../ops/tracing/trace.ts";
import type { Attempt } from "./attempts.ts";
import type { Intent } from "./intents.ts";
import { classifyNodeError } from "./node-errors.ts";
import type { OutboxContext } from "./outbox.ts";

/** Hands stored bytes to the nodes. What they refuse is logged, and offered again by the next step. */
export function broadcast(context: OutboxContext, intent: Intent, attempt: Attempt): Promise<void> {
  const attributes = { intent: intent.dedupeKey, hash: attempt.tx_hash };
  return traced("transaction.send", attributes, () => send(context, intent, attempt));
}

async function send({ ledger, rpc, logger }: OutboxContext, intent: Intent, attempt: Attempt): Promise<void> {
  try {
    await rpc.send("eth_sendRawTransaction", [attempt.raw]);
  } catch (error) {
    const refusal = classifyNodeError(error).kind;
    // Whatever the node says, the stored bytes may have reached a block (Hardhat mines a reverting transaction and
    // answers with an error). The next step looks for the receipt before anything is concluded.
    if (refusal !== "alreadyKnown") {
      const code = refusal === "insufficientFunds" ? "MT-TX-004" : "MT-TX-003";
      const reason = error instanceof Error ? error.message : String(error);
      logger.warn(
        { code, intent: intent.dedupeKey, refusal, reason },
        "the node did not take the transaction",
      );
      return;
    }
  }
  await ledger.transaction((tx) =>
    tx
      .updateTable("intents")
      .set({ state: "broadcast" })
      .where("id", "=", intent.id)
      .where("state", "=", "signed")
      .execute(),
  );
}
