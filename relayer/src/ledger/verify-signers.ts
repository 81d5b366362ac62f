// SPDX-License-Identifier: GPL-3.0-or-later

import type { Address } from "@meantime/sdk/hex";
import type { Contracts } from "../chain/contracts.ts";
import type { LedgerProblem, SignedSpan } from "./verify.ts";

/**
 * Compares who signed the receipts of a ledger with the keys that the operator has registered: what a key signed before it
 * was added, or after it was revoked, binds nobody, and its claims are promised by nobody.
 */
export async function signerProblems(
  { receipts }: Pick<Contracts, "receipts">,
  operator: Address,
  signed: ReadonlyMap<Address, SignedSpan>,
): Promise<LedgerProblem[]> {
  const problems = await Promise.all(
    [...signed].map(async ([signer, { first, last }]) => {
      const { validFrom, validUntil } = await receipts.receiptKeyOf(operator, signer);
      if (validFrom === 0n) return [`it signed receipts and is no receipt key of ${operator}`];
      return [
        ...(BigInt(first) < validFrom ? [`it signed from ${first} on and is valid since ${validFrom}`] : []),
        ...(BigInt(last) >= validUntil ? [`it signed until ${last} and was revoked at ${validUntil}`] : []),
      ];
    }),
  );
  const signers = [...signed.keys()];
  return problems.flatMap((messages, at) =>
    messages.map((message) => ({ about: signers[at] ?? "", message })),
  );
}
