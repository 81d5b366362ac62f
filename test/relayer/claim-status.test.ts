// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type ClaimStatus, deriveStatus, type StatusFacts } from "../../relayer/src/ledger/claim-status.ts";

describe("status of a claim", () => {
  const [WINDOW, TEE, TEE_THEN_WINDOW, ZK, TEE_AND_ZK, TEE_OR_ZK] = [0, 1, 2, 3, 4, 5];
  const untouched: StatusFacts = {
    ...{ committed_at: 100, final_at: 1_000, attested_at: null },
    ...{ state: null, kinds: null, disputed_at: null, evidence_at: null, leaf_final_at: null },
  };
  const revealed = { ...untouched, state: "revealed" as const, disputed_at: 900, leaf_final_at: 1_800 };
  const proven = { ...untouched, state: "quiet" as const, kinds: 1, evidence_at: 300 };
  const attested = { ...untouched, attested_at: 200 };
  const both = { ...proven, attested_at: 200 };
  const cases: [string, StatusFacts, number, number, ClaimStatus, number | null][] = [
    ["not on chain", { ...untouched, committed_at: null, final_at: null }, WINDOW, 150, "Served", null],
    ["in its window", untouched, WINDOW, 999, "Committed", 1_000],
    ["at the end of its window", untouched, WINDOW, 1_000, "Final", 1_000],
    ["attested under window", attested, WINDOW, 500, "Attested", 1_000],
    ["attested under tee", attested, TEE, 500, "Final", 200],
    ["attested under tee then window", attested, TEE_THEN_WINDOW, 500, "Attested", 1_000],
    ["attested under zk", attested, ZK, 500, "Attested", 1_000],
    ["proven under window", proven, WINDOW, 500, "Proven", 1_000],
    ["proven under zk", proven, ZK, 500, "Final", 300],
    ["proven only, under both", proven, TEE_AND_ZK, 500, "Proven", 1_000],
    ["proven and attested, under both", both, TEE_AND_ZK, 500, "Final", 300],
    ["proven, under either", proven, TEE_OR_ZK, 500, "Final", 300],
    ["attested before it was proven, under either", both, TEE_OR_ZK, 500, "Final", 200],
    [
      "challenged after its window",
      { ...untouched, state: "challenged", disputed_at: 900 },
      WINDOW,
      1_500,
      "Challenged",
      null,
    ],
    [
      "answered after its window",
      { ...proven, state: "answered", disputed_at: 990, evidence_at: 1_200 },
      WINDOW,
      1_300,
      "Final",
      1_200,
    ],
    ["rejected", { ...untouched, state: "rejected", disputed_at: 900 }, WINDOW, 2_000, "Rejected", null],
    ["voided", { ...untouched, state: "voided", disputed_at: 900 }, WINDOW, 2_000, "Voided", null],
    ["demanded", { ...untouched, state: "demanded", disputed_at: 900 }, WINDOW, 2_000, "Challenged", null],
    ["revealed, after its batch's window", revealed, WINDOW, 1_799, "Committed", 1_800],
    ["revealed, at the end of its own window", revealed, WINDOW, 1_800, "Final", 1_800],
    ["revealed early", { ...revealed, leaf_final_at: 950 }, WINDOW, 999, "Committed", 1_000],
    ["vouched for by re-executors", { ...proven, kinds: 4 }, WINDOW, 500, "Attested", 1_000],
  ];
  for (const [what, facts, rule, now, status, finalAt] of cases) {
    it(`is ${status} when ${what}`, () => {
      assert.deepEqual(deriveStatus(facts, rule, now), { status, finalAt });
    });
  }
});
