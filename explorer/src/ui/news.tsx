// SPDX-License-Identifier: MIT
import { chainNow } from "../state/clock.ts";
import { index } from "../state/index-about.ts";
import { connection, reorg } from "../state/live.ts";

const SHOWN_MS = 120_000;

/** What concerns everything on the page: no connection, an index that lags behind, a chain that was taken back. */
export function News() {
  const taken = reorg.value;
  // The clock's tick is what lets the notice of a reorg go.
  const isFresh = taken !== null && chainNow.value > 0 && Date.now() - taken.heardAtMs < SHOWN_MS;
  const about = index.value;
  return (
    <div class="news" aria-live="polite">
      {connection.value === "offline" && (
        <p class="notice">
          <strong>Offline.</strong> News do not arrive; what you see may be old. The page goes on trying.
        </p>
      )}
      {isFresh && (
        <p class="notice">
          <strong>The chain was reorganised</strong> from block {taken.fromBlock} on. Everything here was
          asked for again; what had happened in those blocks may happen anew, or not at all.
        </p>
      )}
      {about !== null && !about.synced && (
        <p class="notice">
          <strong>The index is catching up:</strong> it has read up to block{" "}
          {about.readUpTo ?? about.startBlock}
          {about.head !== null && ` of ${about.head.number}`}.
        </p>
      )}
    </div>
  );
}
