// SPDX-License-Identifier: MIT
import { type Hex, ZERO_ADDRESS } from "@meantime/sdk/hex";
import type { ComponentChildren } from "preact";
import { ask } from "../api/client.ts";
import { type RequestAnswer, type RequestRow, requestAnswer, requestRow } from "../api/rows.ts";
import { ticks } from "../state/live.ts";
import { useResource } from "../state/resource.ts";
import { Empty, Loaded } from "../ui/conditions.tsx";
import { FullId, IdLink, ModelLink, ShortId } from "../ui/ids.tsx";
import { ListPage } from "../ui/list-page.tsx";
import { type Column, DataTable, Properties } from "../ui/table.tsx";
import { Timeline } from "../ui/timeline.tsx";
import { Amount, RequestTag, Time } from "../ui/values.tsx";
import { CLAIM_COLUMNS } from "./claims.tsx";

const COLUMNS: Column<RequestRow>[] = [
  { title: "Request", cell: ({ requestId }) => <IdLink kind="requests" id={requestId} /> },
  { title: "State", cell: ({ state }) => <RequestTag state={state} /> },
  { title: "Fee", isNumber: true, cell: ({ feeWei }) => <Amount wei={feeWei} /> },
  { title: "Asked", cell: ({ requested }) => <Time at={requested.at} /> },
  { title: "Expiry", cell: ({ expiresAt }) => <Time at={expiresAt} /> },
  { title: "Model", cell: ({ modelId }) => <ModelLink id={modelId} /> },
  { title: "Requester", cell: ({ requester }) => <ShortId id={requester} /> },
];

/** Requests of contracts, the latest first. */
export function RequestsPage() {
  return (
    <ListPage
      title="Requests"
      lead="Contracts ask for answers on the chain and put a fee on them, which the operator gets once the answer has settled."
      path="/requests"
      read={requestRow}
      columns={COLUMNS}
      caption="Requests"
      tick={ticks.heads}
      keyOf={({ requestId }) => requestId}
      empty={{ title: "No requests", words: "No contract has asked for an answer yet." }}
    />
  );
}

/** One request, and the claims that answer it. */
export function RequestPage({ requestId }: { requestId: Hex }) {
  const path = `/requests/${requestId}`;
  const found = useResource(path, (signal) => ask(path, requestAnswer, {}, signal), ticks.heads.value);
  return (
    <>
      <h1>Request</h1>
      <p class="page-id">
        <FullId id={requestId} />
      </p>
      <Loaded of={found}>
        {(request) => (
          <>
            <div class="claim-columns">
              <section class="card" aria-labelledby="happened">
                <h2 id="happened">What happened</h2>
                <Timeline moments={request.timeline} since="asking" />
              </section>
              <section class="card" aria-labelledby="asked">
                <h2 id="asked">What was asked</h2>
                <Properties items={itemsOf(request)} />
              </section>
            </div>
            <section aria-labelledby="answers">
              <h2 id="answers">Claims that answer it</h2>
              {request.claims.length === 0 ? (
                <Empty title={request.state === "Open" ? "No answer yet" : noAnswer(request)} />
              ) : (
                <DataTable
                  caption="Claims that answer the request"
                  columns={CLAIM_COLUMNS}
                  rows={request.claims}
                  keyOf={({ claimId }) => claimId}
                />
              )}
            </section>
          </>
        )}
      </Loaded>
    </>
  );
}

/** An index learns claims from operators' data, which it may not have. */
function noAnswer({ answeredBy }: RequestRow): string {
  return answeredBy === null ? "Nobody answered" : "The index has not seen the claim";
}

function itemsOf(request: RequestAnswer): [string, ComponentChildren][] {
  const { operator, minStatus, answeredBy, outputHash, state } = request;
  const nobody = state === "Open" ? "nobody yet" : "nobody";
  return [
    ["State", <StateOf key="state" request={request} />],
    ["Requester", <FullId key="requester" id={request.requester} />],
    ["Model", <FullId key="model" kind="models" id={request.modelId} />],
    ["Policy", <FullId key="policy" kind="policies" id={request.policyId} />],
    ["Operator", operator === ZERO_ADDRESS ? "any" : <FullId key="o" kind="operators" id={operator} />],
    ["Answered by", answeredBy === null ? nobody : <FullId key="a" kind="operators" id={answeredBy} />],
    ["Input's hash", <FullId key="input" id={request.inputHash} />],
    [
      "Output's hash",
      outputHash === null ? state === "Open" ? "none yet" : "none" : <FullId key="output" id={outputHash} />,
    ],
    ["Fee", <Amount key="fee" wei={request.feeWei} />],
    ["Least status", minStatus ?? "unknown"],
    ["Expiry", <Time key="expires" at={request.expiresAt} />],
  ];
}

function StateOf({ request: { state, callbackFailed } }: { request: RequestRow }) {
  return (
    <>
      <RequestTag state={state} />
      {callbackFailed && <span class="quiet"> · the contract refused the callback</span>}
    </>
  );
}
