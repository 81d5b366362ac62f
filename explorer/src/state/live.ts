// SPDX-License-Identifier: MIT
import { signal } from "@preact/signals";
import { MalformedAnswer, orNull, type Reader, shape, whole } from "../api/read.ts";
import { sawBlockAt } from "./clock.ts";
import { source } from "./settings.ts";

export type Connection = "connecting" | "live" | "offline";

/** Whether news arrive. */
export const connection = signal<Connection>("connecting");

/** The latest block that the index has seen. */
export const head = signal<{ number: number; timestamp: number } | null>(null);

/** From which block on the chain was taken back, and when the page heard of it. */
export const reorg = signal<{ fromBlock: number; heardAtMs: number } | null>(null);

/** Counts news of a kind; what depends on them is asked for again. */
export const ticks = { claims: signal(0), batches: signal(0), challenges: signal(0), heads: signal(0) };

const RETRY_MS = 4_000;

const headEvent = shape<{ number: number; timestamp: number }>({ number: whole, timestamp: whole });
const reorgEvent = shape<{ fromBlock: number | null }>({ fromBlock: orNull(whole) });

/** Listens to the index for as long as the page is open; the stream resumes where it broke off. */
export function listen(): void {
  const events = new EventSource(`${source.value}/stream`);
  const on = (name: string, take: (data: unknown) => void) =>
    events.addEventListener(name, (event) => {
      connection.value = "live";
      take(parsed(event));
    });
  events.onopen = () => {
    connection.value = "live";
    // What happened while nobody listened is asked for.
    everythingMayHaveChanged();
  };
  events.onerror = () => {
    connection.value = "offline";
    if (events.readyState === EventSource.CLOSED) setTimeout(listen, RETRY_MS);
  };
  on("head", (data) => {
    const found = readOrIgnore(headEvent, data);
    if (found === undefined) return;
    head.value = found;
    sawBlockAt(found.timestamp);
    ticks.heads.value++;
  });
  on("claim", () => ticks.claims.value++);
  on("batch", () => ticks.batches.value++);
  on("challenge", () => ticks.challenges.value++);
  on("reorg", (data) => {
    const fromBlock = readOrIgnore(reorgEvent, data)?.fromBlock ?? 0;
    reorg.value = { fromBlock, heardAtMs: Date.now() };
    everythingMayHaveChanged();
  });
  // Sent where the stream could not go on from where it broke off.
  on("reset", everythingMayHaveChanged);
}

function everythingMayHaveChanged(): void {
  for (const tick of Object.values(ticks)) tick.value++;
}

function parsed(event: Event): unknown {
  try {
    return event instanceof MessageEvent ? JSON.parse(String(event.data)) : undefined;
  } catch {
    return undefined;
  }
}

// News that make no sense are no news: the lists are asked for again with the next that does.
function readOrIgnore<Value>(read: Reader<Value>, data: unknown): Value | undefined {
  try {
    return read(data, "event");
  } catch (error) {
    if (error instanceof MalformedAnswer) return undefined;
    throw error;
  }
}
