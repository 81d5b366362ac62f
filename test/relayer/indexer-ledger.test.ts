// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import type { Hex } from "@meantime/sdk/hex";
import fc from "fast-check";
import { groupClaims } from "../../relayer/src/indexer/groups.ts";
import { replayIndex } from "../../relayer/src/indexer/replay.ts";
import type { ChainEvent } from "../../relayer/src/ledger/chain-facts.ts";
import { rollBack } from "../../relayer/src/ledger/chain-facts.ts";
import { type Ledger, openLedger } from "../../relayer/src/ledger/ledger.ts";
import { TEST_DATABASES } from "./databases.ts";
import type { ListAnswer } from "./index-client.ts";
import { claimsFacts, type IndexedStatus } from "./index-facts.ts";
import {
  addressOf,
  type BuiltBatch,
  buildBatch,
  commitOf,
  EPOCH,
  eventAt,
  follow,
  idOf,
  indexApi,
  policyEvent,
  storeBatch,
  timeOf,
} from "./index-ledger.ts";

const OPERATORS = [addressOf(1), addressOf(2)];
const REQUESTERS = [addressOf(11), addressOf(12)];
const MODELS = [idOf(21), idOf(22)];
/** One policy for every rule. */
const POLICIES = [0, 1, 2, 3, 4, 5].map((rule) => ({ rule, id: idOf(30 + rule) }));
const WINDOW_SECONDS = 200;
const FIRST_BLOCK = 10;
const STATUSES = ["Committed", "Attested", "Proven", "Final", "Challenged", "Rejected", "Voided"] as const;

interface History {
  events: ChainEvent[];
  commits: { built: BuiltBatch; block: number; log: number }[];
}

/** Batches, and what happens to them: not all of it as a contract would let it, but each event as it can come. */
const histories = fc
  .record({
    batches: fc.array(
      fc.record({
        operator: fc.constantFrom(...OPERATORS),
        policy: fc.constantFrom(...POLICIES),
        mixed: fc.boolean(),
        served: fc.array(
          fc.record({
            ago: fc.integer({ min: 0, max: 40 }),
            requester: fc.constantFrom(...REQUESTERS),
            model: fc.constantFrom(...MODELS),
          }),
          { minLength: 1, maxLength: 5 },
        ),
      }),
      { minLength: 1, maxLength: 8 },
    ),
    happenings: fc.array(
      fc.record({
        batch: fc.nat(7),
        leaf: fc.nat(4),
        name: fc.constantFrom(
          ...["BatchAttested", "BatchReopened", "ChallengeWindowLengthened", "BatchReleased"],
          ...["ClaimChallenged", "RevealDemanded", "EvidenceAccepted", "ClaimRevealed", "ClaimReopened"],
          ...["ClaimRejected", "ClaimVoided", "DeadlineLengthened"],
        ),
        kind: fc.constantFrom(1, 2, 4),
      }),
      { maxLength: 25 },
    ),
  })
  .map(({ batches, happenings }): History => {
    const events: ChainEvent[] = POLICIES.map(({ rule, id }, at) => policyEvent(1, at, id, { rule }));
    const commits = batches.map(({ operator, policy, mixed, served }, at) => {
      // Two commits in every block.
      const [block, log] = [FIRST_BLOCK + Math.floor(at / 2), at % 2];
      const built = buildBatch({
        ...{ operator, policyId: policy.id, modelId: MODELS[0] ?? "0x", nonce: at + 1 },
        served: served.map(({ ago, requester, model }) => ({
          at: timeOf(block) - ago,
          requester,
          ...(mixed ? { modelId: model } : {}),
        })),
      });
      events.push(commitOf(built, block, log, WINDOW_SECONDS));
      return { built, block, log };
    });
    for (const [at, happening] of happenings.entries()) {
      const { built } = commits[happening.batch % commits.length] ?? {};
      if (built) events.push(happeningEvent(built, FIRST_BLOCK + 5 + at, happening));
    }
    return { events, commits };
  });

function happeningEvent(
  { batchId, claims }: BuiltBatch,
  block: number,
  { name, leaf, kind }: { name: string; leaf: number; kind: number },
): ChainEvent {
  const index = leaf % claims.length;
  const later = String(timeOf(block) + 60);
  const ofLeaf = { claimId: claims[index]?.claimId ?? "0x", index: String(index) };
  return eventAt(block, 0, name, {
    batchId,
    ...(name.startsWith("Batch") || name === "ChallengeWindowLengthened" ? {} : ofLeaf),
    ...{ finalAt: later, proveBy: later, revealBy: later, deadline: later, kind: String(kind) },
    ...{ challenger: addressOf(7), demander: addressOf(7), operator: OPERATORS[0] ?? "0x" },
  });
}

for (const database of TEST_DATABASES) {
  describe(`the index on ${database.name}`, { skip: database.skip }, () => {
    after(() => database.stop());

    const runs = { numRuns: database.name === "SQLite" ? 12 : 2, seed: 20_261_121 };

    async function withHistory(history: History, test: (ledger: Ledger) => Promise<void>) {
      const ledger = await openLedger(await database.fresh());
      try {
        await follow(ledger, history.events);
        for (const { built, block, log } of history.commits) await storeBatch(ledger, built, block, log);
        await test(ledger);
      } finally {
        await ledger.close();
      }
    }

    it("lists, counts and derives anew just what the claims one by one say", async () => {
      await fc.assert(
        fc.asyncProperty(histories, fc.nat(400), async (history, later) => {
          await withHistory(history, async (ledger) => {
            const now = { seconds: EPOCH + FIRST_BLOCK * 10 + later };
            const { ask } = indexApi(ledger, now);
            const facts = await claimsFacts(ledger, now.seconds);
            await assertLists(ask, facts);
            await assertGap(ask, facts);
            await groupClaims(ledger);
            // Later than everything that has happened.
            now.seconds += 300;
            await assertHistory(ask, await claimsFacts(ledger, now.seconds), now.seconds);
            const before = await derivedTables(ledger);
            await replayIndex(ledger);
            assert.deepEqual(await derivedTables(ledger), before);
          });
        }),
        runs,
      );
    });

    it("forgets what a reorganisation took back, and only that", async () => {
      await fc.assert(
        fc.asyncProperty(histories, fc.integer({ min: 5, max: 40 }), async (history, block) => {
          const kept = {
            events: history.events.filter(({ blockNumber }) => blockNumber <= block),
            commits: history.commits.filter((commit) => commit.block <= block),
          };
          let expected: unknown;
          await withHistory(kept, async (ledger) => {
            expected = [await derivedTables(ledger), await fetchedTables(ledger)];
          });
          await withHistory(history, async (ledger) => {
            await rollBack(ledger, block);
            assert.deepEqual([await derivedTables(ledger), await fetchedTables(ledger)], expected);
            // The same again: nothing of the first time stands in the way.
            await follow(
              ledger,
              history.events.filter(({ blockNumber }) => blockNumber > block),
            );
            const anew = await derivedTables(ledger);
            await replayIndex(ledger);
            assert.deepEqual(await derivedTables(ledger), anew);
          });
        }),
        runs,
      );
    });

    it("loses no claim to whoever is paging when new ones come or the newest are taken back", async () => {
      const batch = (nonce: number) =>
        buildBatch({
          ...{
            operator: OPERATORS[0] ?? "0x",
            policyId: POLICIES[0]?.id ?? "0x",
            modelId: MODELS[0] ?? "0x",
          },
          nonce,
          served: [1, 2, 3, 4].map(() => ({ at: timeOf(nonce), requester: REQUESTERS[0] ?? "0x" })),
        });
      const ledger = await openLedger(await database.fresh());
      try {
        const { ask } = indexApi(ledger, { seconds: timeOf(100) });
        const commit = async (nonce: number) => {
          const built = batch(nonce);
          await follow(ledger, [commitOf(built, nonce, 0, WINDOW_SECONDS)]);
          await storeBatch(ledger, built, nonce, 0);
        };
        for (const nonce of [20, 21, 22]) await commit(nonce);
        const all = await everyPage(ask, "/claims?limit=500");
        const first = await ask<ClaimList>("/claims?limit=5");
        await commit(23);
        await rollBack(ledger, 21);
        await commit(24);
        const rest: string[] = [];
        let cursor = first.nextCursor;
        while (cursor !== null) {
          const next: ClaimList = await ask(`/claims?limit=5&cursor=${cursor}`);
          rest.push(...next.items.map(named));
          cursor = next.nextCursor;
        }
        assert.deepEqual([...first.items.map(named), ...rest], all);
      } finally {
        await ledger.close();
      }
    });
  });
}

type Ask = <Answer>(path: string) => Promise<Answer>;

interface Filter {
  query: string;
  holds(fact: IndexedStatus): boolean;
}

const FILTERS: Filter[] = [
  { query: "", holds: () => true },
  ...OPERATORS.map((id) => ({
    query: `operator=${id}`,
    holds: (fact: IndexedStatus) => fact.operator === id,
  })),
  ...MODELS.map((id) => ({ query: `model=${id}`, holds: (fact: IndexedStatus) => fact.modelId === id })),
  ...REQUESTERS.map((id) => ({
    query: `requester=${id}`,
    holds: (fact: IndexedStatus) => fact.requester === id,
  })),
  ...POLICIES.map(({ id }) => ({
    query: `policy=${id}`,
    holds: (fact: IndexedStatus) => fact.policyId === id,
  })),
];

async function assertLists(ask: Ask, facts: readonly IndexedStatus[]): Promise<void> {
  for (const { query, holds } of FILTERS) {
    for (const status of [undefined, ...STATUSES]) {
      const path = `/claims?limit=3&${query}${status ? `&status=${status}` : ""}`;
      const expected = facts
        .filter((fact) => holds(fact) && (status === undefined || fact.status === status))
        .map(named);
      assert.deepEqual(await everyPage(ask, path), expected, path);
    }
  }
}

async function assertGap(ask: Ask, facts: readonly IndexedStatus[]): Promise<void> {
  const gap = await ask<{
    open: { claims: number; exposure: { wei: string }[] };
    byStatus: Record<string, number>;
  }>("/gap");
  const open = facts.filter(({ status }) => OPEN.includes(status));
  assert.equal(gap.open.claims, open.length);
  const wei = gap.open.exposure.reduce((sum, each) => sum + BigInt(each.wei), 0n);
  assert.equal(wei, 10n * BigInt(open.length));
  for (const status of STATUSES) {
    assert.equal(gap.byStatus[status], facts.filter((fact) => fact.status === status).length, status);
  }
}

/** In one bucket that holds all: what was served, how long it took to be final, and what is open at its end. */
async function assertHistory(ask: Ask, facts: readonly IndexedStatus[], now: number): Promise<void> {
  const [from, to] = [EPOCH - 1_000, now + 1];
  const path = `/gap/history?from=${from}&to=${to}&bucketSeconds=${to - from}&by=policy`;
  const { buckets } = await ask<{
    buckets: { key: string; claims: number; openClaims: number; servedToFinal: { p50: number } | null }[];
  }>(path);
  for (const { id } of POLICIES) {
    const served = facts.filter(({ policyId, servedAt }) => policyId === id && servedAt <= now);
    const bucket = buckets.find(({ key }) => key === id);
    assert.equal(bucket?.claims ?? 0, served.length);
    assert.equal(bucket?.openClaims ?? 0, served.filter(({ status }) => OPEN.includes(status)).length);
    const waited = served
      .flatMap(({ finalAt, servedAt }) =>
        finalAt !== null && finalAt <= now ? [Math.max(0, finalAt - servedAt)] : [],
      )
      .sort((a, b) => a - b);
    assert.equal(bucket?.servedToFinal?.p50, waited[Math.ceil(waited.length / 2) - 1]);
  }
}

const OPEN: readonly string[] = ["Committed", "Attested", "Proven", "Challenged"];

type ClaimList = ListAnswer<{ claimId: Hex; status: string }>;

const named = ({ claimId, status }: { claimId: Hex; status: string }) => `${claimId} ${status}`;

async function everyPage(ask: Ask, path: string): Promise<string[]> {
  const found: string[] = [];
  for (let cursor = ""; ; ) {
    const page: ClaimList = await ask(`${path}${cursor}`);
    found.push(...page.items.map(named));
    if (page.nextCursor === null) return found;
    cursor = `&cursor=${page.nextCursor}`;
  }
}

async function derivedTables(ledger: Ledger): Promise<object> {
  return {
    operators: await ledger.selectFrom("index_operators").selectAll().orderBy("operator").execute(),
    batches: await ledger.selectFrom("index_batches").selectAll().orderBy("ordinal").execute(),
    leaves: await ledger
      .selectFrom("index_leaves")
      .selectAll()
      .orderBy("ordinal")
      .orderBy("leaf_index")
      .execute(),
  };
}

async function fetchedTables(ledger: Ledger): Promise<object> {
  return {
    claims: await ledger
      .selectFrom("index_claims")
      .selectAll()
      .orderBy("ordinal")
      .orderBy("leaf_index")
      .execute(),
    served: await ledger
      .selectFrom("index_served")
      .selectAll()
      .orderBy("ordinal")
      .orderBy("model_id")
      .orderBy("served_at")
      .execute(),
    data: await ledger.selectFrom("index_data").selectAll().orderBy("ordinal").execute(),
  };
}
