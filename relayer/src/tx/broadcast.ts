// SPDX-License-Identifier: GPL-3.0-or-later

import { traced } from "../ops/tracing/trace.ts";
import type { Attempt } from "./attempts.ts";
import { carriesBlobs, goWithout, networkBytes } from "./blobs.ts";
import type { OutboxContext } from "./context.ts";
import type { Intent } from "./intents.ts";
import { classifyNodeError, type NodeErrorKind } from "./node-errors.ts";

/** Refusals that a higher fee mends. */
const TOO_CHEAP: readonly (NodeErrorKind | undefined)[] = [
  "replacementUnderpriced",
  "underpriced",
  "feeCapBelowBaseFee",
  "blobFeeCapBelowBlobBaseFee",
];

/**
 * Hands stored bytes to the nodes. What they refuse is logged, and offered again by the next step.
 *
 * @returns why they were refused
 */
export function broadcast(
  context: OutboxContext,
  intent: Intent,
  attempt: Attempt,
): Promise<NodeErrorKind | undefined> {
  const attributes = { intent: intent.dedupeKey, hash: attempt.tx_hash };
  return traced("transaction.send", attributes, () => send(context, intent, attempt));
}

async function send(
  context: OutboxContext,
  intent: Intent,
  attempt: Attempt,
): Promise<NodeErrorKind | undefined> {
  const { ledger, rpc, logger } = context;
  const bytes = await networkBytes(context, intent, attempt);
  if (bytes === undefined) return undefined;
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
      return refusal;
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
  return undefined;
}

/** Whether a higher fee would mend a refusal. */
export function isTooCheap(refusal: NodeErrorKind | undefined): boolean {
  return TOO_CHEAP.includes(refusal);
}
