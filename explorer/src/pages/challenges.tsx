// SPDX-License-Identifier: MIT
import { type DisputeRow, disputeRow } from "../api/rows.ts";
import { ticks } from "../state/live.ts";
import { place } from "../state/router.ts";
import { IdLink, ShortId } from "../ui/ids.tsx";
import { ListPage } from "../ui/list-page.tsx";
import type { Column } from "../ui/table.tsx";
import { Time } from "../ui/values.tsx";

const KIND_WORDS = { challenge: "challenge", demand: "demand to reveal" };

const COLUMNS: Column<DisputeRow>[] = [
  { title: "Claim", cell: (row) => <Subject row={row} /> },
  { title: "Kind", cell: ({ kind }) => KIND_WORDS[kind] },
  {
    title: "Outcome",
    cell: ({ outcome }) => <span class={outcome === "rejected" ? "bad-word" : ""}>{outcome}</span>,
  },
  { title: "Opened", cell: ({ at }) => <Time at={at} /> },
  {
    title: "Deadline or end",
    cell: ({ deadline, endedAt }) => <Time at={endedAt ?? deadline} />,
  },
  {
    title: "Opened by",
    cell: ({ opener }) => (opener === null ? <span class="quiet">unknown</span> : <ShortId id={opener} />),
  },
  {
    title: "Operator",
    cell: ({ operator }) =>
      operator === null ? <span class="quiet">unknown</span> : <IdLink kind="operators" id={operator} />,
  },
];

/** Disputes, the latest first. */
export function ChallengesPage() {
  return (
    <ListPage
      title="Challenges"
      lead="Anybody may put a bond on it that an answer is wrong, or demand to see what was asked and answered. The operator answers in time, or loses its own bond."
      path="/challenges"
      query={{ operator: place.value.query.get("operator") ?? "" }}
      read={disputeRow}
      columns={COLUMNS}
      caption="Challenges"
      tick={ticks.challenges}
      keyOf={({ batchId, index, at, kind }) => `${batchId} ${index} ${at} ${kind}`}
      empty={{ title: "No challenges", words: "Nobody has disputed an answer that is known here." }}
    />
  );
}

function Subject({ row: { claimId, batchId, index } }: { row: DisputeRow }) {
  if (claimId !== null) return <IdLink kind="claims" id={claimId} />;
  return (
    <>
      leaf {index} of <IdLink kind="batches" id={batchId} />
    </>
  );
}
