// SPDX-License-Identifier: MIT
import type { Claim } from "@meantime/sdk/claim";
import { type Batch, batchOf, buildBatch, type RuleName, type World } from "./fixture.ts";
import { type Inference, infer } from "./proofs.ts";

/** Commits a batch of claims about real inferences of the digit model; `overrides` altered on every claim. */
export async function commitInferences(
  world: World,
  rule: RuleName,
  inferences: Inference[],
  nonce = 1n,
  overrides: Partial<Claim> = {},
): Promise<Batch> {
  const { claims } = await buildBatch(world, rule, { count: inferences.length });
  const filled = claims.map((claim, index) => {
    const { inputHash, outputHash } = inferences[index] ?? infer(0);
    return { ...claim, inputHash, outputHash, ...overrides };
  });
  const batch = batchOf(world, filled, { nonce });
  await world.settlement.connect(world.sender).commit(batch.header);
  return batch;
}
