// SPDX-License-Identifier: GPL-3.0-or-later

import type { Hex } from "@meantime/sdk/hex";
import { EVIDENCE_KINDS, sharedKinds } from "@meantime/sdk/policy";
import { attestClaim } from "../attest/attestor.ts";
import { areProofsBelieved } from "../chain/contracts.ts";
import type { PolicyConfig } from "../config/load.ts";
import { describeError, RelayerError } from "../errors.ts";
import { findOwnHeader } from "../ledger/batches.ts";
import { claimsOfBatch } from "../ledger/claim-status.ts";
import { type OpenChallenge, openChallenges } from "../ledger/disputes.ts";
import { findReceipt, type StoredReceipt } from "../ledger/receipts.ts";
import { claimTree } from "../ledger/trees.ts";
import { giveUp, isGivenUp } from "../ledger/unprovable.ts";
import { readPolicy } from "../registry/policies.ts";
import { isNetwork, type ServedModel, type Services } from "../services.ts";
import {
  answerIntent,
  answerKey,
  type Evidence,
  type PlacedClaim,
  proveIntent,
  proveKey,
} from "../tx/calls.ts";
import { enqueue, isKnown } from "../tx/intents.ts";
import { proveClaim } from "./prove-claim.ts";
import type { Prover } from "./prover.ts";

/** How long a claim whose proof failed for a reason that may pass is left alone. */
const RETRY_MILLISECONDS = 10_000;

interface Place {
  batchId: Hex;
  index: number;
  claimId: Hex;
}

/** Brings evidence for our claims: first for the challenged ones, whose bonds are at stake, then by policy. */
export class ProofDuty {
  readonly #services: Services;
  readonly #prover: Prover;
  /** Batches in which nothing is left to prove unasked. */
  readonly #exhausted = new Set<Hex>();
  readonly #retryAt = new Map<Hex, number>();
  readonly #inProgress = new Set<Hex>();
  #choosing: Promise<unknown> = Promise.resolve();

  constructor(services: Services, prover: Prover) {
    this.#services = services;
    this.#prover = prover;
  }

  /**
   * Works until nothing is due or the signal fires, on as many claims at once as the prover has workers. Challenges that
   * arrive meanwhile go before the next proof.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { workers } = this.#services.config.prover;
    await Promise.all(Array.from({ length: workers }, () => this.#work(signal)));
  }

  async #work(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && ((await this.#answerNext()) || (await this.#proveNext())));
  }

  async #answerNext(): Promise<boolean> {
    const { ledger, contracts, logger } = this.#services;
    const challenged = await this.#take(() => this.#nextChallenge());
    if (!challenged) return false;
    await this.#bring(challenged, async (placed, evidence) => {
      const { challenger, challengedAt } = challenged;
      const answered = { ...placed, challenger, challengedAt };
      const intent = answerIntent(contracts.settlementAddress, answered, evidence);
      await ledger.transaction((tx) => enqueue(tx, intent));
      logger.warn(
        { claimId: placed.claimId, kind: evidence.kind },
        "challenge against one of our claims answered",
      );
    });
    return true;
  }

  /** One worker chooses at a time, and says so before the next does: no two work on the same claim. */
  #take<Chosen extends Place>(choose: () => Promise<Chosen | undefined>): Promise<Chosen | undefined> {
    const taken = this.#choosing.then(async () => {
      const place = await choose();
      if (place) this.#inProgress.add(place.claimId);
      return place;
    });
    this.#choosing = taken.catch(() => undefined);
    return taken;
  }

  async #nextChallenge(): Promise<OpenChallenge | undefined> {
    const { ledger, clock } = this.#services;
    for (const challenge of await openChallenges(ledger, clock.nowSeconds())) {
      if (await this.#isDue(challenge, answerKey(challenge))) return challenge;
    }
    return undefined;
  }

  async #proveNext(): Promise<boolean> {
    const place = await this.#take(() => this.#nextUnasked());
    if (!place) return false;
    const { ledger, config, contracts, logger } = this.#services;
    await this.#bring(place, async (placed, evidence) => {
      const header = await findOwnHeader(ledger, config.operator.address, placed.batchId);
      if (!header) throw new TypeError(`batch ${placed.batchId} is not in the ledger`);
      const proof = (await claimTree(ledger, placed.batchId)).proof(placed.index);
      const intent = proveIntent(contracts.settlementAddress, header, placed, proof, evidence);
      await ledger.transaction((tx) => enqueue(tx, intent));
      logger.info({ claimId: placed.claimId }, "claim proven early");
    });
    return true;
  }

  async #nextUnasked(): Promise<Place | undefined> {
    const { ledger, policies, models, clock } = this.#services;
    for (const policy of policies) {
      if (policy.prove === "never") continue;
      const batches = await ledger
        .selectFrom("chain_batches as b")
        .innerJoin("batches as own", "own.batch_id", "b.batch_id")
        .select(["b.batch_id", "b.model_id"])
        .where("b.policy_id", "=", policy.id)
        .where("b.final_at", ">", clock.nowSeconds())
        .orderBy("b.committed_at")
        .execute();
      for (const batch of batches) {
        if (this.#exhausted.has(batch.batch_id)) continue;
        if (!models.filter(isNetwork).find(({ id }) => id === batch.model_id)?.proving) continue;
        const place = await this.#nextOfBatch(batch.batch_id, policy.prove);
        if (place) return place;
      }
    }
    return undefined;
  }

  async #nextOfBatch(batchId: Hex, choice: PolicyConfig["prove"]): Promise<Place | undefined> {
    let left = 0;
    for (const row of await claimsOfBatch(this.#services.ledger, batchId)) {
      const place = { batchId, index: row.leaf_index ?? 0, claimId: row.claim_id };
      const proven = ((row.kinds ?? 0) & EVIDENCE_KINDS.zk) !== 0;
      if (proven || row.state === "challenged" || row.state === "rejected" || row.state === "voided")
        continue;
      if (!isChosen(row.claim_id, choice)) continue;
      if (row.state === "demanded") {
        left += 1;
        continue;
      }
      if (await this.#isDue(place, proveKey(place))) return place;
      if (this.#retryAt.has(row.claim_id) || this.#inProgress.has(row.claim_id)) left += 1;
    }
    if (left === 0) this.#exhausted.add(batchId);
    return undefined;
  }

  async #isDue({ claimId }: Place, dedupeKey: string): Promise<boolean> {
    const { ledger } = this.#services;
    if (this.#inProgress.has(claimId)) return false;
    if (performance.now() < (this.#retryAt.get(claimId) ?? 0)) return false;
    return !(await isKnown(ledger, dedupeKey)) && !(await isGivenUp(ledger, claimId));
  }

  /** One claim's trouble must not keep another from its evidence: it is logged and left alone for a while. */
  async #bring(
    place: Place,
    deliver: (placed: PlacedClaim, evidence: Evidence) => Promise<void>,
  ): Promise<void> {
    const { ledger, logger } = this.#services;
    try {
      const stored = await findReceipt(ledger, place.claimId);
      if (!stored) throw new TypeError(`claim ${place.claimId} is not in the ledger`);
      const evidence = await this.#evidenceFor(stored);
      await deliver({ ...place, claim: stored.receipt.claim }, evidence);
      this.#retryAt.delete(place.claimId);
    } catch (error) {
      const described = describeError(error);
      logger.error({ ...described, claimId: place.claimId }, "no evidence for this claim");
      if (isPermanent(error)) await giveUp(ledger, place.claimId, described.code, described.message);
      else this.#retryAt.set(place.claimId, performance.now() + RETRY_MILLISECONDS);
    } finally {
      this.#inProgress.delete(place.claimId);
    }
  }

  async #evidenceFor(stored: StoredReceipt): Promise<Evidence> {
    const { models, config, contracts, rpc } = this.#services;
    const { modelId, policyId } = stored.receipt.claim;
    const model = models.find(({ id }) => id === modelId);
    const kinds = sharedKinds(modelId, policyId);
    const { terms } = await readPolicy(contracts, policyId);
    if (
      model &&
      isNetwork(model) &&
      model.proving &&
      kinds & EVIDENCE_KINDS.zk &&
      (await areProofsBelieved(rpc, terms.zkEvidence, modelId))
    ) {
      return proveClaim(this.#prover, model, stored, config.operator.address);
    }
    const attested =
      model && kinds & EVIDENCE_KINDS.tee ? attestClaim(this.#services, model, stored) : undefined;
    if (attested) return attested;
    throw noEvidence(stored, model);
  }
}

/** The same answer after every restart: the choice hangs on the claim id alone. */
function isChosen(claimId: Hex, choice: PolicyConfig["prove"]): boolean {
  if (choice === "always") return true;
  if (choice === "never") return false;
  return Number.parseInt(claimId.slice(2, 10), 16) / 2 ** 32 < choice.sample;
}

function isPermanent(error: unknown): boolean {
  return error instanceof RelayerError && (error.code === "MT-PRV-002" || error.code === "MT-PRV-003");
}

function noEvidence({ receipt }: StoredReceipt, model: ServedModel | undefined): RelayerError {
  return new RelayerError(
    "MT-PRV-003",
    `this relayer has nothing that proves claim ${receipt.claimId} of ${model?.name ?? "a model it does not serve"}`,
    "Configure the model's wasm, zkey and verification key, or the enclave's key. A tripped breaker ends proofs for good.",
    { claimId: receipt.claimId },
  );
}
