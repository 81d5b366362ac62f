// SPDX-License-Identifier: MIT
import type { Opening } from "../batch.ts";
import type { Claim } from "../claim.ts";
import { commitInput, commitLabel, inputScheme, outputScheme } from "../commitment.ts";
import type { Hex } from "../hex.ts";
import type { ModelEntry } from "../model.ts";
import { OPENAI_INPUT_SCHEME, opens } from "../openai/commitment.ts";

/** Elements of one byte each: what openings hold. */
const MAX_BYTE_BITS = 8;
const MAX_CLASSES = 256;

/**
 * Whether an opening is what the claim's hashes stand for, by the schemes of the model's entry. Undefined for schemes that
 * this SDK does not know.
 */
export function judgeOpening(opening: Opening, claim: Claim, model: ModelEntry): boolean | undefined {
  if (model.inputScheme === OPENAI_INPUT_SCHEME) return opens(opening, claim);
  const { input, salt, output } = opening;
  const bits = firstFrom(1, MAX_BYTE_BITS, (one) => inputScheme(one, input.length) === model.inputScheme);
  const classes = firstFrom(2, MAX_CLASSES, (one) => outputScheme(one) === model.outputScheme);
  if (bits === undefined || classes === undefined) return undefined;
  const [label, ...more] = output;
  if (label === undefined || more.length > 0 || label >= classes || !isSalt(salt)) return false;
  if (input.some((element) => element >= 2 ** bits)) return false;
  return (
    commitInput({ bits, elements: input, salt }) === claim.inputHash &&
    commitLabel(label, classes) === claim.outputHash
  );
}

function isSalt(salt: Hex): boolean {
  return salt.startsWith("0x00");
}

function firstFrom(low: number, high: number, fits: (candidate: number) => boolean): number | undefined {
  for (let candidate = low; candidate <= high; candidate++) if (fits(candidate)) return candidate;
  return undefined;
}
