// SPDX-License-Identifier: GPL-3.0-or-later

import type { Hex } from "@meantime/sdk/hex";
import type { Context } from "hono";
import { batchFile } from "../availability/batch-file.ts";
import { findOwnHeader } from "../ledger/batches.ts";
import type { Services } from "../services.ts";
import { batchNotFound } from "./views.ts";

const FOR_EVER = "public, max-age=31536000, immutable";

/**
 * `GET /v1/batches/{id}`: everything a watchtower needs to check a batch. The id is the hash of what it answers, which
 * therefore may be kept by everybody for ever. @throws HttpError 404
 */
export async function serveBatch(context: Context, services: Services, batchId: Hex): Promise<Response> {
  const { ledger, config } = services;
  const { address } = config.operator;
  if (!(await findOwnHeader(ledger, address, batchId))) throw batchNotFound();
  const tag = `"${batchId}"`;
  context.header("etag", tag);
  context.header("cache-control", FOR_EVER);
  const known = context.req.header("if-none-match")?.split(",") ?? [];
  if (known.some((each) => each.trim().replace(/^W\//, "") === tag)) return context.body(null, 304);
  return context.json(await batchFile(ledger, address, batchId));
}
