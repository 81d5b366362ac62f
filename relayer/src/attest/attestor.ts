// SPDX-License-Identifier: GPL-3.0-or-later

import { batchAttestationDigest, claimAttestationDigest } from "@meantime/sdk/evidence";
import type { Hex } from "@meantime/sdk/hex";
import { runModel } from "@meantime/sdk/model";
import { EVIDENCE_KINDS, EVIDENCE_RULES } from "@meantime/sdk/policy";
import { signDigest } from "@meantime/sdk/signature";
import { type HeaderColumns, headerFromRow } from "../ledger/batches.ts";
import { receiptsOfBatch, type StoredReceipt } from "../ledger/receipts.ts";
import { giveUp } from "../ledger/unprovable.ts";
import type { ServedModel, Services } from "../services.ts";
import { attestIntent, type Evidence } from "../tx/calls.ts";
import { enqueue } from "../tx/intents.ts";

/**
 * A SIMULATED enclave: it signs what a real one would sign, with a key from the configuration, and runs in this process.
 * Nothing isolates it and no hardware vouches for it; the registry's curator has to enter its key by hand. Like a real
 * one, it signs only what its own model recomputes.
 */

const RULES_OF_ATTESTATION: readonly number[] = [
  EVIDENCE_RULES.tee,
  EVIDENCE_RULES.teeThenWindow,
  EVIDENCE_RULES.teeAndZk,
  EVIDENCE_RULES.teeOrZk,
];

/** Signs for every committed batch whose policy asks for an enclave. */
export function attestBatches(services: Services): void {
  const { ledger, config, policies, models, contracts, clock, logger } = services;
  if (!config.operator.enclaveKey || !config.chain.enclaveEvidence) return;
  for (const policy of policies) {
    if (!RULES_OF_ATTESTATION.includes(policy.terms.rule)) continue;
    for (const row of batchesWithoutAttestation(services, policy.id)) {
      const model = models.find(({ id }) => id === row.model_id);
      if (!model?.measurement || clock.nowSeconds() >= row.final_at) continue;
      const wrong = receiptsOfBatch(ledger, row.batch_id).find((stored) => !recomputes(model, stored));
      if (wrong) {
        logger.error(
          { code: "MT-ATT-001", batchId: row.batch_id, claimId: wrong.receipt.claimId },
          "the simulated enclave computes another output; the batch is not attested",
        );
        giveUp(ledger, row.batch_id, "MT-ATT-001", "the enclave computes another output");
        continue;
      }
      const digest = batchAttestationDigest(enclaveDomain(config), row.batch_id, row.model_id);
      const header = headerFromRow(config.operator.address, row);
      const evidence = signDigest(config.operator.enclaveKey, digest);
      enqueue(ledger, attestIntent(contracts.settlementAddress, row.batch_id, header, evidence));
      logger.info({ batchId: row.batch_id }, "batch attested by the simulated enclave");
    }
  }
}

/** Evidence for one challenged claim, or undefined when there is no enclave for it or it computes another output. */
export function attestClaim(
  { config }: Services,
  model: ServedModel,
  stored: StoredReceipt,
): Evidence | undefined {
  const { enclaveKey, address: beneficiary } = config.operator;
  if (!enclaveKey || !config.chain.enclaveEvidence || !model.measurement || !recomputes(model, stored))
    return undefined;
  const digest = claimAttestationDigest(enclaveDomain(config), stored.receipt.claimId, beneficiary);
  return { kind: EVIDENCE_KINDS.tee, beneficiary, bytes: signDigest(enclaveKey, digest) };
}

function recomputes({ spec }: ServedModel, { opening }: StoredReceipt): boolean {
  return runModel(spec, [...opening.input]).label === opening.output[0];
}

function enclaveDomain({ chain }: Services["config"]) {
  if (!chain.enclaveEvidence) throw new TypeError("chain.enclaveEvidence is not set");
  return { chainId: BigInt(chain.chainId), enclaveEvidence: chain.enclaveEvidence };
}

function batchesWithoutAttestation({ ledger }: Services, policyId: Hex) {
  return ledger.all<HeaderColumns & { batch_id: Hex; final_at: number }>(
    `SELECT b.* FROM chain_batches b JOIN batches own ON own.batch_id = b.batch_id
     WHERE b.policy_id = ? AND b.attested_at IS NULL
       AND NOT EXISTS (SELECT 1 FROM intents WHERE dedupe_key = 'attest:' || b.batch_id)
       AND NOT EXISTS (SELECT 1 FROM unprovable WHERE id = b.batch_id)`,
    policyId,
  );
}
