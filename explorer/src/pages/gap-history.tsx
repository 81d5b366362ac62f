// SPDX-License-Identifier: MIT
import type { Hex } from "@meantime/sdk/hex";
import { useEffect } from "preact/hooks";
import { ask } from "../api/client.ts";
import { type GapBucket, gapHistory, type Percentiles } from "../api/shapes.ts";
import { count } from "../format.ts";
import { chainNow } from "../state/clock.ts";
import { ticks } from "../state/live.ts";
import { modelNames, wantModelNames } from "../state/model-names.ts";
import { useResource } from "../state/resource.ts";
import { place, withQuery } from "../state/router.ts";
import { DurationChart } from "../ui/charts.tsx";
import { Empty, Loaded } from "../ui/conditions.tsx";
import { DataTable } from "../ui/table.tsx";
import { Duration, Time } from "../ui/values.tsx";

const KEYS = ["none", "operator", "model", "policy", "evidence"] as const;
const ENDS = {
  servedToFinal: "final",
  servedToCommitted: "committed",
  servedToEvidence: "evidence",
} as const;
const SPANS_SECONDS: Record<string, number> = { hour: 3_600, day: 86_400, month: 2_592_000 };
const DEFAULT_SPAN = "day";
const BUCKETS = 24;
const LONG_KEY = 20;

type End = keyof typeof ENDS;
type KnownBucket = GapBucket & { percentiles: Percentiles };

/** How long answers stayed unproven, as lines over time and as tables of the same numbers. */
export function GapHistory() {
  useEffect(() => void wantModelNames(), []);
  const { query } = place.value;
  const by = KEYS.find((key) => key === query.get("by")) ?? "none";
  const end = (Object.keys(ENDS) as End[]).find((one) => one === query.get("until")) ?? "servedToFinal";
  const span = Object.keys(SPANS_SECONDS).find((one) => one === query.get("span")) ?? DEFAULT_SPAN;
  const spanSeconds = SPANS_SECONDS[span] ?? 0;
  const bucketSeconds = spanSeconds / BUCKETS;
  // By whole buckets, so that the question changes once a bucket and not once a second.
  const to = (Math.floor(chainNow.value / bucketSeconds) + 1) * bucketSeconds;
  const asked = { from: String(to - spanSeconds), to: String(to), bucketSeconds: String(bucketSeconds), by };
  const found = useResource(
    `history ${JSON.stringify(asked)}`,
    (signal) => ask("/gap/history", gapHistory, asked, signal),
    ticks.batches.value,
  );
  return (
    <section aria-labelledby="history">
      <h2 id="history">How long answers stay unproven</h2>
      <div class="filters">
        <Choice name="until" label="From answer to" now={end} choices={Object.entries(ENDS)} />
        <Choice
          name="by"
          label="By"
          now={by}
          choices={KEYS.map((key) => [key, key === "none" ? "all together" : key])}
        />
        <Choice
          name="span"
          label="Last"
          now={span}
          choices={Object.keys(SPANS_SECONDS).map((one) => [one, one])}
        />
      </div>
      <Loaded of={found}>{({ buckets }) => <Charts buckets={buckets} end={end} />}</Loaded>
    </section>
  );
}

function Choice({
  name,
  label,
  now,
  choices,
}: {
  name: string;
  label: string;
  now: string;
  choices: [string, string][];
}) {
  return (
    <p class="filter">
      <span class="filter-label">{label}</span>
      {choices.map(([value, words]) => (
        <a
          key={value}
          href={withQuery({ [name]: value })}
          {...(value === now ? { "aria-current": "true" as const } : {})}
        >
          {words}
        </a>
      ))}
    </p>
  );
}

function Charts({ buckets, end }: { buckets: readonly GapBucket[]; end: End }) {
  const known = buckets.flatMap((bucket): KnownBucket[] => {
    const percentiles = bucket[end];
    return percentiles === null || bucket.claims === 0 ? [] : [{ ...bucket, percentiles }];
  });
  if (known.length === 0)
    return (
      <Empty title="No figures yet">They appear with the first claims of this time that got so far.</Empty>
    );
  const keys = [...new Set(known.map(({ key }) => key))];
  return (
    <div class="charts">
      {keys.map((key) => (
        <ChartOf
          key={key}
          of={key}
          rows={known.filter((one) => one.key === key)}
          end={end}
          isAlone={keys.length === 1}
        />
      ))}
    </div>
  );
}

function ChartOf({
  of,
  rows,
  end,
  isAlone,
}: {
  of: string | null;
  rows: readonly KnownBucket[];
  end: End;
  isAlone: boolean;
}) {
  const sorted = rows.toSorted((a, b) => a.start - b.start);
  const line = (part: keyof Percentiles) =>
    sorted.map(({ start, percentiles }) => ({ at: start, seconds: percentiles[part] }));
  const isAll = of === null || of === "" || of === "none" || of === "all";
  const name = of === null ? undefined : modelNames.value.get(of as Hex);
  const title = `From answer to ${ENDS[end]}${isAll ? "" : `: ${name ?? shortKey(of)}`}`;
  return (
    <div class="chart-of">
      <DurationChart
        title={title}
        isAlone={isAlone}
        series={[
          { name: "p50", dash: "solid", points: line("p50") },
          { name: "p95", dash: "dashed", points: line("p95") },
          { name: "p99", dash: "dotted", points: line("p99") },
        ]}
      />
      <details>
        <summary>The same as a table</summary>
        <DataTable
          caption={title}
          rows={sorted.toReversed()}
          keyOf={({ start }) => String(start)}
          columns={[
            { title: "From", cell: ({ start }) => <Time at={start} /> },
            { title: "Claims", isNumber: true, cell: ({ claims }) => count(claims, "claim") },
            {
              title: "p50",
              isNumber: true,
              cell: ({ percentiles }) => <Duration seconds={percentiles.p50} />,
            },
            {
              title: "p95",
              isNumber: true,
              cell: ({ percentiles }) => <Duration seconds={percentiles.p95} />,
            },
            {
              title: "p99",
              isNumber: true,
              cell: ({ percentiles }) => <Duration seconds={percentiles.p99} />,
            },
          ]}
        />
      </details>
    </div>
  );
}

function shortKey(key: string): string {
  return key.length > LONG_KEY ? `${key.slice(0, 10)}…${key.slice(-6)}` : key;
}
