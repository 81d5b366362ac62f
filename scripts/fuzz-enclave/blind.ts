// SPDX-License-Identifier: MIT
import { concatBytes } from "@meantime/sdk/hex";
import type { Random } from "./random.ts";

/** Changes bytes without regard to what they mean. A donor is the same part of another document. */
export type Mutator = (bytes: Uint8Array, random: Random, donor: Uint8Array) => Uint8Array;

const MAX_RUN_BYTES = 64;

/** Every way in which bytes are changed blindly. */
export const BLIND: Record<string, Mutator> = {
  flipBits(bytes, random) {
    const copy = bytes.slice();
    for (let flips = 1 + random.below(3); flips > 0; flips--) {
      const place = random.below(copy.length);
      copy[place] = (copy[place] ?? 0) ^ (1 << random.below(8));
    }
    return copy;
  },
  changeByte(bytes, random) {
    const copy = bytes.slice();
    copy[random.below(copy.length)] = random.below(256);
    return copy;
  },
  insert(bytes, random) {
    const at = random.below(bytes.length + 1);
    return splice(bytes, at, 0, random.bytes(1 + random.below(MAX_RUN_BYTES)));
  },
  remove(bytes, random) {
    return splice(bytes, random.below(bytes.length), 1 + random.below(MAX_RUN_BYTES));
  },
  truncate: (bytes, random) => bytes.slice(0, random.below(bytes.length)),
  extend: (bytes, random) => concatBytes(bytes, random.bytes(1 + random.below(MAX_RUN_BYTES))),
  repeat(bytes, random) {
    const at = random.below(bytes.length);
    const run = bytes.slice(at, at + 1 + random.below(MAX_RUN_BYTES));
    return splice(bytes, random.below(bytes.length), 0, run);
  },
  exchange(bytes, random) {
    const length = 1 + random.below(Math.min(MAX_RUN_BYTES, Math.max(1, bytes.length >> 1)));
    const [one, other] = [random.below(bytes.length - length + 1), random.below(bytes.length - length + 1)];
    const copy = bytes.slice();
    copy.set(bytes.slice(other, other + length), one);
    copy.set(bytes.slice(one, one + length), other);
    return copy;
  },
  overwrite(bytes, random) {
    const length = random.pick([1, 2, 4, 8, 16, 32, 48]);
    const fill = random.pick([0x00, 0xff, 0x7f, 0x80]);
    const at = random.below(bytes.length);
    return splice(bytes, at, length, new Uint8Array(Math.min(length, bytes.length - at)).fill(fill));
  },
  transplant(bytes, random, donor) {
    const at = random.below(Math.max(1, Math.min(bytes.length, donor.length)));
    const length = 1 + random.below(2 * MAX_RUN_BYTES);
    return splice(bytes, at, length, donor.slice(at, at + length));
  },
};

function splice(
  bytes: Uint8Array,
  at: number,
  remove: number,
  insert: Uint8Array = new Uint8Array(),
): Uint8Array {
  return concatBytes(bytes.subarray(0, at), insert, bytes.subarray(at + remove));
}
