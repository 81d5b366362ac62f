// SPDX-License-Identifier: GPL-3.0-or-later

import type { Attempt } from "./attempts.ts";
import { carriesBlobs, goWithout, networkBytes } from "./blobs.ts";
import type { OutboxContext } from "./context.ts";
import type { Intent } from "./intents.ts";
import { classifyNodeError } from "./node-errors.ts";

/** Hands stored bytes to the nodes. What they refuse is logged, and offered again by the next step. */
export async function broadcast(context: OutboxContext, intent: Intent, attempt: Attempt): Promise<void> {
  const { ledger, rpc, logger } = context;
  const bytes = await networkBytes(context, intent, attempt);
  if (bytes === undefined) return;
  try {
    await rpc.send("eth_sendRawTransaction", [bytes]);
  } catch (error) {
    // Not the error's own words, which repeat the bytes.
    const { kind: refusal, message: reason } = classifyNodeError(error);
    // Whatever the node says, the stored bytes may have reached a block (Hardhat mines a reverting transaction and
    // answers with an error). The next step looks for the receipt before anything is concluded.
    if (refusal !== "alreadyKnown") {
      const code = refusal === "insufficientFunds" ? "MT-TX-004" : "MT-TX-003";
      logger.warn(
        { code, intent: intent.dedupeKey, refusal, reason },
        "the node did not take the transaction",
      );
      if (refusal === "blobRefused" && carriesBlobs(attempt)) await goWithout(context, intent, reason);
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
