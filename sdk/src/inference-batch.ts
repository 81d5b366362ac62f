// SPDX-License-Identifier: MIT
import { chainPoseidon, inputScheme, schemeTag } from "./commitment.ts";
import { MeantimeError } from "./errors.ts";
import { type Hex, keccak256Text } from "./hex.ts";

const WORD_BITS = 248;

/** Many inputs of one model that are answered, claimed and proven as one. */
export interface InferenceBatchShape {
  /** Width of one element of an input, in bits. */
  inputBits: number;
  /** Elements of one input. */
  inputLength: number;
  classes: number;
  /** How many inputs. */
  count: number;
}

/**
 * Name of the input scheme of a batch: keccak256("meantime.batch.poseidon.v1:<count>:<input scheme>"), where the input
 * scheme is that of one input, in lower-case hex.
 */
export function batchInputScheme({ inputBits, inputLength, count }: InferenceBatchShape): Hex {
  return keccak256Text(`meantime.batch.poseidon.v1:${count}:${inputScheme(inputBits, inputLength)}`);
}

/** Name of the output scheme of a batch: keccak256("meantime.output.labels.v1:<classes>:<count>"). */
export function batchOutputScheme({ classes, count }: InferenceBatchShape): Hex {
  return keccak256Text(`meantime.output.labels.v1:${classes}:${count}`);
}

/**
 * The root that a batch's claim carries as `inputHash`: Poseidon over the tag of the scheme and the commitments of the
 * inputs, in order, 16 elements in the first call and (hash so far, 15 elements) in each further one.
 *
 * @throws MeantimeError MT-SDK-206 for another number of commitments.
 */
export function commitBatch(shape: InferenceBatchShape, inputHashes: readonly Hex[]): Hex {
  requireCount(inputHashes.length, shape.count);
  return chainPoseidon([schemeTag(batchInputScheme(shape)), ...inputHashes.map(BigInt)]);
}

/**
 * The labels of a batch as its claim carries them in `outputHash`: {@link labelBits} bits each, the first lowest, so
 * that a contract reads any of them without an opening.
 *
 * @throws MeantimeError MT-SDK-204 for a label that is none of the classes, MT-SDK-206 for another number of labels,
 *   MT-SDK-207 when so many do not fit one word.
 */
export function packLabels(shape: InferenceBatchShape, labels: readonly number[]): Hex {
  requireCount(labels.length, shape.count);
  const bits = labelBits(shape);
  const word = labels.reduceRight((packed, label) => {
    if (!Number.isInteger(label) || label < 0 || label >= shape.classes) {
      throw new MeantimeError("MT-SDK-204", `label ${label} is not one of ${shape.classes} classes`, {
        hint: `Pass integers from 0 to ${shape.classes - 1}.`,
        details: { label, classes: shape.classes },
      });
    }
    return (packed << BigInt(bits)) + BigInt(label);
  }, 0n);
  return `0x${word.toString(16).padStart(64, "0")}`;
}

/** Bits that one label takes in a packed word: 4 for ten classes. Throws MT-SDK-207 when the batch does not fit. */
export function labelBits({ classes, count }: InferenceBatchShape): number {
  const bits = Math.ceil(Math.log2(classes));
  if (bits * count <= WORD_BITS) return bits;
  throw new MeantimeError("MT-SDK-207", `${count} labels of ${bits} bits do not fit ${WORD_BITS} bits`, {
    hint: `Batch at most ${Math.floor(WORD_BITS / bits)} inputs.`,
    details: { count, bits },
  });
}

function requireCount(found: number, expected: number): void {
  if (found === expected) return;
  throw new MeantimeError("MT-SDK-206", `a batch of ${expected} cannot hold ${found}`, {
    hint: "Fill the batch; an input may occur twice.",
    details: { expected, found },
  });
}
