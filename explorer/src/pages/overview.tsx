// SPDX-License-Identifier: MIT
import { ask } from "../api/client.ts";
import { type Gap, gap, type OperatorGap } from "../api/shapes.ts";
import { amount, count, duration, percent, share } from "../format.ts";
import { chainNow } from "../state/clock.ts";
import { ticks } from "../state/live.ts";
import { useResource } from "../state/resource.ts";
import { STATED_STATUSES } from "../status.ts";
import { Meter, PartsBar } from "../ui/charts.tsx";
import { Empty, Loaded } from "../ui/conditions.tsx";
import { IdLink } from "../ui/ids.tsx";
import { DataTable } from "../ui/table.tsx";
import { Amount, Time } from "../ui/values.tsx";
import { ClaimsList } from "./claims.tsx";
import { GapHistory } from "./gap-history.tsx";

const LATEST = 8;

/** The trust gap now, how it was, and the latest claims. */
export function OverviewPage() {
  const tick = ticks.claims.value + ticks.batches.value + ticks.heads.value;
  const now = useResource("gap", (signal) => ask("/gap", gap, {}, signal), tick);
  return (
    <>
      <h1>The trust gap</h1>
      <Loaded of={now}>{(found) => <GapNow found={found} />}</Loaded>
      <section aria-labelledby="latest">
        <h2 id="latest">Latest claims</h2>
        <ClaimsList query={{}} limit={LATEST} />
      </section>
      <GapHistory />
    </>
  );
}

function GapNow({ found }: { found: Gap }) {
  const { open, byOperator, byStatus } = found;
  const parts = STATED_STATUSES.map((status) => ({
    name: status,
    className: `fill-${status.toLowerCase()}`,
    value: byStatus.get(status) ?? 0,
    text: (byStatus.get(status) ?? 0).toLocaleString("en"),
  }));
  const { oldestServedAt } = open;
  return (
    <>
      <p class="lead">{leadOf(found)}</p>
      <ul class="figures">
        <Figure name="Open claims" value={open.claims.toLocaleString("en")} note="answered and not final" />
        {open.exposure.map(({ token, wei, stakeWei }) => (
          <Figure
            key={token}
            name="Bonded exposure"
            value={amount(wei, token)}
            note={`${percent(share(wei, stakeWei))} of ${amount(stakeWei, token)} staked`}
          />
        ))}
        <Figure
          name="Oldest open claim"
          value={oldestServedAt === null ? "none" : duration(chainNow.value - oldestServedAt)}
          note={oldestServedAt === null ? "nothing is waiting" : "since it was answered"}
        />
      </ul>
      <section aria-labelledby="by-status">
        <h2 id="by-status">Claims by status</h2>
        {parts.every(({ value }) => value === 0) ? (
          <Empty title="No claims yet">They appear here as soon as an operator has answered something.</Empty>
        ) : (
          <PartsBar label="Claims by status" parts={parts} />
        )}
      </section>
      <section aria-labelledby="by-operator">
        <h2 id="by-operator">Exposure against stake</h2>
        {byOperator.length === 0 ? (
          <Empty title="No operators yet">An operator appears here with its first stake or batch.</Empty>
        ) : (
          <Exposure rows={byOperator} />
        )}
      </section>
    </>
  );
}

function leadOf({ open }: Gap): string {
  if (open.claims === 0) return "Every answer that is known here is settled. Nothing is open.";
  const bonds = open.exposure.filter(({ wei }) => wei > 0n).map(({ wei, token }) => amount(wei, token));
  const isOne = open.claims === 1;
  const answers = isOne ? "1 answer is" : `${open.claims.toLocaleString("en")} answers are`;
  const them = isOne ? "it" : "them";
  const behind =
    bonds.length === 0
      ? `No bond stands behind ${them} yet.`
      : `Bonds of ${bonds.join(" and ")} stand behind ${them}.`;
  return `${answers} in use without being final. ${behind}`;
}

function Figure({ name, value, note }: { name: string; value: string; note: string }) {
  return (
    <li>
      <span class="figure-name">{name}</span>
      <span class="figure-value">{value}</span>
      <span class="figure-note">{note}</span>
    </li>
  );
}

function Exposure({ rows }: { rows: readonly OperatorGap[] }) {
  return (
    <DataTable
      caption="Exposure of operators against their stake"
      rows={rows}
      keyOf={({ operator, token }) => operator + token}
      columns={[
        { title: "Operator", cell: ({ operator }) => <IdLink kind="operators" id={operator} /> },
        { title: "Open", isNumber: true, cell: ({ openClaims }) => count(openClaims, "claim") },
        { title: "Oldest", cell: ({ oldestServedAt }) => <Time at={oldestServedAt} /> },
        {
          title: "Exposure",
          isNumber: true,
          cell: ({ exposureWei, token }) => <Amount wei={exposureWei} token={token} />,
        },
        {
          title: "Stake locked",
          cell: ({ lockedWei, stakeWei, token }) => (
            <Meter part={share(lockedWei, stakeWei)}>
              {percent(share(lockedWei, stakeWei))} of {amount(stakeWei, token)}
            </Meter>
          ),
        },
      ]}
    />
  );
}
