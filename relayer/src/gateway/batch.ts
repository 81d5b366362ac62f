// SPDX-License-Identifier: GPL-3.0-or-later

import type { Hex } from "@meantime/sdk/hex";
import type { Context } from "hono";
import { batchFile } from "../availability/batch-file.ts";
import { describeError } from "../errors.ts";
import { findOwnHeader } from "../ledger/batches.ts";
import type { Services } from "../services.ts";
import { createStreamPlaces } from "./access/stream-places.ts";
import { HttpError } from "./http-error.ts";
import { batchNotFound } from "./views.ts";

const FOR_EVER = "public, max-age=31536000, immutable";
/** Anybody may read, as slowly as may be. Of each answer there are a few slices in memory. */
const MAX_ANSWERS = 128;

/**
 * `GET /v1/batches/{id}`: everything a watchtower needs to check a batch. The id is the hash of what it answers, which
 * therefore may be kept by everybody for ever. The ledger is read as fast as the client reads.
 *
 * @returns the route; it throws HttpError 404; 429 or 503 while too many are read
 */
export function createBatchRoute(services: Services): (context: Context, batchId: Hex) => Promise<Response> {
  const { ledger, config, logger } = services;
  const { streamsPerAddress: perAddress, trustedProxies } = config.gateway;
  const places = createStreamPlaces({ most: MAX_ANSWERS, perAddress, trustedProxies }, allTaken);
  return async (context, batchId) => {
    const header = await findOwnHeader(ledger, config.operator.address, batchId);
    if (!header) throw batchNotFound();
    const tag = `"${batchId}"`;
    const headers = { etag: tag, "cache-control": FOR_EVER };
    const known = context.req.header("if-none-match")?.split(",") ?? [];
    if (known.some((each) => each.trim().replace(/^W\//, "") === tag))
      return context.body(null, 304, headers);
    const answer = { ...headers, "content-type": "application/json" };
    // Nobody would read the stream, nor end it.
    if (context.req.method === "HEAD") return context.body(null, 200, answer);
    const leave = places.take(context);
    const stream = streamOf(batchFile(ledger, batchId, header), leave, (error) =>
      logger.warn({ ...describeError(error), batchId }, "the answer with a batch was cut off"),
    );
    return context.body(stream, 200, answer);
  };
}

/** Asks for a piece when the one before was taken. @param onEnd called once or more: read to the end, given up, or failed */
function streamOf(
  pieces: AsyncGenerator<string, void, undefined>,
  onEnd: () => void,
  onFailed: (error: unknown) => void,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let isGivenUp = false;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await pieces.next();
          if (isGivenUp) return;
          if (!done) return controller.enqueue(encoder.encode(value));
          onEnd();
          controller.close();
        } catch (error) {
          onEnd();
          onFailed(error);
          throw error;
        }
      },
      async cancel() {
        isGivenUp = true;
        onEnd();
        await pieces.return();
      },
    },
    { highWaterMark: 0 },
  );
}

function allTaken(): HttpError {
  return new HttpError(
    503,
    "MT-GW-044",
    "too many batches are being read",
    "Repeat it later. A batch never changes: a cache in front of the gateway may keep it for ever.",
    10,
  );
}
