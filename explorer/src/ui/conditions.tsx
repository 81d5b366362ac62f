// SPDX-License-Identifier: MIT
import type { ComponentChildren } from "preact";
import { IndexError, type IndexTrouble } from "../api/client.ts";
import type { Resource } from "../state/resource.ts";
import { source } from "../state/settings.ts";

const TROUBLES: Record<IndexTrouble, { title: string; advice: string }> = {
  unreachable: {
    title: "The index does not answer",
    advice: "It may be restarting, or your connection is down. What you saw before stays as it was.",
  },
  refused: {
    title: "The index refuses to answer",
    advice: "Try again in a while; its operator's log says why.",
  },
  missing: {
    title: "There is no such thing here",
    advice: "The index may not have read so far yet, or the id is of another chain.",
  },
  malformed: {
    title: "The index answers nonsense",
    advice:
      "What came is not what an index may answer, so nothing of it is shown. Ask another index, or another version.",
  },
};

/** What was asked for once it is there; before that, and when it does not come, what is known of that. */
export function Loaded<Value>({
  of,
  children,
  rows = 4,
}: {
  of: Resource<Value>;
  children: (value: Value) => ComponentChildren;
  rows?: number;
}) {
  if (of.value === undefined) {
    return of.error === undefined ? <Waiting rows={rows} /> : <Trouble error={of.error} reload={of.reload} />;
  }
  return (
    <>
      {of.error !== undefined && <Stale error={of.error} reload={of.reload} />}
      {children(of.value)}
    </>
  );
}

/** Nothing to show, and why that is no fault. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <svg viewBox="0 0 64 32" aria-hidden="true">
        <rect x="2" y="8" width="16" height="16" rx="3" />
        <rect x="46" y="8" width="16" height="16" rx="3" />
        <path d="M24 16h16" />
      </svg>
      <p class="empty-title">{title}</p>
      {children !== undefined && <p class="quiet">{children}</p>}
    </div>
  );
}

function Waiting({ rows }: { rows: number }) {
  return (
    <div class="waiting" role="status">
      <span class="sr">Loading</span>
      {Array.from({ length: rows }, (_, at) => (
        <div key={at} class="waiting-row" />
      ))}
    </div>
  );
}

function Trouble({ error, reload }: { error: Error; reload: () => void }) {
  const { title, advice } = TROUBLES[kindOf(error)];
  return (
    <div class="trouble" role="alert">
      <h2>{title}</h2>
      <p>{advice}</p>
      <p class="quiet">
        {error.message} Asked: <code>{source.value}</code>
      </p>
      <button type="button" onClick={reload}>
        Try again
      </button>
    </div>
  );
}

function Stale({ error, reload }: { error: Error; reload: () => void }) {
  return (
    <div class="stale" role="status">
      <span>{TROUBLES[kindOf(error)].title}: this is what it said last.</span>
      <button type="button" onClick={reload}>
        Try again
      </button>
    </div>
  );
}

function kindOf(error: Error): IndexTrouble {
  return error instanceof IndexError ? error.kind : "malformed";
}
