// SPDX-License-Identifier: MIT
import { loadTestImages } from "../../circuits/mnist.ts";

/** A test image of MNIST in the form the model reads: 14x14 pixels of 4 bits. */
export interface DigitImage {
  pixels: number[];
  label: number;
}

/** Images that the model has never seen in training, `count` of them from number `first` on. */
export async function heldOutImages(first: number, count: number): Promise<DigitImage[]> {
  const images = await loadTestImages();
  return images
    .slice(first, first + count)
    .map(({ pixels, label }) => ({ pixels: Array.from(pixels), label }));
}
