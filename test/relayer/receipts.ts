// SPDX-License-Identifier: MIT
import { type Address, type Hex, keccak256Text } from "@meantime/sdk/hex";
import type { StoredReceipt } from "../../relayer/src/ledger/receipts.ts";

/** A receipt for tests of the ledger, which does not look at hashes or signatures. */
export function storedReceipt(seed: number): StoredReceipt {
  const hash = (what: string): Hex => keccak256Text(`${what} ${seed}`);
  return {
    receipt: {
      claim: {
        modelId: keccak256Text("model"),
        policyId: keccak256Text("policy"),
        operator: `0x${"0a".repeat(20)}` as Address,
        requester: `0x${"0b".repeat(20)}` as Address,
        requestId: hash("request"),
        inputHash: hash("input"),
        outputHash: hash("output"),
        servedAt: 1_000n + BigInt(seed),
        commitBy: 2_000n + BigInt(seed),
      },
      claimId: hash("claim"),
      signature: `0x${"1b".repeat(65)}`,
    },
    opening: { input: Uint8Array.of(seed % 256), salt: hash("salt"), output: Uint8Array.of(1) },
    requestDigest: hash("digest"),
    answer: '{"label":1,"logits":[0,1]}',
  };
}
