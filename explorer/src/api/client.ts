// SPDX-License-Identifier: MIT
import type { Hex } from "@meantime/sdk/hex";
import { source } from "../state/settings.ts";
import { list, MalformedAnswer, orNull, type Reader, shape, text } from "./read.ts";

/** Why an index gave no answer that can be shown. */
export type IndexTrouble = "unreachable" | "refused" | "missing" | "malformed";

/** An index that was away, refused, had nothing, or answered something that it had not promised. */
export class IndexError extends Error {
  readonly kind: IndexTrouble;

  constructor(kind: IndexTrouble, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "IndexError";
    this.kind = kind;
  }
}

/** A page of a list. */
export interface Listed<Row> {
  items: Row[];
  nextCursor: string | null;
}

/** Filters and the cursor of a list; empty ones are left out. */
export type Query = Readonly<Record<string, string>>;

const TIMEOUT_MS = 20_000;
const MAX_ANSWER_CHARACTERS = 8_000_000;

/**
 * Asks the index for one thing, and reads it. Throws {@link IndexError}: nothing that is not of the promised shape gets
 * further into the page.
 */
export async function ask<Value>(
  path: string,
  read: Reader<Value>,
  query: Query,
  signal: AbortSignal,
): Promise<Value> {
  const json = await fetchJson(`${source.value}${path}${queryText(query)}`, signal);
  try {
    return read(json, "answer");
  } catch (cause) {
    if (cause instanceof MalformedAnswer) throw new IndexError("malformed", cause.message, cause);
    throw cause;
  }
}

/** Reads a page of a list. */
export function listed<Row>(read: Reader<Row>): Reader<Listed<Row>> {
  return shape<Listed<Row>>({ items: list(read), nextCursor: orNull(text) });
}

/** Where the same rows come as CSV. */
export function csvHref(path: string, query: Query): string {
  return `${source.value}${path}${queryText({ ...query, cursor: "", format: "csv" })}`;
}

/** An id out of the address bar; undefined for what is none. */
export function idFromPath(value: string | undefined, digits: 40 | 64): Hex | undefined {
  const lower = (value ?? "").toLowerCase();
  return new RegExp(`^0x[0-9a-f]{${digits}}$`).test(lower) ? (lower as Hex) : undefined;
}

async function fetchJson(url: string, signal: AbortSignal): Promise<unknown> {
  const answer = await reach(url, signal);
  if (answer.status === 404) throw new IndexError("missing", "The index knows no such thing.");
  if (!answer.ok) throw new IndexError("refused", `The index answers with status ${answer.status}.`);
  try {
    const body = await answer.text();
    if (body.length > MAX_ANSWER_CHARACTERS) throw new RangeError("it is too long");
    return JSON.parse(body);
  } catch (cause) {
    if (signal.aborted) throw cause;
    throw new IndexError("malformed", "The answer is no JSON.", cause);
  }
}

async function reach(url: string, signal: AbortSignal): Promise<Response> {
  try {
    const anySignal = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
    return await fetch(url, {
      signal: anySignal,
      headers: { accept: "application/json" },
      credentials: "omit",
    });
  } catch (cause) {
    if (signal.aborted) throw cause;
    throw new IndexError("unreachable", "The index does not answer.", cause);
  }
}

function queryText(query: Query): string {
  const kept = Object.entries(query).filter(([, value]) => value !== "");
  return kept.length === 0 ? "" : `?${new URLSearchParams(kept)}`;
}
