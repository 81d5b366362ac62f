// SPDX-License-Identifier: MIT
import type { Hex } from "@meantime/sdk/hex";
import type { VNode } from "preact";
import { idFromPath } from "./api/client.ts";
import { BatchesPage, BatchPage } from "./pages/batches.tsx";
import { ChallengesPage } from "./pages/challenges.tsx";
import { CheckPage } from "./pages/check.tsx";
import { ClaimPage } from "./pages/claim.tsx";
import { ClaimsPage } from "./pages/claims.tsx";
import { ModelPage, ModelsPage } from "./pages/models.tsx";
import { OperatorPage, OperatorsPage } from "./pages/operators.tsx";
import { OverviewPage } from "./pages/overview.tsx";
import { PoliciesPage, PolicyPage } from "./pages/policies.tsx";
import { RequestPage, RequestsPage } from "./pages/requests.tsx";
import { SearchPage } from "./pages/search.tsx";
import { TransactionPage } from "./pages/transaction.tsx";
import { Empty } from "./ui/conditions.tsx";

/** A page and what it is called. */
export interface NamedPage {
  title: string;
  page: VNode;
}

const LISTS: Record<string, { title: string; page: () => VNode }> = {
  "": { title: "Overview", page: () => <OverviewPage /> },
  claims: { title: "Claims", page: () => <ClaimsPage /> },
  batches: { title: "Batches", page: () => <BatchesPage /> },
  operators: { title: "Operators", page: () => <OperatorsPage /> },
  models: { title: "Models", page: () => <ModelsPage /> },
  policies: { title: "Policies", page: () => <PoliciesPage /> },
  challenges: { title: "Challenges", page: () => <ChallengesPage /> },
  requests: { title: "Requests", page: () => <RequestsPage /> },
  search: { title: "Search", page: () => <SearchPage /> },
  check: { title: "Check a file", page: () => <CheckPage /> },
};

interface Detail {
  title: string;
  /** Hexadecimal digits of its id. */
  digits: 40 | 64;
  page: (id: Hex) => VNode;
}

const DETAILS: Record<string, Detail> = {
  claims: { title: "Claim", digits: 64, page: (id) => <ClaimPage key={id} claimId={id} /> },
  batches: { title: "Batch", digits: 64, page: (id) => <BatchPage key={id} batchId={id} /> },
  operators: { title: "Operator", digits: 40, page: (id) => <OperatorPage key={id} operator={id} /> },
  models: { title: "Model", digits: 64, page: (id) => <ModelPage key={id} modelId={id} /> },
  policies: { title: "Policy", digits: 64, page: (id) => <PolicyPage key={id} policyId={id} /> },
  requests: { title: "Request", digits: 64, page: (id) => <RequestPage key={id} requestId={id} /> },
  transactions: { title: "Transaction", digits: 64, page: (id) => <TransactionPage key={id} hash={id} /> },
};

/** The page at a path. */
export function matchPage(path: string): NamedPage {
  const [section = "", named = "", more = ""] = path.split("/").slice(1);
  if (more !== "") return notFound();
  if (named === "") {
    const found = Object.hasOwn(LISTS, section) ? LISTS[section] : undefined;
    return found === undefined ? notFound() : { title: found.title, page: found.page() };
  }
  const detail = Object.hasOwn(DETAILS, section) ? DETAILS[section] : undefined;
  const id = detail && idFromPath(named, detail.digits);
  return id === undefined || detail === undefined
    ? notFound()
    : { title: `${detail.title} ${id.slice(0, 10)}`, page: detail.page(id) };
}

function notFound(): NamedPage {
  return {
    title: "Not found",
    page: (
      <>
        <h1>Not found</h1>
        <Empty title="There is no such page">
          An id is 0x and 64 hexadecimal digits, an address 0x and 40. Use the search, or the sections above.
        </Empty>
      </>
    ),
  };
}
