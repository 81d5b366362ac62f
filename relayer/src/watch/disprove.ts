// SPDX-License-Identifier: GPL-3.0-or-later

import { claimId, twinClaim } from "@meantime/sdk/claim";
import { encodeGroth16Proof, provingContext } from "@meantime/sdk/evidence";
import { type Address, type Hex, hexToBytes } from "@meantime/sdk/hex";
import { EVIDENCE_KINDS, sharedKinds } from "@meantime/sdk/policy";
import { areProofsBelieved } from "../chain/contracts.ts";
import { describeError } from "../errors.ts";
import { headerFromRow } from "../ledger/batches.ts";
import { findChainLeaf } from "../ledger/chain-facts.ts";
import type { Row } from "../ledger/schema.ts";
import type { Prover } from "../prove/prover.ts";
import { readPolicy } from "../registry/policies.ts";
import { isNetwork, type NetworkModel } from "../services.ts";
import type { Evidence } from "../tx/calls.ts";
import { disproveIntent } from "../tx/watch-calls.ts";
import { propose } from "./actions.ts";
import { markActedOn, type OpenFinding, openFindings, placed } from "./findings.ts";
import type { WatchServices } from "./services.ts";

/** With less of the window left, as its inverse, a challenge is the surer thing. */
const LAST_PART_OF_WINDOW = 4;

/** Lies whose proof did not come about: they are challenged. By ledger, so that nothing outlives it. */
const failed = new WeakMap<object, Set<Hex>>();

/**
 * Proves the true output of one lie, which rejects it at once and costs no bond. One at a time: what cannot wait for its
 * turn, and what cannot be proven, is left to a challenge.
 */
export async function disproveNext(
  services: WatchServices,
  prover: Prover,
  signal: AbortSignal,
): Promise<void> {
  const { ledger, contracts, challengerAddress, logger } = services;
  if (!challengerAddress) return;
  for (const lie of await openFindings(services)) {
    const { finding, batch, dueBy } = lie;
    const model = provableModel(services, finding);
    if (!model || !(await isWorthProving(services, lie))) continue;
    try {
      const evidence = await proveTruth(services, prover, model, finding, challengerAddress, signal);
      const leaf = await findChainLeaf(ledger, finding.batch_id, finding.leaf_index);
      const challenger = leaf?.state === "challenged" ? (leaf.opener ?? undefined) : undefined;
      const intent = disproveIntent(
        ...([contracts.settlementAddress, headerFromRow(batch.operator, batch), placed(finding)] as const),
        ...([JSON.parse(finding.proof) as Hex[], challenger, finding.true_output as Hex, evidence] as const),
      );
      const { reason } = finding;
      await ledger.transaction(async (tx) => {
        await propose(tx, services, { intent, reason, operator: batch.operator, bondWei: 0n, dueBy });
        await markActedOn(tx, finding);
      });
    } catch (error) {
      if (signal.aborted) return;
      failuresOf(services).add(finding.claim_id);
      logger.warn({ ...describeError(error), claimId: finding.claim_id }, "a lie could not be disproven");
    }
    return;
  }
}

/** Has lies challenged whose disproof is not accepted while their time runs out. */
export async function renewUndisproven({ ledger, clock }: WatchServices): Promise<void> {
  const now = clock.nowSeconds();
  const stuck = await ledger
    .selectFrom("findings as f")
    .innerJoin("watch_actions as a", (join) =>
      join
        .onRef("a.batch_id", "=", "f.batch_id")
        .onRef("a.leaf_index", "=", "f.leaf_index")
        .on("a.kind", "=", "disprove")
        .on("a.state", "=", "executed"),
    )
    .innerJoin("chain_batches as b", "b.batch_id", "f.batch_id")
    .leftJoin("chain_leaves as c", (join) =>
      join.onRef("c.batch_id", "=", "f.batch_id").onRef("c.leaf_index", "=", "f.leaf_index"),
    )
    .select(["f.batch_id", "f.leaf_index", "a.due_by", "b.committed_at"])
    .where("f.state", "=", "challenging")
    .where("a.due_by", ">", now)
    .where((eb) => eb.or([eb("c.state", "is", null), eb("c.state", "in", ["quiet", "revealed"])]))
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom("watch_actions as o")
            .select("o.id")
            .whereRef("o.batch_id", "=", "f.batch_id")
            .whereRef("o.leaf_index", "=", "f.leaf_index")
            .where("o.kind", "=", "challenge"),
        ),
      ),
    )
    .execute();
  for (const { batch_id, leaf_index, due_by, committed_at } of stuck) {
    if ((due_by - now) * LAST_PART_OF_WINDOW > due_by - committed_at) continue;
    await ledger.transaction((tx) =>
      tx
        .updateTable("findings")
        .set({ state: "found" })
        .where("batch_id", "=", batch_id)
        .where("leaf_index", "=", leaf_index)
        .execute(),
    );
  }
}

/** Whether a finding waits for its turn to be disproven, and is not to be challenged. */
export async function awaitsDisproof(services: WatchServices, lie: OpenFinding): Promise<boolean> {
  return provableModel(services, lie.finding) !== undefined && (await isWorthProving(services, lie));
}

function provableModel({ models }: WatchServices, finding: Row<"findings">): NetworkModel | undefined {
  if (finding.kind !== "lie" || !finding.opening || !finding.true_output) return undefined;
  const { modelId } = placed(finding).claim;
  if ((sharedKinds(modelId, modelId) & EVIDENCE_KINDS.zk) === 0) return undefined;
  return models
    .filter(isNetwork)
    .find(({ id, proving, verificationKey }) => id === modelId && proving && verificationKey);
}

async function isWorthProving(
  services: WatchServices,
  { finding, batch, dueBy }: OpenFinding,
): Promise<boolean> {
  const { rpc, contracts, clock } = services;
  if (failuresOf(services).has(finding.claim_id)) return false;
  const windowSeconds = dueBy - batch.committed_at;
  if ((dueBy - clock.nowSeconds()) * LAST_PART_OF_WINDOW <= windowSeconds) return false;
  const { terms } = await readPolicy(contracts, batch.policy_id);
  return areProofsBelieved(rpc, terms.zkEvidence, placed(finding).claim.modelId);
}

/** The proof is of the twin that tells the truth, and pays us. */
async function proveTruth(
  { domain }: WatchServices,
  prover: Prover,
  { proving, verificationKey }: NetworkModel,
  finding: Row<"findings">,
  beneficiary: Address,
  signal: AbortSignal,
): Promise<Evidence> {
  if (!proving || !verificationKey || !finding.opening || !finding.true_output)
    throw new TypeError("the finding cannot be disproven");
  const { input, salt } = JSON.parse(finding.opening) as { input: Hex; salt: Hex };
  const twin = twinClaim(placed(finding).claim, finding.true_output);
  const context = provingContext(claimId(domain, twin), beneficiary);
  const signals = {
    x: Array.from(hexToBytes(input), String),
    salt: BigInt(salt).toString(),
    ctx: context.toString(),
  };
  const { proof, publicSignals } = await prover.prove({ ...proving, verificationKey, signals }, { signal });
  const stated = [BigInt(twin.inputHash), BigInt(twin.outputHash), context];
  if (stated.some((value, at) => value !== publicSignals[at]))
    throw new TypeError("the circuit computes another output than the specification");
  return { kind: EVIDENCE_KINDS.zk, beneficiary, bytes: encodeGroth16Proof(proof) };
}

function failuresOf({ ledger }: WatchServices): Set<Hex> {
  const known = failed.get(ledger) ?? new Set<Hex>();
  failed.set(ledger, known);
  return known;
}
