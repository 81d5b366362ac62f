// SPDX-License-Identifier: GPL-3.0-or-later
import { blake2b } from "@noble/hashes/blake2.js";
import type { Group } from "ffjavascript";
import { bn254 } from "./curve.ts";

/** The points of a key without contributions, affine and in snarkjs' form. */
export interface InitialPoints {
  alphaG1: Uint8Array;
  betaG1: Uint8Array;
  betaG2: Uint8Array;
  generatorG1: Uint8Array;
  generatorG2: Uint8Array;
  ic: Uint8Array;
  a: Uint8Array;
  b1: Uint8Array;
  b2: Uint8Array;
  /** Not yet divided by delta. */
  l: Uint8Array;
  /** (tau^n - 1) tau^i for i < n, where n is the size of the domain. */
  vanishing: Uint8Array;
}

const G1_BYTES = 64;
const G2_BYTES = 128;
const READ_AT_ONCE = 2 ** 14;

/** What contributions to a key are bound to: snarkjs' hash over all its points, in the order of `zkey_new.js`. */
export async function circuitHash(points: InitialPoints): Promise<Uint8Array> {
  const { G1, G2 } = await bn254();
  const hash = blake2b.create({ dkLen: 64 });
  const plain = async (group: Group, bytes: Uint8Array) => hash.update(await group.batchLEMtoU(bytes));
  const listed = async (group: Group, bytes: Uint8Array, count: number) => {
    hash.update(bigEndian(count));
    await plain(group, bytes);
  };

  await plain(G1, points.alphaG1);
  await plain(G1, points.betaG1);
  await plain(G2, points.betaG2);
  await plain(G2, points.generatorG2); // gamma
  await plain(G1, points.generatorG1); // delta
  await plain(G2, points.generatorG2); // delta
  await listed(G1, points.ic, points.ic.length / G1_BYTES);
  const domain = points.vanishing.length / G1_BYTES;
  // The last point does not count, and yet is hashed where the points take more than one reading.
  const hashed = domain > READ_AT_ONCE ? domain : domain - 1;
  await listed(G1, points.vanishing.subarray(0, hashed * G1_BYTES), domain - 1);
  await listed(G1, points.l, points.l.length / G1_BYTES);
  await listed(G1, points.a, points.a.length / G1_BYTES);
  await listed(G1, points.b1, points.b1.length / G1_BYTES);
  await listed(G2, points.b2, points.b2.length / G2_BYTES);
  return hash.digest();
}

function bigEndian(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
