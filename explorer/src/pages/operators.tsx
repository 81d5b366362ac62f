// SPDX-License-Identifier: MIT
import type { Address } from "@meantime/sdk/hex";
import type { ComponentChildren } from "preact";
import { ask } from "../api/client.ts";
import {
  type Account,
  type OperatorAnswer,
  type OperatorRow,
  operatorAnswer,
  operatorRow,
} from "../api/rows.ts";
import { amount, count, percent, share } from "../format.ts";
import { ticks } from "../state/live.ts";
import { useResource } from "../state/resource.ts";
import { Meter } from "../ui/charts.tsx";
import { Empty, Loaded } from "../ui/conditions.tsx";
import { FullId, IdLink, ShortId } from "../ui/ids.tsx";
import { ListPage } from "../ui/list-page.tsx";
import { type Column, DataTable, Properties } from "../ui/table.tsx";
import { Time } from "../ui/values.tsx";
import { BatchesList } from "./batches.tsx";
import { ClaimsList } from "./claims.tsx";

const COLUMNS: Column<OperatorRow>[] = [
  { title: "Operator", cell: ({ operator }) => <IdLink kind="operators" id={operator} /> },
  { title: "Open", isNumber: true, cell: ({ openClaims }) => count(openClaims, "claim") },
  { title: "Committed", isNumber: true, cell: ({ claims }) => count(claims, "claim") },
  { title: "Batches", isNumber: true, cell: ({ batches }) => count(batches, "batch", "batches") },
  { title: "Last commit", cell: ({ lastCommittedAt }) => <Time at={lastCommittedAt} /> },
  { title: "Stake locked", cell: ({ accounts }) => <Stakes accounts={accounts} /> },
];
const SHOWN = 10;

/** Everybody who staked or committed. */
export function OperatorsPage() {
  return (
    <ListPage
      title="Operators"
      lead="Operators run models and put a bond behind each answer. What they staked is what they can lose."
      path="/operators"
      read={operatorRow}
      columns={COLUMNS}
      caption="Operators"
      tick={ticks.batches}
      keyOf={({ operator }) => operator}
      empty={{ title: "No operators", words: "Nobody has staked or committed yet." }}
    />
  );
}

/** One operator: what it has at stake, and its record. */
export function OperatorPage({ operator }: { operator: Address }) {
  const path = `/operators/${operator}`;
  const tick = ticks.batches.value + ticks.challenges.value;
  const found = useResource(path, (signal) => ask(path, operatorAnswer, {}, signal), tick);
  return (
    <>
      <h1>Operator</h1>
      <p class="page-id">
        <FullId id={operator} />
      </p>
      <Loaded of={found}>{(answer) => <Record of={answer} />}</Loaded>
      <section aria-labelledby="claims">
        <h2 id="claims">Latest claims</h2>
        <ClaimsList query={{ operator }} limit={SHOWN} />
        <p>
          <a href={`/claims?operator=${operator}`}>All claims of this operator</a>
        </p>
      </section>
      <section aria-labelledby="batches">
        <h2 id="batches">Latest batches</h2>
        <BatchesList query={{ operator }} limit={SHOWN} />
        <p>
          <a href={`/batches?operator=${operator}`}>All batches of this operator</a>
        </p>
      </section>
    </>
  );
}

function Record({ of: answer }: { of: OperatorAnswer }) {
  return (
    <div class="claim-columns">
      <section class="card" aria-labelledby="stakes">
        <h2 id="stakes">Stakes and keys</h2>
        {answer.accounts.length === 0 && <Empty title="No stake" />}
        <Properties items={answer.accounts.flatMap(accountItems)} />
        <DataTable
          caption="Receipt keys"
          rows={answer.receiptKeys}
          keyOf={({ key }) => key}
          columns={[
            { title: "Receipt key", cell: ({ key }) => <ShortId id={key} /> },
            { title: "From", cell: ({ validFrom }) => <Time at={validFrom} /> },
            {
              title: "Until",
              cell: ({ validUntil }) =>
                validUntil === null ? <span class="quiet">further notice</span> : <Time at={validUntil} />,
            },
          ]}
        />
      </section>
      <section class="card" aria-labelledby="record">
        <h2 id="record">Record</h2>
        <Properties items={recordItems(answer)} />
      </section>
    </div>
  );
}

function accountItems({
  token,
  stakeWei,
  lockedWei,
  unbondingWei,
  suspended,
}: Account): [string, ComponentChildren][] {
  const rest = unbondingWei > 0n ? `, ${amount(unbondingWei, token)} leaving` : "";
  return [
    ["Stake", `${amount(stakeWei, token)}${rest}${suspended ? "; suspended" : ""}`],
    [
      "Locked",
      <Meter key={token} part={share(lockedWei, stakeWei)}>
        {amount(lockedWei, token)}, {percent(share(lockedWei, stakeWei))}
      </Meter>,
    ],
  ];
}

function recordItems(answer: OperatorAnswer): [string, ComponentChildren][] {
  return [
    ["Claims", `${count(answer.claims, "claim")} in ${count(answer.batches, "batch", "batches")}`],
    ["Open", count(answer.openClaims, "claim")],
    ["Under challenge", count(answer.challenged, "claim")],
    ["Rejected", <Bad key="rejected" number={answer.rejected} of="claim" />],
    ["Voided", count(answer.voided, "claim")],
    ["Penalties", <Bad key="penalties" number={answer.penalties} of="penalty" many="penalties" />],
    ["Omissions", count(answer.omissionsReported, "report")],
    ["Two answers to one request", count(answer.equivocationsReported, "report")],
    ["Data from", answer.endpoint ?? "nowhere announced"],
    [
      "Policies accepted",
      <ul key="policies" class="plain">
        {answer.policies.map(({ policyId, acceptedAt }) => (
          <li key={policyId}>
            <IdLink kind="policies" id={policyId} /> <Time at={acceptedAt} />
          </li>
        ))}
      </ul>,
    ],
  ];
}

function Bad({ number, of, many }: { number: number; of: string; many?: string }) {
  return <span class={number > 0 ? "bad-word" : ""}>{count(number, of, many)}</span>;
}

function Stakes({ accounts }: { accounts: readonly Account[] }) {
  if (accounts.length === 0) return <span class="quiet">none</span>;
  return (
    <>
      {accounts.map(({ token, stakeWei, lockedWei }) => (
        <Meter key={token} part={share(lockedWei, stakeWei)}>
          {percent(share(lockedWei, stakeWei))} of {amount(stakeWei, token)}
        </Meter>
      ))}
    </>
  );
}
