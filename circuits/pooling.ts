// SPDX-License-Identifier: GPL-3.0-or-later

/** Side of a pooled image, in pixels. */
export const POOLED_SIDE = 14;
/** Pixels of a pooled image, row by row. */
export const POOLED_LENGTH = POOLED_SIDE * POOLED_SIDE;

const SIDE = 2 * POOLED_SIDE;
const STEPS = 15;
const BYTES_PER_STEP = (4 * 255) / STEPS;

/**
 * Average-pools a 28x28 greyscale image 2x2 and quantises it to 4 bits, rounding half up.
 *
 * Integers only: the sum of four bytes lies in 0..1020, and 1020 / 15 = 68 bytes make one step, so that every
 * machine sees the same pixels.
 *
 * @param image 784 bytes, row by row, 0 = background, 255 = full ink.
 * @returns 196 elements in 0..15, row by row.
 */
export function poolImage(image: Uint8Array): Uint8Array {
  if (image.length !== SIDE * SIDE) {
    throw new RangeError(`an image has ${SIDE * SIDE} bytes, not ${image.length}`);
  }
  const pooled = new Uint8Array(POOLED_LENGTH);
  for (let row = 0; row < POOLED_SIDE; row++) {
    for (let column = 0; column < POOLED_SIDE; column++) {
      const corner = 2 * row * SIDE + 2 * column;
      const sum =
        (image[corner] as number) +
        (image[corner + 1] as number) +
        (image[corner + SIDE] as number) +
        (image[corner + SIDE + 1] as number);
      pooled[row * POOLED_SIDE + column] = Math.floor((sum + BYTES_PER_STEP / 2) / BYTES_PER_STEP);
    }
  }
  return pooled;
}
