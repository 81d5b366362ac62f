// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EVIDENCE_KINDS, EVIDENCE_RULES } from "@meantime/sdk/policy";
import type { LeafFacts } from "../../relayer/src/chain/claim-standing.ts";
import { byClock, type ClaimFacts, standingOfClaim } from "../../relayer/src/chain/claim-standing.ts";
import { type ClaimStatus, deriveStatus, UNTOUCHED } from "../../relayer/src/ledger/claim-status.ts";

const { zk, tee, quorum } = EVIDENCE_KINDS;
const COMMITTED_AT = 100;
const BATCH_FINAL_AT = 1_000;

type Change = Partial<Omit<ClaimFacts, "leaf"> & LeafFacts>;

describe("status of a claim", () => {
  const revealed: Change = { state: "Revealed", openUntil: 1_800, changedAt: 900 };
  const proven: Change = { kinds: zk, changedAt: 300 };
  const attested: Change = { attestedAt: 200 };
  const both: Change = { ...proven, ...attested };
  const cases: [string, Change, keyof typeof EVIDENCE_RULES, number, ClaimStatus, number | null][] = [
    ["in its window", {}, "window", 999, "Committed", 1_000],
    ["at the end of its window", {}, "window", 1_000, "Final", 1_000],
    ["attested under window", attested, "window", 500, "Attested", 1_000],
    ["attested under tee", attested, "tee", 500, "Final", 200],
    ["attested under tee then window", attested, "teeThenWindow", 500, "Attested", 1_000],
    ["attested under zk", attested, "zk", 500, "Attested", 1_000],
    ["proven under window", proven, "window", 500, "Proven", 1_000],
    ["proven under zk", proven, "zk", 500, "Final", 300],
    ["attested before it was proven, under zk", both, "zk", 500, "Final", 300],
    ["proven before it was attested, under tee", { ...proven, attestedAt: 400 }, "tee", 500, "Final", 400],
    ["proven only, under both", proven, "teeAndZk", 500, "Proven", 1_000],
    ["attested, then proven, under both", both, "teeAndZk", 500, "Final", 300],
    ["proven, then attested, under both", { ...proven, attestedAt: 400 }, "teeAndZk", 500, "Final", 400],
    [
      "final by evidence of its own before its batch was attested, under both",
      { kinds: zk | tee, changedAt: 300, attestedAt: 400 },
      ...(["teeAndZk", 500, "Final", 300] as const),
    ],
    ["proven, under either", proven, "teeOrZk", 500, "Final", 300],
    ["vouched for by re-executors", { ...proven, kinds: quorum }, "window", 500, "Attested", 1_000],
    [
      "vouched for by re-executors before its batch was attested, under either",
      { kinds: quorum, changedAt: 300, attestedAt: 400 },
      ...(["teeOrZk", 500, "Final", 400] as const),
    ],
    [
      "challenged after its window",
      { state: "Challenged", changedAt: 900 },
      ...(["window", 1_500, "Challenged", null] as const),
    ],
    [
      "answered after its window",
      { ...proven, state: "Answered", changedAt: 1_200 },
      ...(["window", 1_300, "Final", 1_200] as const),
    ],
    [
      "answered after its batch was attested meanwhile, under tee",
      { ...proven, ...attested, state: "Answered" },
      ...(["tee", 400, "Final", 300] as const),
    ],
    ["rejected", { state: "Rejected", changedAt: 900 }, "window", 2_000, "Rejected", null],
    ["voided", { state: "Voided", changedAt: 900 }, "window", 2_000, "Voided", null],
    ["demanded", { state: "Demanded", changedAt: 900 }, "window", 2_000, "Challenged", null],
    ["revealed, after its batch's window", revealed, "window", 1_799, "Committed", 1_800],
    ["revealed, at the end of its own window", revealed, "window", 1_800, "Final", 1_800],
    ["revealed early", { ...revealed, openUntil: 950 }, "window", 999, "Committed", 1_000],
    ["revealed unasked", { ...revealed, openUntil: null }, "window", 1_000, "Final", 1_000],
    [
      "revealed after its batch was attested meanwhile, under tee",
      { ...revealed, ...attested },
      ...(["tee", 950, "Final", 900] as const),
    ],
    [
      "proven after its batch's window and before its own, under window",
      { ...proven, openUntil: 1_800, changedAt: 1_200 },
      ...(["window", 1_300, "Final", 1_200] as const),
    ],
  ];
  for (const [what, change, rule, now, status, finalAt] of cases) {
    it(`is ${status} when ${what}`, () => {
      const resting = standingOfClaim(factsOf(change, EVIDENCE_RULES[rule]));
      assert.deepEqual([byClock(resting, now), resting.finalAt], [status, finalAt]);
    });
  }

  it("is read off a row of the ledger: served until it is committed, then as its leaf says", () => {
    const batch = { committed_at: COMMITTED_AT, final_at: BATCH_FINAL_AT, attested_at: null };
    const served = { ...batch, ...UNTOUCHED, committed_at: null, final_at: null };
    assert.deepEqual(deriveStatus(served, 0, 2_000), { status: "Served", finalAt: null });
    assert.deepEqual(deriveStatus({ ...batch, ...UNTOUCHED }, 0, 999), {
      ...{ status: "Committed", finalAt: 1_000 },
    });
    const leaf = { state: "revealed", kinds: quorum, leaf_final_at: 1_800, changed_at: 900 } as const;
    assert.deepEqual(deriveStatus({ ...batch, ...leaf }, 0, 1_700), { status: "Attested", finalAt: 1_800 });
  });
});

/** Of a leaf, where something of it is given. */
function factsOf({ attestedAt = null, batchFinalAt = BATCH_FINAL_AT, ...own }: Change, rule: number) {
  const leaf: LeafFacts = { state: "Quiet", kinds: 0, openUntil: null, changedAt: 0, ...own };
  const facts: ClaimFacts = {
    ...{ rule, batchFinalAt, attestedAt },
    leaf: Object.keys(own).length > 0 ? leaf : null,
  };
  return facts;
}
