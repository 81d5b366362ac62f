// SPDX-License-Identifier: MIT
import { type Hex, ZERO_ADDRESS } from "@meantime/sdk/hex";
import type { ComponentChildren } from "preact";
import { ask } from "../api/client.ts";
import { type PolicyRow, policyRow } from "../api/rows.ts";
import { amount, count, duration, percent } from "../format.ts";
import { ticks } from "../state/live.ts";
import { useResource } from "../state/resource.ts";
import { Loaded } from "../ui/conditions.tsx";
import { FullId, IdLink } from "../ui/ids.tsx";
import { ListPage } from "../ui/list-page.tsx";
import { type Column, Properties } from "../ui/table.tsx";
import { Time } from "../ui/values.tsx";
import { ClaimsList } from "./claims.tsx";
import { kindsInWords } from "./kinds.ts";

/** What makes a claim final before its window ends, by the rule's name. */
const RULE_WORDS: Record<string, string> = {
  window: "nothing but the clock",
  tee: "an enclave's signature, at once",
  teeThenWindow: "an enclave's signature, after a shorter window",
  zk: "a zero-knowledge proof, at once",
  teeAndZk: "an enclave's signature and a proof, at once",
  teeOrZk: "an enclave's signature or a proof, at once",
};
const WHOLE_BPS = 10_000;
const SHOWN = 10;

const COLUMNS: Column<PolicyRow>[] = [
  { title: "Policy", cell: ({ policyId }) => <IdLink kind="policies" id={policyId} /> },
  { title: "Final early by", cell: ({ terms }) => ruleInWords(terms.ruleName) },
  { title: "Window", isNumber: true, cell: ({ terms }) => duration(terms.challengeWindowSeconds) },
  {
    title: "Bond for a claim",
    isNumber: true,
    cell: ({ terms }) => amount(terms.claimBondWei, terms.bondToken),
  },
  { title: "Data", cell: ({ terms }) => (terms.publicData ? "public" : "private") },
  { title: "Claims", isNumber: true, cell: ({ claims }) => count(claims, "claim") },
];

/** All policies, the latest first. */
export function PoliciesPage() {
  return (
    <ListPage
      title="Policies"
      lead="A policy says what has to happen before an answer is final, and what whoever is wrong loses. Its id is the hash of its terms: they never change."
      path="/policies"
      read={policyRow}
      columns={COLUMNS}
      caption="Policies"
      tick={ticks.batches}
      keyOf={({ policyId }) => policyId}
      empty={{ title: "No policies", words: "A policy appears once it is registered." }}
    />
  );
}

/** One policy, and claims under it. */
export function PolicyPage({ policyId }: { policyId: Hex }) {
  const path = `/policies/${policyId}`;
  const found = useResource(path, (signal) => ask(path, policyRow, {}, signal), ticks.batches.value);
  return (
    <>
      <h1>Policy</h1>
      <p class="page-id">
        <FullId id={policyId} />
      </p>
      <Loaded of={found}>
        {(policy) => (
          <div class="card">
            <Properties items={itemsOf(policy)} />
          </div>
        )}
      </Loaded>
      <section aria-labelledby="claims">
        <h2 id="claims">Latest claims</h2>
        <ClaimsList query={{ policy: policyId }} limit={SHOWN} />
        <p>
          <a href={`/claims?policy=${policyId}`}>All claims under this policy</a>
        </p>
      </section>
    </>
  );
}

function itemsOf({
  terms,
  answeredBy,
  claims,
  batches,
  closedAt,
  registered,
}: PolicyRow): [string, ComponentChildren][] {
  const part = (bps: number) => percent(bps / WHOLE_BPS);
  const burnt = WHOLE_BPS - terms.challengerBps - terms.requesterBps;
  const contract = (address: Hex) => (address === ZERO_ADDRESS ? "none" : <FullId id={address} />);
  return [
    ["Final early by", ruleInWords(terms.ruleName)],
    ["Challenge window", duration(terms.challengeWindowSeconds)],
    ["After an attestation", duration(terms.attestedWindowSeconds)],
    ["Time to answer", duration(terms.proveWindowSeconds)],
    ["Challenges are answered by", kindsInWords(answeredBy)],
    ["Bond for a claim", amount(terms.claimBondWei, terms.bondToken)],
    ["Bond for a challenge", amount(terms.challengeBondWei, terms.bondToken)],
    [
      "A lost bond goes to",
      `challenger ${part(terms.challengerBps)}, requester ${part(terms.requesterBps)}, burnt ${part(burnt)}`,
    ],
    ["Input and output", terms.publicData ? "public" : "private"],
    ["Proofs judged by", contract(terms.zkEvidence)],
    ["Enclaves judged by", contract(terms.teeEvidence)],
    ["Re-executors judged by", contract(terms.quorumEvidence)],
    ["Claims", `${count(claims, "claim")} in ${count(batches, "batch", "batches")}`],
    ["Registered", <Time key="registered" at={registered.at} />],
    ["Closed", closedAt === null ? "no" : <Time key="closed" at={closedAt} />],
  ];
}

function ruleInWords(name: string | null): string {
  return (
    (name !== null && Object.hasOwn(RULE_WORDS, name) ? RULE_WORDS[name] : undefined) ?? "an unknown rule"
  );
}
