// SPDX-License-Identifier: MIT
import { effect, signal } from "@preact/signals";
import { ask } from "../api/client.ts";
import { type About, about } from "../api/shapes.ts";
import { sawBlockAt } from "./clock.ts";
import { connection, head } from "./live.ts";

/** What the index says of itself: shown, and never believed. */
export const index = signal<About | null>(null);

/** Asks what index this is, at first and whenever the connection comes back. */
export function keepIndexKnown(): void {
  effect(() => {
    if (connection.value !== "offline") void readAbout();
  });
}

async function readAbout(): Promise<void> {
  try {
    const found = await ask("", about, {}, new AbortController().signal);
    index.value = found;
    if (found.head === null || head.peek() !== null) return;
    head.value = found.head;
    sawBlockAt(found.head.timestamp);
  } catch {
    // Whatever the page itself asks for says so where it is seen.
    index.value = null;
  }
}
