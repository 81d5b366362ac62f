// SPDX-License-Identifier: GPL-3.0-or-later

import { encodeGroth16Proof, provingContext } from "@meantime/sdk/evidence";
import { verifyGroth16 } from "@meantime/sdk/groth16";
import type { Address } from "@meantime/sdk/hex";
import { EVIDENCE_KINDS } from "@meantime/sdk/policy";
import { RelayerError } from "../errors.ts";
import type { StoredReceipt } from "../ledger/receipts.ts";
import type { ServedModel } from "../services.ts";
import type { Evidence } from "../tx/calls.ts";
import type { Prover } from "./prover.ts";

/**
 * Proves one claim, paying `beneficiary`, and verifies the proof as the contract will: what leaves here is accepted.
 *
 * @throws RelayerError `MT-PRV-001` no proof could be computed; `MT-PRV-002` the circuit computes another statement than
 * the claim makes, so that no proof of it exists
 */
export async function proveClaim(
  prover: Prover,
  model: ServedModel,
  { receipt, opening }: StoredReceipt,
  beneficiary: Address,
): Promise<Evidence> {
  const { proving, verificationKey } = model;
  if (!proving || !verificationKey)
    throw new TypeError(`this relayer has no proving files for ${model.name}`);
  const context = provingContext(receipt.claimId, beneficiary);
  const { proof, publicSignals } = await prover.prove({
    ...proving,
    signals: {
      x: Array.from(opening.input, String),
      salt: BigInt(opening.salt).toString(),
      ctx: context.toString(),
    },
  });
  const claimed = [BigInt(receipt.claim.inputHash), BigInt(receipt.claim.outputHash), context];
  const bytes = encodeGroth16Proof(proof);
  if (
    claimed.some((signal, at) => signal !== publicSignals[at]) ||
    !verifyGroth16(verificationKey, claimed, bytes)
  ) {
    throw new RelayerError(
      "MT-PRV-002",
      `the circuit does not prove claim ${receipt.claimId}: it computes ${publicSignals.slice(0, 2).join(", ")}`,
      "The model that answered is not the model that is registered. Its claims can be slashed; stop serving it.",
      { claimId: receipt.claimId },
    );
  }
  return { kind: EVIDENCE_KINDS.zk, beneficiary, bytes };
}
