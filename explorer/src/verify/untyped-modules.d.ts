// SPDX-License-Identifier: MIT
declare module "snarkjs" {
  export const groth16: {
    verify(key: object, publicSignals: readonly string[], proof: object): Promise<boolean>;
  };
}

declare module "ffjavascript" {
  export function buildBn128(singleThread: boolean): Promise<object>;
}

// Where ffjavascript keeps the curve that it built.
declare var curve_bn128: object | null | undefined;
