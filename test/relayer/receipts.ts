// SPDX-License-Identifier: MIT
import type { BatchHeader } from "@meantime/sdk/batch";
import { claimToJson } from "@meantime/sdk/claim";
import { type Address, type Hex, keccak256Text } from "@meantime/sdk/hex";
import type { Kysely } from "kysely";
import { insertBatch } from "../../relayer/src/ledger/batches.ts";
import type { StoredReceipt } from "../../relayer/src/ledger/receipts.ts";
import type { Database } from "../../relayer/src/ledger/schema.ts";

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

/** Stores receipts of one policy and model, and puts them into a batch whose roots nobody looks at. @returns its header */
export async function sealReceipts(
  db: Kysely<Database>,
  batchId: Hex,
  dataRoot: Hex,
  all: readonly StoredReceipt[],
): Promise<BatchHeader> {
  for (const { receipt, opening, requestDigest, answer } of all) {
    const { claim, claimId, signature } = receipt;
    await db
      .insertInto("receipts")
      .values({
        ...{ claim_id: claimId, requester: claim.requester, request_id: claim.requestId, ...opening },
        ...{ model_id: claim.modelId, policy_id: claim.policyId, request_digest: requestDigest, answer },
        ...{ claim: JSON.stringify(claimToJson(claim)), signature },
        ...{ served_at: Number(claim.servedAt), commit_by: Number(claim.commitBy) },
      })
      .execute();
  }
  const [first] = all;
  if (!first) throw new RangeError("a batch has claims");
  const { operator, policyId, modelId, servedAt: oldestServedAt } = first.receipt.claim;
  await db
    .insertInto("exposure")
    .values({ policy_id: policyId, model_id: modelId, waiting: all.length })
    .onConflict((conflict) =>
      conflict.columns(["policy_id", "model_id"]).doUpdateSet({ waiting: all.length }),
    )
    .execute();
  const root = keccak256Text("root");
  const header = {
    operator,
    policyId,
    modelId,
    root,
    dataRoot,
    count: all.length,
    oldestServedAt,
    nonce: 1n,
  };
  const claimIds = all.map(({ receipt }) => receipt.claimId);
  await db.transaction().execute((tx) => insertBatch(tx, batchId, header, claimIds));
  return header;
}
