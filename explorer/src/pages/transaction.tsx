// SPDX-License-Identifier: MIT
import type { Hex } from "@meantime/sdk/hex";
import { type EventRow, eventRow } from "../api/rows.ts";
import { ticks } from "../state/live.ts";
import { FullId, type IdKind } from "../ui/ids.tsx";
import { ListView } from "../ui/list-page.tsx";
import type { Column } from "../ui/table.tsx";
import { Time } from "../ui/values.tsx";

/** Where arguments of these names lead. */
const LINKS: Record<string, IdKind> = {
  claimId: "claims",
  batchId: "batches",
  operator: "operators",
  modelId: "models",
  policyId: "policies",
  requestId: "requests",
};

const COLUMNS: Column<EventRow>[] = [
  { title: "Event", cell: ({ name }) => name },
  { title: "Contract", cell: ({ contract }) => contract },
  { title: "When", cell: ({ at }) => <Time at={at} /> },
  { title: "Block", isNumber: true, cell: ({ block }) => String(block) },
  { title: "Arguments", cell: (row) => <Arguments row={row} /> },
];

/** What one transaction did. */
export function TransactionPage({ hash }: { hash: Hex }) {
  return (
    <>
      <h1>Transaction</h1>
      <p class="page-id">
        <FullId id={hash} />
      </p>
      <ListView
        path="/events"
        query={{ tx: hash }}
        read={eventRow}
        columns={COLUMNS}
        caption="Events of the transaction"
        tick={ticks.heads}
        keyOf={({ block, logIndex }) => `${block} ${logIndex}`}
        empty={{ title: "No events", words: "The index knows of nothing that this transaction did." }}
      />
    </>
  );
}

function Arguments({ row }: { row: EventRow }) {
  return (
    <dl class="step-facts">
      {[...row.arguments].map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            <Argument name={name} value={value} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Argument({ name, value }: { name: string; value: string }) {
  const section = Object.hasOwn(LINKS, name) ? LINKS[name] : undefined;
  const isId = /^0x([0-9a-f]{40}|[0-9a-f]{64})$/i.test(value);
  if (section === undefined || !isId) return <span>{value}</span>;
  return <a href={`/${section}/${value.toLowerCase()}`}>{value}</a>;
}
