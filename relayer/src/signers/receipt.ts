// SPDX-License-Identifier: GPL-3.0-or-later

import { type Claim, claimMessage } from "@meantime/sdk/claim";
import type { SettlementDomain } from "@meantime/sdk/domain";
import { bytesToHex, keccak256 } from "@meantime/sdk/hex";
import type { Receipt } from "@meantime/sdk/receipt";
import { traced } from "../ops/tracing/trace.ts";
import type { Signer } from "./signer.ts";

/** Signs a claim, wherever the receipt key is. Throws the errors of {@link Signer.sign}. */
export async function signReceiptWith(
  signer: Signer,
  claim: Claim,
  domain: SettlementDomain,
): Promise<Receipt> {
  return traced("receipt.sign", {}, async () => signed(signer, claim, domain));
}

async function signed(signer: Signer, claim: Claim, domain: SettlementDomain): Promise<Receipt> {
  const message = claimMessage(domain, claim);
  const claimId = keccak256(message);
  const signature = signer.signHash?.(claimId) ?? (await signer.sign(bytesToHex(message)));
  return { claim, claimId, signature };
}
