// SPDX-License-Identifier: GPL-3.0-or-later

import { setImmediate } from "node:timers/promises";
import { MeantimeError } from "@meantime/sdk/errors";
import { type Address, asHexOf, type Hex } from "@meantime/sdk/hex";
import { curve } from "../signers/curve.ts";
import type { BatchEntry } from "./batch-data.ts";
import type { WatchServices } from "./services.ts";

/** Claims looked at before other work of this process gets a turn. */
const CLAIMS_PER_TURN = 32;

/**
 * The signature of each claim that binds its operator: by a key that was valid when the claim was served. Undefined where
 * there is none. One that does not bind harms the receipt's holder, not the chain: it is logged, no more. In particular a
 * signature that is none must not keep a lie beside it from being found.
 */
export async function bindingSignatures(
  { contracts, logger }: Pick<WatchServices, "contracts" | "logger">,
  batchId: Hex,
  operator: Address,
  entries: readonly Pick<BatchEntry, "claim" | "claimId" | "signature">[],
): Promise<(Hex | undefined)[]> {
  const validity = new Map<Address, { validFrom: bigint; validUntil: bigint }>();
  const foreign = new Map<Address | undefined, number>();
  const binding: (Hex | undefined)[] = [];
  for (const [index, { claim, claimId, signature }] of entries.entries()) {
    if (index % CLAIMS_PER_TURN === 0) await setImmediate();
    const signer = signerOf(claimId, signature);
    const known =
      signer && (validity.get(signer) ?? (await contracts.receipts.receiptKeyOf(operator, signer)));
    if (signer && known) validity.set(signer, known);
    const binds =
      known &&
      known.validFrom !== 0n &&
      known.validFrom <= claim.servedAt &&
      claim.servedAt < known.validUntil;
    binding.push(binds ? (signature as Hex) : undefined);
    if (!binds) foreign.set(signer, (foreign.get(signer) ?? 0) + 1);
  }
  for (const [signer, claims] of foreign) {
    logger.warn(
      { code: "MT-WATCH-006", batchId, operator, signer, claims },
      "receipts are not signed by a key that was the operator's when they were given",
    );
  }
  return binding;
}

/** Undefined where the signature is none. */
function signerOf(claimId: Hex, signature: unknown): Address | undefined {
  try {
    return curve().recoverAddress(claimId, asHexOf(signature, 65, "signature"));
  } catch (error) {
    if (error instanceof MeantimeError) return undefined;
    throw error;
  }
}
