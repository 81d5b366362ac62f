// SPDX-License-Identifier: GPL-3.0-or-later
// A process of settle-run.ts: makes and signs claims as the gateway does, so many at a time as it is asked for. Its first message
// says the terms. It ends with its parent.
import type { Claim } from "@meantime/sdk/claim";
import type { SettlementDomain } from "@meantime/sdk/domain";
import { type Address, type Hex, keccak256Text, randomBytes32 } from "@meantime/sdk/hex";
import type { StoredReceipt } from "../relayer/src/ledger/receipts.ts";
import { signReceiptWith } from "../relayer/src/signers/receipt.ts";
import { localSigner, type Signer } from "../relayer/src/signers/signer.ts";

/** What all claims of a run have in common. */
export interface ClaimTerms extends Pick<Claim, "modelId" | "policyId" | "operator"> {
  domain: SettlementDomain;
  receiptKey: Hex;
  horizonSeconds: number;
  opening: StoredReceipt["opening"];
  inputHash: Hex;
  outputHash: Hex;
}

/** How many are wanted, served at which second of the chain's clock. */
export interface ClaimRequest {
  count: number;
  servedAt: bigint;
}

/** Claims, and the processor time that this process has taken since it started. */
export interface MadeClaims {
  stored: StoredReceipt[];
  cpuMilliseconds: number;
}

const REQUESTER: Address = `0x${"c0".repeat(20)}`;
const ANSWER = '{"label":3,"logits":[1,2,3,40,5,6,7,8,9,10]}';

process.once("message", (terms: ClaimTerms) => {
  const signer = localSigner(terms.receiptKey);
  process.on("message", async ({ count, servedAt }: ClaimRequest) => {
    const stored: StoredReceipt[] = [];
    for (let made = 0; made < count; made++) stored.push(await makeClaim(terms, signer, servedAt));
    const { user, system } = process.cpuUsage();
    process.send?.({ stored, cpuMilliseconds: (user + system) / 1_000 } satisfies MadeClaims);
  });
});

async function makeClaim(terms: ClaimTerms, signer: Signer, servedAt: bigint): Promise<StoredReceipt> {
  const { domain, modelId, policyId, operator, inputHash, outputHash, opening } = terms;
  const commitBy = servedAt + BigInt(terms.horizonSeconds);
  const claim: Claim = {
    ...{ modelId, policyId, operator, inputHash, outputHash, servedAt, commitBy },
    requester: REQUESTER,
    requestId: randomBytes32(),
  };
  return {
    receipt: await signReceiptWith(signer, claim, domain),
    opening,
    requestDigest: keccak256Text(JSON.stringify([policyId, Array.from(opening.input)])),
    answer: ANSWER,
  };
}
