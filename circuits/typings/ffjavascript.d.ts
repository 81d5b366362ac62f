// SPDX-License-Identifier: GPL-3.0-or-later
// The part of ffjavascript 0.3.1 that this project uses; the package ships no types.
declare module "ffjavascript" {
  export interface Group {
    /** From affine points in snarkjs' form to big-endian coordinates without Montgomery factor. */
    batchLEMtoU(points: Uint8Array): Promise<Uint8Array>;
  }

  export interface ScalarField {
    fromRng(random: ChaCha): Uint8Array;
    toObject(element: Uint8Array): bigint;
  }

  export interface Curve {
    G1: Group;
    G2: Group;
    Fr: ScalarField;
    /** The WebAssembly module of the curve, and where in its memory the generators lie (three coordinates each). */
    tm: { code: Uint8Array<ArrayBuffer>; pG1gen: number; pG2gen: number };
    terminate(): Promise<void>;
  }

  /** The generator of the random numbers of a snarkjs beacon. */
  export class ChaCha {
    constructor(seed: number[]);
    nextU64(): bigint;
  }

  export function getCurveFromName(name: string, singleThread?: boolean): Promise<Curve>;
}
