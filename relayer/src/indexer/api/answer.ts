// SPDX-License-Identifier: GPL-3.0-or-later

import { createHash } from "node:crypto";
import type { Context } from "hono";
import { toCsv } from "./csv.ts";
import { type Page, writeCursor } from "./query.ts";

/** Rows of a list and where it goes on. */
export interface Listed<Item extends object> {
  items: Item[];
  nextCursor: string | null;
}

/**
 * Cuts a list that was asked for one row more than the page has.
 *
 * @param keyOf what the cursor names
 */
export function cut<Row, Item extends object>(
  rows: readonly Row[],
  { limit }: Page,
  keyOf: (row: Row) => readonly number[],
  itemOf: (row: Row) => Item,
): Listed<Item> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const isMore = rows.length > limit && last !== undefined;
  return { items: shown.map(itemOf), nextCursor: isMore ? writeCursor(keyOf(last)) : null };
}

/** A list as JSON, or as CSV where that is asked for. The `Link` header leads to its next page. */
export function answerList<Item extends object>(context: Context, listed: Listed<Item>): Response {
  if (listed.nextCursor !== null) {
    const query = new URLSearchParams({ ...context.req.query(), cursor: listed.nextCursor });
    context.header("link", `<?${query}>; rel="next"`);
  }
  if (!wantsCsv(context)) return answer(context, listed);
  context.header("content-type", "text/csv; charset=utf-8; header=present");
  context.header("content-disposition", 'attachment; filename="meantime.csv"');
  context.header("vary", "accept");
  return context.body(toCsv(listed.items));
}

/** JSON with an entity tag: a client that has it already is spared the body. It is asked for anew each time. */
export function answer(context: Context, body: object): Response {
  const text = JSON.stringify(body);
  const tag = `"${createHash("sha256").update(text).digest("base64url").slice(0, 22)}"`;
  context.header("etag", tag);
  context.header("cache-control", "no-cache");
  context.header("vary", "accept");
  const known = context.req.header("if-none-match")?.split(",") ?? [];
  if (known.some((each) => each.trim().replace(/^W\//, "") === tag)) return context.body(null, 304);
  context.header("content-type", "application/json");
  return context.body(text);
}

function wantsCsv(context: Context): boolean {
  const format = context.req.query("format");
  if (format !== undefined) return format === "csv";
  return context.req.header("accept")?.split(",")[0]?.trim().startsWith("text/csv") ?? false;
}
