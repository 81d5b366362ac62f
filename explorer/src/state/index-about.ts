// SPDX-License-Identifier: MIT
import { effect, signal } from "@preact/signals";
import { ask } from "../api/client.ts";
import { type About, about } from "../api/shapes.ts";
import { sawBlockAt } from "./clock.ts";
import { connection, head } from "./live.ts";

/** What the index says of itself: shown, and never believed. */
export const index = signal<About | null>(null);

const CATCH_UP_MS = 2_000;

let timer: ReturnType<typeof setTimeout> | undefined;

/** Asks what index this is: at first, whenever the connection comes back, and while it catches up. */
export function keepIndexKnown(): void {
  effect(() => {
    if (connection.value !== "offline") void readAbout();
  });
}

async function readAbout(): Promise<void> {
  clearTimeout(timer);
  try {
    const found = await ask("", about, {}, new AbortController().signal);
    index.value = found;
    if (!found.synced) timer = setTimeout(readAbout, CATCH_UP_MS);
    if (found.head === null || head.peek() !== null) return;
    head.value = found.head;
    sawBlockAt(found.head.timestamp);
  } catch {
    // Whatever the page itself asks for says so where it is seen.
    index.value = null;
  }
}
