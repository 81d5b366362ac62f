// SPDX-License-Identifier: GPL-3.0-or-later

import { batchAttestationDigest, claimAttestationDigest } from "@meantime/sdk/evidence";
import type { Hex } from "@meantime/sdk/hex";
import { runModel } from "@meantime/sdk/model";
import { opens } from "@meantime/sdk/openai/commitment";
import { EVIDENCE_KINDS, EVIDENCE_RULES } from "@meantime/sdk/policy";
import { signDigest } from "@meantime/sdk/signature";
import { headerFromRow } from "../ledger/batches.ts";
import { receiptsOfBatch, type StoredReceipt } from "../ledger/receipts.ts";
import { giveUp } from "../ledger/unprovable.ts";
import { isNetwork, type ServedModel, type Services } from "../services.ts";
import { attestIntent, type Evidence, rememberModelIntent } from "../tx/calls.ts";
import { enqueue } from "../tx/intents.ts";

/**
 * Signs what an enclave signs, with the key that was registered by attestation. Where this process runs in an enclave the key
 * lives there; elsewhere it is SIMULATED: nothing isolates it. Like every enclave's, it signs only what its own model
 * recomputes.
 */

const RULES_OF_ATTESTATION: readonly number[] = [
  EVIDENCE_RULES.tee,
  EVIDENCE_RULES.teeThenWindow,
  EVIDENCE_RULES.teeAndZk,
  EVIDENCE_RULES.teeOrZk,
];

/** Signs for every committed batch whose policy asks for an enclave. */
export async function attestBatches(services: Services): Promise<void> {
  const { ledger, config, policies, models, contracts, logger } = services;
  if (!config.operator.enclaveKey || !config.chain.enclaveEvidence) return;
  for (const policy of policies) {
    if (!RULES_OF_ATTESTATION.includes(policy.terms.rule)) continue;
    for (const row of await batchesWithoutAttestation(services, policy.id)) {
      const model = models.find(({ id }) => id === row.model_id);
      if (!model?.measurement) continue;
      const receipts = await receiptsOfBatch(ledger, row.batch_id);
      const wrong = receipts.find((stored) => !vouches(model, stored));
      if (wrong) {
        logger.error(
          { code: "MT-ATT-001", batchId: row.batch_id, claimId: wrong.receipt.claimId },
          "the simulated enclave computes another output; the batch is not attested",
        );
        await giveUp(ledger, row.batch_id, "MT-ATT-001", "the enclave computes another output");
        continue;
      }
      const digest = batchAttestationDigest(enclaveDomain(config), row.batch_id, row.model_id);
      const header = headerFromRow(config.operator.address, row);
      const evidence = signDigest(config.operator.enclaveKey, digest);
      const intent = attestIntent(contracts.settlementAddress, row.batch_id, header, evidence);
      const remember = rememberModelIntent(config.chain.enclaveEvidence, row.model_id);
      await ledger.transaction(async (tx) => {
        await enqueue(tx, remember);
        await enqueue(tx, intent);
      });
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
  if (!enclaveKey || !config.chain.enclaveEvidence || !model.measurement || !vouches(model, stored))
    return undefined;
  const digest = claimAttestationDigest(enclaveDomain(config), stored.receipt.claimId, beneficiary);
  return { kind: EVIDENCE_KINDS.tee, beneficiary, bytes: signDigest(enclaveKey, digest) };
}

/** A network is run again. What is behind a server is vouched for as it was recorded when it answered. */
function vouches(
  model: ServedModel,
  { opening, receipt }: Pick<StoredReceipt, "opening" | "receipt">,
): boolean {
  if (!isNetwork(model)) return opens(opening, receipt.claim);
  return runModel(model.spec, [...opening.input]).label === opening.output[0];
}

function enclaveDomain({ chain }: Services["config"]) {
  if (!chain.enclaveEvidence) throw new TypeError("chain.enclaveEvidence is not set");
  return { chainId: BigInt(chain.chainId), enclaveEvidence: chain.enclaveEvidence };
}

/** In their window: nobody asks for an attestation later. */
function batchesWithoutAttestation({ ledger, clock }: Services, policyId: Hex) {
  return ledger
    .selectFrom("chain_batches as b")
    .innerJoin("batches as own", "own.batch_id", "b.batch_id")
    .selectAll("b")
    .where("b.policy_id", "=", policyId)
    .where("b.final_at", ">", clock.nowSeconds())
    .where("b.attested_at", "is", null)
    .where((eb) =>
      eb.and([
        eb.not(
          eb.exists(
            eb
              .selectFrom("intents")
              .select("id")
              .where("dedupe_key", "=", eb(eb.val("attest:"), "||", eb.ref("b.batch_id"))),
          ),
        ),
        eb.not(
          eb.exists(eb.selectFrom("unprovable as u").select("u.id").whereRef("u.id", "=", "b.batch_id")),
        ),
      ]),
    )
    .execute();
}
