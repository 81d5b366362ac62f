// SPDX-License-Identifier: MIT
import type { Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { ask, csvHref, type Listed, listed, type Query } from "../api/client.ts";
import type { Reader } from "../api/read.ts";
import { useResource } from "../state/resource.ts";
import { place, withQuery } from "../state/router.ts";
import { Empty, Loaded } from "./conditions.tsx";
import { type Column, DataTable } from "./table.tsx";

/** A list of the index: what is asked for, and how it is shown. */
export interface ListOf<Row> {
  path: string;
  query?: Query;
  read: Reader<Row>;
  columns: Column<Row>[];
  keyOf: (row: Row) => string;
  caption: string;
  /** What changes whenever there is news of it. */
  tick: Signal<number>;
  empty: { title: string; words: ComponentChildren };
  /** Rows at a time. */
  limit?: number;
}

const LIMIT = 25;

/** A list with its pages; the cursor stands in the address, so that a page can be linked to. */
export function ListView<Row>({
  path,
  query = {},
  read,
  columns,
  keyOf,
  caption,
  tick,
  empty,
  limit = LIMIT,
}: ListOf<Row>) {
  const cursor = place.value.query.get("cursor") ?? "";
  const asked = { ...query, cursor, limit: String(limit) };
  const key = `${path} ${JSON.stringify(asked)}`;
  // Only the newest page changes under the reader's eyes.
  const found = useResource<Listed<Row>>(
    key,
    (signal) => ask(path, listed(read), asked, signal),
    cursor === "" ? tick.value : 0,
  );
  return (
    <Loaded of={found} rows={8}>
      {({ items, nextCursor }) =>
        items.length === 0 && cursor === "" ? (
          <Empty title={empty.title}>{empty.words}</Empty>
        ) : (
          <>
            <DataTable caption={caption} columns={columns} rows={items} keyOf={keyOf} />
            <nav class="pager" aria-label={`Pages of ${caption.toLowerCase()}`}>
              {cursor !== "" && <a href={withQuery({ cursor: "" })}>Newest</a>}
              {nextCursor !== null && <a href={withQuery({ cursor: nextCursor })}>Older</a>}
              <a class="csv" href={csvHref(path, query)} data-leaves download>
                CSV
              </a>
            </nav>
          </>
        )
      }
    </Loaded>
  );
}

/** A page of one list. */
export function ListPage<Row>({
  title,
  lead,
  filters,
  ...list
}: ListOf<Row> & { title: string; lead: string; filters?: ComponentChildren }) {
  return (
    <>
      <h1>{title}</h1>
      <p class="lead">{lead}</p>
      {filters}
      <ListView {...list} />
    </>
  );
}

/** A choice among words, kept in the address. */
export function ChoiceFilter({
  name,
  label,
  choices,
}: {
  name: string;
  label: string;
  choices: readonly string[];
}) {
  const now = place.value.query.get(name) ?? "";
  return (
    <p class="filter">
      <span class="filter-label">{label}</span>
      {["", ...choices].map((choice) => (
        <a
          key={choice}
          href={withQuery({ [name]: choice, cursor: "" })}
          {...(choice === now ? { "aria-current": "true" as const } : {})}
        >
          {choice === "" ? "all" : choice}
        </a>
      ))}
    </p>
  );
}
