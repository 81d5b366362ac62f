// SPDX-License-Identifier: GPL-3.0-or-later

import { encodeGroth16Proof, provingContext } from "@meantime/sdk/evidence";
import type { Address } from "@meantime/sdk/hex";
import { EVIDENCE_KINDS } from "@meantime/sdk/policy";
import { RelayerError } from "../errors.ts";
import type { StoredReceipt } from "../ledger/receipts.ts";
import type { NetworkModel } from "../services.ts";
import type { Evidence } from "../tx/calls.ts";
import type { Prover } from "./prover.ts";

/**
 * Proves one claim, paying `beneficiary`. The proof verifies, and is of the statement that the contract will judge: what
 * leaves here is accepted.
 *
 * @throws RelayerError `MT-PRV-002` the circuit computes another statement than the claim makes, so that no proof of it
 * exists; and those of `Prover.prove`
 */
export async function proveClaim(
  prover: Prover,
  model: NetworkModel,
  { receipt, opening }: StoredReceipt,
  beneficiary: Address,
): Promise<Evidence> {
  const { proving, verificationKey } = model;
  if (!proving || !verificationKey)
    throw new TypeError(`this relayer has no proving files for ${model.name}`);
  const context = provingContext(receipt.claimId, beneficiary);
  const { proof, publicSignals } = await prover.prove({
    ...proving,
    verificationKey,
    signals: {
      x: Array.from(opening.input, String),
      salt: BigInt(opening.salt).toString(),
      ctx: context.toString(),
    },
  });
  const claimed = [BigInt(receipt.claim.inputHash), BigInt(receipt.claim.outputHash), context];
  if (claimed.length !== publicSignals.length || claimed.some((signal, at) => signal !== publicSignals[at])) {
    throw new RelayerError(
      "MT-PRV-002",
      `the circuit does not prove claim ${receipt.claimId}: it computes ${publicSignals.slice(0, 2).join(", ")}`,
      "The model that answered is not the model that is registered. Its claims can be slashed; stop serving it.",
      { claimId: receipt.claimId },
    );
  }
  return { kind: EVIDENCE_KINDS.zk, beneficiary, bytes: encodeGroth16Proof(proof) };
}
