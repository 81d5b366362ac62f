// SPDX-License-Identifier: MIT
import type { Query } from "../api/client.ts";
import { type ClaimRow, claimRow } from "../api/rows.ts";
import { ticks } from "../state/live.ts";
import { place } from "../state/router.ts";
import { STATED_STATUSES } from "../status.ts";
import { IdLink, ModelLink } from "../ui/ids.tsx";
import { ChoiceFilter, ListPage, ListView } from "../ui/list-page.tsx";
import type { Column } from "../ui/table.tsx";
import { StatusTag, Time } from "../ui/values.tsx";
import { kindsInWords } from "./kinds.ts";

/** A claim in a row. */
export const CLAIM_COLUMNS: Column<ClaimRow>[] = [
  { title: "Claim", cell: ({ claimId }) => <IdLink kind="claims" id={claimId} /> },
  { title: "Status", cell: ({ status }) => <StatusTag status={status} /> },
  { title: "Served", cell: ({ servedAt }) => <Time at={servedAt} /> },
  { title: "Operator", cell: ({ operator }) => <IdLink kind="operators" id={operator} /> },
  { title: "Model", cell: ({ modelId }) => <ModelLink id={modelId} /> },
  { title: "Evidence", cell: ({ evidence }) => kindsInWords(evidence) },
  { title: "Policy", cell: ({ policyId }) => <IdLink kind="policies" id={policyId} /> },
];
const FILTERS = ["operator", "model", "policy", "requester", "status"];

/** All claims, newest first; filters stand in the address. */
export function ClaimsPage() {
  const query = Object.fromEntries(FILTERS.map((name) => [name, place.value.query.get(name) ?? ""]));
  return (
    <ListPage
      title="Claims"
      lead="Each is one answer of a model, and what its operator promised about it."
      filters={<ChoiceFilter name="status" label="Status" choices={STATED_STATUSES} />}
      {...claimsOf(query)}
    />
  );
}

/** Claims within another page. */
export function ClaimsList({ query, limit, path }: { query: Query; limit: number; path?: string }) {
  return <ListView {...claimsOf(query, path)} limit={limit} />;
}

function claimsOf(query: Query, path = "/claims") {
  return {
    ...{ path, query, read: claimRow, columns: columnsFor(query), caption: "Claims", tick: ticks.claims },
    keyOf: ({ claimId }: ClaimRow) => claimId,
    empty: { title: "No claims here", words: "They appear as soon as an operator has answered something." },
  };
}

/** What all rows have in common needs no column. */
function columnsFor(query: Query): Column<ClaimRow>[] {
  return CLAIM_COLUMNS.filter(({ title }) => !query[title.toLowerCase()] || title === "Status");
}
