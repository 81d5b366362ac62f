// SPDX-License-Identifier: GPL-3.0-or-later

import { CLAIM_ID_HEADER } from "@meantime/sdk/openai/fetch";
import { STREAM_END, writeEvent } from "@meantime/sdk/server-events";
import type { Context } from "hono";
import type { StoredReceipt } from "../../ledger/receipts.ts";
import { travellingReceipt } from "./promise.ts";

/** The header that has a short receipt in base64url. */
export const RECEIPT_HEADER = "meantime-receipt";

/** Longer ones are in the body alone: servers and proxies bound their headers. */
const MAX_HEADER_BYTES = 6 * 1_024;

/** The type and the habits of a stream: no proxy is to gather it. */
export const STREAM_HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no",
};

/** A whole answer with its receipt. */
export function wholeReply(context: Context, stored: StoredReceipt): Response {
  const receipt = travellingReceipt(stored);
  const header = Buffer.from(receipt).toString("base64url");
  return context.body(withReceipt(stored.answer, receipt), 200, {
    "content-type": "application/json",
    [CLAIM_ID_HEADER]: stored.receipt.claimId,
    ...(header.length < MAX_HEADER_BYTES ? { [RECEIPT_HEADER]: header } : {}),
  });
}

/** A streamed answer again: the chunk that it folds to, its receipt and its end. */
export function replayedStream(context: Context, stored: StoredReceipt): Response {
  return context.body(writeEvent(stored.answer) + endOfStream(stored), 200, STREAM_HEADERS);
}

/** What follows the last chunk of an answer. */
export function endOfStream(stored: StoredReceipt): string {
  return writeEvent(`{"choices":[],"receipt":${travellingReceipt(stored)}}`) + writeEvent(STREAM_END);
}

// The upstream's own text, so that its numbers and spaces stay: it is an object with members.
function withReceipt(answer: string, receipt: string): string {
  return `${answer.slice(0, answer.lastIndexOf("}"))},"receipt":${receipt}}`;
}
