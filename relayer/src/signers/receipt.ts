// SPDX-License-Identifier: GPL-3.0-or-later

import { type Claim, claimId, claimMessage } from "@meantime/sdk/claim";
import type { SettlementDomain } from "@meantime/sdk/domain";
import { bytesToHex } from "@meantime/sdk/hex";
import type { Receipt } from "@meantime/sdk/receipt";
import type { Signer } from "./signer.ts";

/** Signs a claim, wherever the receipt key is. Throws the errors of {@link Signer.sign}. */
export async function signReceiptWith(
  signer: Signer,
  claim: Claim,
  domain: SettlementDomain,
): Promise<Receipt> {
  const signature = await signer.sign(bytesToHex(claimMessage(domain, claim)));
  return { claim, claimId: claimId(domain, claim), signature };
}
