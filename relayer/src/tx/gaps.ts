// SPDX-License-Identifier: GPL-3.0-or-later

import { freeNonce } from "./assign.ts";
import type { Step } from "./context.ts";
import { enqueue, findIntent, highestNonceInFlight, type Intent } from "./intents.ts";

/**
 * A nonce that nobody holds, below one in flight, holds up all above it: one that was used elsewhere, whose block was
 * reorganised away. What was due had the chance to take it; otherwise a transfer to oneself does.
 *
 * @param send sends the intent of the transfer
 */
export async function fillGap(step: Step, send: (fill: Intent) => Promise<void>): Promise<void> {
  const { ledger, lanes, logger, sender, head } = step;
  const highest = await highestNonceInFlight(ledger, sender);
  if (highest === undefined) return;
  const free = await freeNonce(step);
  if (free > highest) return;
  const dedupeKey = `fill:${sender}:${free}:${head}`;
  logger.warn({ code: "MT-TX-013", nonce: free, sender }, "closing a gap of the nonces");
  // A lane of this sender, so that a restart finds it: none, where its key is gone.
  const [lane] = lanes;
  if (!lane) return;
  await ledger.transaction((tx) =>
    enqueue(tx, { dedupeKey, lane, kind: "fill", subject: {}, to: sender, data: "0x", valueWei: 0n }),
  );
  const fill = await findIntent(ledger, dedupeKey);
  if (fill?.state === "queued") await send(fill);
}
