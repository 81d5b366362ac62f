// SPDX-License-Identifier: GPL-3.0-or-later
// The part of ffjavascript 0.3.1 that this project uses; the package ships no types.
declare module "ffjavascript" {
  export interface Field {
    n8: number;
  }

  export interface Group {
    g: Uint8Array;
    F: Field;
    zero: Uint8Array;
    add(left: Uint8Array, right: Uint8Array): Uint8Array;
    timesScalar(point: Uint8Array, scalar: bigint): Uint8Array;
    toJacobian(point: Uint8Array): Uint8Array;
    batchToAffine(points: Uint8Array): Promise<Uint8Array>;
  }

  export interface Curve {
    G1: Group;
    G2: Group;
    terminate(): Promise<void>;
  }

  /** The generator of the random numbers of a snarkjs beacon. */
  export class ChaCha {
    constructor(seed: number[]);
    nextU64(): bigint;
  }

  export function getCurveFromName(name: string, singleThread?: boolean): Promise<Curve>;
}
