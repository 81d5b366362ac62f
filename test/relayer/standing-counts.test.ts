// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { type Address, type Hex, ZERO_HASH } from "@meantime/sdk/hex";
import { EVIDENCE_KINDS, EVIDENCE_RULES } from "@meantime/sdk/policy";
import { seededRandom } from "../../circuits/training/random.ts";
import type { ChainBatch, ChainLeaf } from "../../relayer/src/ledger/chain-facts.ts";
import {
  committedCounts,
  deriveStatus,
  oldestInBatches,
  UNTOUCHED,
} from "../../relayer/src/ledger/claim-status.ts";
import { type Ledger, openLedger } from "../../relayer/src/ledger/ledger.ts";
import type { LeafState } from "../../relayer/src/ledger/schema.ts";
import { TEST_DATABASES } from "./databases.ts";

const BATCHES = 4_000;
const NOW = 1_000;
/** Every rule, and each one's policy. */
const RULES = Object.values(EVIDENCE_RULES);
const STATES: readonly LeafState[] = [
  ...(["quiet", "challenged", "answered", "rejected", "voided", "demanded", "revealed"] as const),
];
const { zk, tee, quorum } = EVIDENCE_KINDS;

type Facts = Pick<ChainBatch, "batch_id" | "policy_id" | "count" | "oldest_served_at"> & {
  isOwn: boolean;
  /** Null: not on chain. */
  chain: Pick<ChainBatch, "committed_at" | "final_at" | "attested_at"> | null;
  leaves: Pick<ChainLeaf, "leaf_index" | "state" | "kinds" | "final_at" | "changed_at">[];
};

for (const database of TEST_DATABASES) {
  describe(`claims counted by where they stand on ${database.name}`, { skip: database.skip }, () => {
    after(() => database.stop());

    it("are as many as one by one, of any history and at any moment", async () => {
      const all = history(seededRandom(7));
      const ledger = await openLedger(await database.fresh());
      await write(ledger, all);
      for (const now of [0, NOW - 30, NOW - 1, NOW, NOW + 1, NOW + 30, 10 * NOW]) {
        const { counts, oldest } = oneByOne(all, now);
        assert.deepEqual(await committedCounts(ledger, ruleOf, now), counts, `at ${now}`);
        assert.equal(await oldestInBatches(ledger, now), oldest, `at ${now}`);
      }
      await ledger.close();
    });

    it("are none before anything was served", async () => {
      const ledger = await openLedger(await database.fresh());
      assert.deepEqual(await committedCounts(ledger, ruleOf, NOW), oneByOne([], NOW).counts);
      assert.equal(await oldestInBatches(ledger, NOW), undefined);
      await ledger.close();
    });
  });
}

function ruleOf(policyId: Hex): number {
  return RULES[Number(BigInt(policyId))] ?? assert.fail();
}

/** Slow and plain. */
function oneByOne(all: readonly Facts[], now: number) {
  const counts: Record<string, number> = {
    ...{ Committed: 0, Attested: 0, Proven: 0, Final: 0, Challenged: 0, Rejected: 0, Voided: 0 },
  };
  let oldest: number | undefined;
  for (const { policy_id, count, oldest_served_at, chain, leaves } of all.filter(({ isOwn }) => isOwn)) {
    if (!chain || chain.final_at > now) oldest = Math.min(oldest ?? oldest_served_at, oldest_served_at);
    if (!chain) continue;
    for (let index = 0; index < count; index++) {
      const leaf = leaves.find(({ leaf_index }) => leaf_index === index);
      const own = leaf ? { ...leaf, leaf_final_at: leaf.final_at } : UNTOUCHED;
      const { status } = deriveStatus({ ...own, ...chain }, ruleOf(policy_id), now);
      counts[status] = (counts[status] ?? 0) + 1;
    }
  }
  return { counts, oldest };
}

/** Batches of ours and of others, before and after their windows, with leaves in all states; times around {@link NOW}. */
function history(random: () => number): Facts[] {
  const below = (limit: number) => Math.floor(random() * limit);
  const isIn = (share: number) => random() < share;
  const around = () => NOW + below(121) - 60;
  return Array.from({ length: BATCHES }, (_, place) => {
    const count = 1 + below(6);
    const isTouched = isIn(0.4);
    return {
      ...{ batch_id: idOf(place + 1), policy_id: idOf(below(RULES.length)), count },
      ...{ oldest_served_at: 500 + below(500), isOwn: isIn(0.8) },
      chain: isIn(0.1)
        ? null
        : {
            ...{ committed_at: 400, final_at: isIn(0.5) ? 500 + below(300) : around() },
            attested_at: isIn(0.3) ? around() : null,
          },
      leaves: Array.from({ length: count }, (_, leaf_index) => leaf_index)
        .filter(() => isTouched && isIn(0.6))
        .map((leaf_index) => ({
          ...{ leaf_index, state: STATES[below(STATES.length)] ?? "quiet" },
          kinds: (isIn(0.3) ? zk : 0) | (isIn(0.3) ? tee : 0) | (isIn(0.3) ? quorum : 0),
          ...{ final_at: isIn(0.5) ? around() : null, changed_at: isIn(0.5) ? 450 : around() },
        })),
    };
  });
}

async function write(ledger: Ledger, all: readonly Facts[]): Promise<void> {
  const header = ({ batch_id, policy_id, count, oldest_served_at }: Facts) => ({
    ...{ batch_id, policy_id, model_id: ZERO_HASH, root: batch_id, data_root: ZERO_HASH },
    ...{ count, oldest_served_at, nonce: "1" },
  });
  const own = all
    .filter(({ isOwn }) => isOwn)
    .map((facts) => ({ ...header(facts), committed_block: facts.chain ? 7 : null }));
  const chain = all.flatMap((facts) =>
    facts.chain
      ? [{ ...header(facts), ...facts.chain, operator: ZERO_HASH as Address, committed_tx: ZERO_HASH }]
      : [],
  );
  const leaves = all.flatMap(({ batch_id, chain: onChain, leaves: touched }) =>
    onChain ? touched.map((leaf) => ({ batch_id, ...leaf })) : [],
  );
  await ledger.transaction(async (tx) => {
    for (const rows of inChunks(own)) await tx.insertInto("batches").values(rows).execute();
    for (const rows of inChunks(chain)) await tx.insertInto("chain_batches").values(rows).execute();
    for (const rows of inChunks(leaves)) await tx.insertInto("chain_leaves").values(rows).execute();
  });
}

function inChunks<Item>(items: readonly Item[]): Item[][] {
  const size = 200;
  return Array.from({ length: Math.ceil(items.length / size) }, (_, at) =>
    items.slice(at * size, (at + 1) * size),
  );
}

function idOf(seed: number): Hex {
  return `0x${seed.toString(16).padStart(64, "0")}`;
}
