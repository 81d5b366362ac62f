// SPDX-License-Identifier: MIT
import { type Hex, ZERO_HASH } from "@meantime/sdk/hex";
import type { ComponentChildren } from "preact";
import { ask, type Query } from "../api/client.ts";
import { type BatchRow, batchRow, DATA_STATES, type Occurrence } from "../api/rows.ts";
import { count } from "../format.ts";
import { ticks } from "../state/live.ts";
import { useResource } from "../state/resource.ts";
import { place } from "../state/router.ts";
import { Loaded } from "../ui/conditions.tsx";
import { FullId, IdLink, ShortId } from "../ui/ids.tsx";
import { ListPage, ListView } from "../ui/list-page.tsx";
import { type Column, Properties } from "../ui/table.tsx";
import { StatusTag, Time } from "../ui/values.tsx";
import { ClaimsList } from "./claims.tsx";

const COLUMNS: Column<BatchRow>[] = [
  { title: "Batch", cell: ({ batchId }) => <IdLink kind="batches" id={batchId} /> },
  { title: "Status", cell: ({ status }) => <StatusTag status={status} /> },
  { title: "Claims", isNumber: true, cell: ({ claims }) => count(claims, "claim") },
  { title: "Committed", cell: ({ committed }) => <Time at={committed.at} /> },
  { title: "Final", cell: ({ finalAt }) => <Time at={finalAt} /> },
  { title: "Data", cell: ({ dataState }) => <DataTag state={dataState} /> },
  { title: "Operator", cell: ({ header }) => <IdLink kind="operators" id={header.operator} /> },
];
const CLAIMS_SHOWN = 50;

/** All batches, newest first. */
export function BatchesPage() {
  const { query } = place.value;
  const filter = { operator: query.get("operator") ?? "", policy: query.get("policy") ?? "" };
  return (
    <ListPage
      title="Batches"
      lead="Operators put claims onto the chain by the batch: one transaction commits to all of them."
      {...batchesOf(filter)}
    />
  );
}

/** Batches within another page. */
export function BatchesList({ query, limit }: { query: Query; limit: number }) {
  return <ListView {...batchesOf(query)} limit={limit} />;
}

/** One batch, and the claims in it. */
export function BatchPage({ batchId }: { batchId: Hex }) {
  const path = `/batches/${batchId}`;
  const found = useResource(path, (signal) => ask(path, batchRow, {}, signal), ticks.batches.value);
  return (
    <>
      <h1>Batch</h1>
      <p class="page-id">
        <FullId id={batchId} />
      </p>
      <Loaded of={found}>
        {(batch) => (
          <div class="card">
            <Properties items={itemsOf(batch)} />
          </div>
        )}
      </Loaded>
      <section aria-labelledby="claims">
        <h2 id="claims">Claims in it</h2>
        <ClaimsList query={{}} path={`${path}/claims`} limit={CLAIMS_SHOWN} />
      </section>
    </>
  );
}

function batchesOf(query: Query) {
  return {
    ...{
      path: "/batches",
      query,
      read: batchRow,
      columns: columnsFor(query),
      caption: "Batches",
      tick: ticks.batches,
    },
    keyOf: ({ batchId }: BatchRow) => batchId,
    empty: { title: "No batches here", words: "A batch appears with the transaction that commits it." },
  };
}

/** What all rows have in common needs no column. */
function columnsFor(query: Query): Column<BatchRow>[] {
  return COLUMNS.filter(({ title }) => title !== "Operator" || !query.operator);
}

function itemsOf(batch: BatchRow): [string, ComponentChildren][] {
  const { header, status, claims, finalAt, attested, released, committed, endpoint, dataError } = batch;
  return [
    ["Status", <StatusTag key="status" status={status} />],
    ["Claims", count(claims, "claim")],
    ["Operator", <FullId key="operator" kind="operators" id={header.operator} />],
    ["Policy", <FullId key="policy" kind="policies" id={header.policyId} />],
    ["Model", header.modelId === ZERO_HASH ? "mixed" : <FullId key="m" kind="models" id={header.modelId} />],
    ["Committed", <When key="committed" of={committed} />],
    ["Attested", <When key="attested" of={attested} />],
    ["Final", <Time key="final" at={finalAt} />],
    ["Bond released", <When key="released" of={released} />],
    ["Data", `${DATA_STATES[batch.dataState]}${dataError === null ? "" : ` (${dataError})`}`],
    ["Data from", endpoint ?? "nowhere announced"],
    ["Root", <FullId key="root" id={header.root} />],
    ["Data root", header.dataRoot === ZERO_HASH ? "none" : <FullId key="data" id={header.dataRoot} />],
    ["Oldest answer", <Time key="oldest" at={header.oldestServedAt} />],
    ["Nonce", header.nonce],
  ];
}

function When({ of }: { of: Occurrence | null }) {
  if (of === null) return <span class="quiet">not yet</span>;
  return (
    <>
      <Time at={of.at} />
      {of.block !== null && `, block ${of.block}`}
      {of.tx !== null && (
        <>
          , transaction <ShortId id={of.tx} />
        </>
      )}
    </>
  );
}

function DataTag({ state }: { state: BatchRow["dataState"] }) {
  const isBad = state === "withheld" || state === "mismatch";
  return (
    <span class={isBad ? "bad-word" : ""} title={DATA_STATES[state]}>
      {state}
    </span>
  );
}
