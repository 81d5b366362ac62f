// SPDX-License-Identifier: GPL-3.0-or-later

import type { BatchHeader, Opening } from "@meantime/sdk/batch";
import type { Claim } from "@meantime/sdk/claim";
import { commitInput, commitLabel } from "@meantime/sdk/commitment";
import type { Hex } from "@meantime/sdk/hex";
import { inputLength, runModel } from "@meantime/sdk/model";
import { hashInput, hashOutput } from "@meantime/sdk/openai/commitment";
import { isAnswerable } from "@meantime/sdk/policy";
import { MAX_COMMIT_HORIZON_SECONDS } from "@meantime/sdk/receipt";
import { type CheckableModel, isNetwork } from "../services.ts";
import type { BatchEntry } from "./batch-data.ts";

/**
 * What checking one claim came to. `wrong`: its own opening shows that it is a lie. `junk`: what is served as its opening
 * is not what `inputHash` stands for. The truth may be known to the operator, who could answer a challenge, so it is no
 * proof of a lie (A-12 of the specification). `unchecked`: nothing can be said, or nothing could be done about it.
 */
export type Finding =
  | { result: "right" }
  | { result: "wrong"; reason: string; trueOutputHash: Hex }
  | { result: "junk" | "unchecked"; reason: string };

/**
 * Computes a claim's output anew from its opening, which is believed only if it hashes to the claim's `inputHash`. The
 * arithmetic is the circuit's, so a difference is a lie.
 */
export function checkClaim(
  entry: Pick<BatchEntry, "claim" | "opening">,
  header: BatchHeader,
  committedAt: number,
  models: readonly CheckableModel[],
): Finding {
  const { claim, opening } = entry;
  const outside = notAMember(claim, header, BigInt(committedAt));
  if (outside) return { result: "unchecked", reason: outside };
  const model = models.find(({ id }) => id === claim.modelId);
  if (!model) return { result: "unchecked", reason: "the model is not here" };
  if (!opening) return { result: "unchecked", reason: "its data is private" };
  if (!isNetwork(model)) return checkRecord(claim, opening);
  const { spec } = model;
  const elements = [...opening.input];
  const max = 2 ** spec.inputBits - 1;
  if (elements.length !== inputLength(spec) || elements.some((element) => element > max)) {
    return { result: "junk", reason: "the committed input is not one the model can read" };
  }
  if (opening.salt.slice(2, 4) !== "00")
    return { result: "junk", reason: "the committed salt is out of range" };
  if (commitInput({ bits: spec.inputBits, elements, salt: opening.salt }) !== claim.inputHash) {
    return { result: "junk", reason: "the input hash is not that of the committed input" };
  }
  const { label } = runModel(spec, elements);
  const trueOutputHash = commitLabel(label, spec.classes);
  if (trueOutputHash !== claim.outputHash) {
    return {
      result: "wrong",
      trueOutputHash,
      reason: `the model answers ${label}, the claim says ${BigInt(claim.outputHash)}`,
    };
  }
  return { result: "right" };
}

/** Of a model that nobody here can run, only that the opening is the claim's. */
function checkRecord({ inputHash, outputHash }: Claim, { input, salt, output }: Opening): Finding {
  if (hashInput(input, salt) !== inputHash) {
    return { result: "junk", reason: "the input hash is not that of the committed input" };
  }
  if (hashOutput(output, salt) !== outputHash) {
    return { result: "junk", reason: "the output hash is not that of the committed output" };
  }
  return { result: "unchecked", reason: "the model cannot be run here; its opening fits" };
}

/**
 * Why a leaf that contradicts its header or itself is in no batch: it can never be final, and cannot be challenged.
 * Undefined for one that is in it.
 */
export function notAMember(claim: Claim, header: BatchHeader, committedAt: bigint): string | undefined {
  if (claim.operator !== header.operator || claim.policyId !== header.policyId)
    return "not the header's operator or policy";
  if (BigInt(header.modelId) !== 0n && claim.modelId !== header.modelId) return "not the header's model";
  if (claim.servedAt < header.oldestServedAt) return "served before the header says";
  if (claim.servedAt > committedAt) return "served after it was committed";
  if (claim.commitBy < claim.servedAt || claim.commitBy - claim.servedAt > MAX_COMMIT_HORIZON_SECONDS)
    return "promised longer than the protocol allows";
  if (!isAnswerable(claim.modelId, claim.policyId)) return "nobody could answer a challenge";
  return undefined;
}
