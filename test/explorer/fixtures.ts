// SPDX-License-Identifier: MIT
import type { BrowserContext, Route } from "playwright-core";

/** What an index answers, by path; a function answers anew each time. */
export type IndexAnswers = Record<string, unknown>;

export const OPERATOR = `0x${"0a".repeat(20)}`;
export const SETTLEMENT = `0x${"5e".repeat(20)}`;

const EMPTY_LIST = { items: [], nextCursor: null };

/** An index of a chain on which nothing has happened. */
export const EMPTY_INDEX: IndexAnswers = {
  "": {
    chainId: 31337,
    settlement: SETTLEMENT,
    startBlock: 0,
    head: { number: 12, hash: `0x${"ab".repeat(32)}`, timestamp: 1_700_000_000 },
    readUpTo: 12,
    synced: true,
  },
  "/gap": {
    at: 1_700_000_000,
    open: { claims: 0, exposure: [], oldestServedAt: null },
    byOperator: [],
    byStatus: {},
  },
  "/gap/history": { buckets: [] },
  "/claims": EMPTY_LIST,
  "/batches": EMPTY_LIST,
  "/operators": EMPTY_LIST,
  "/models": EMPTY_LIST,
  "/policies": EMPTY_LIST,
  "/challenges": EMPTY_LIST,
  "/requests": EMPTY_LIST,
};

/** Answers a browser's questions to its index from fixtures; `events` is what the stream says. */
export async function answerIndex(
  context: BrowserContext,
  answers: IndexAnswers,
  events = "",
): Promise<void> {
  await context.route(
    (url) => url.pathname.startsWith("/index/v1"),
    (route) => fulfil(route, answers, events),
  );
}

async function fulfil(route: Route, answers: IndexAnswers, events: string): Promise<void> {
  const path = new URL(route.request().url()).pathname.slice("/index/v1".length);
  if (path === "/stream") {
    await route.fulfill({ contentType: "text/event-stream", body: `retry: 60000\n\n${events}` });
    return;
  }
  const answer = answers[path];
  if (answer === undefined) await route.fulfill({ status: 404, json: { error: { message: "none" } } });
  else await route.fulfill({ json: answer });
}
