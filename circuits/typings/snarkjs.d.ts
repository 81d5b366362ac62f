// SPDX-License-Identifier: GPL-3.0-or-later
// The part of snarkjs 0.7.6 that this project uses; the package ships no types.
declare module "snarkjs" {
  import type { Curve } from "ffjavascript";

  export interface MemoryFile {
    type: "mem";
    data?: Uint8Array;
  }
  export type File = string | MemoryFile;

  /** Where snarkjs says why it answers `false`. */
  export interface Logger {
    error(message: string): void;
    warn(message: string): void;
    info(message: string): void;
    debug(message: string): void;
  }

  export interface Groth16Proof {
    pi_a: string[];
    pi_b: string[][];
    pi_c: string[];
    protocol: string;
    curve: string;
  }

  export interface ProofWithSignals {
    proof: Groth16Proof;
    publicSignals: string[];
  }

  export type SignalInputs = Record<string, string | number | bigint | readonly (string | number | bigint)[]>;

  export const groth16: {
    fullProve(inputs: SignalInputs, wasm: File, zkey: File): Promise<ProofWithSignals>;
    prove(zkey: File, witness: File): Promise<ProofWithSignals>;
    verify(verificationKey: unknown, publicSignals: string[], proof: Groth16Proof): Promise<boolean>;
  };

  export const wtns: {
    calculate(inputs: SignalInputs, wasm: File, witness: File): Promise<void>;
    check(r1cs: File, witness: File): Promise<boolean>;
    exportJson(witness: File): Promise<bigint[]>;
  };

  export const zKey: {
    /** Resolves to the circuit's hash, -1 where the files do not fit. */
    newZKey(r1cs: File, ptau: File, zkey: File, logger?: Logger): Promise<Uint8Array | number>;
    /** Resolves to the contribution's hash. */
    contribute(from: File, to: File, name: string, entropy: string): Promise<Uint8Array>;
    /** Resolves to the contribution's hash, `false` for a beacon that is not hexadecimal. */
    beacon(
      from: File,
      to: File,
      name: string,
      hash: string,
      iterationsExponent: number,
    ): Promise<Uint8Array | false>;
    verifyFromR1cs(r1cs: File, ptau: File, zkey: File, logger?: Logger): Promise<boolean>;
    exportVerificationKey(zkey: File): Promise<unknown>;
    /** Solidity source by the templates that the package ships under `templates`. */
    exportSolidityVerifier(zkey: File, templates: { groth16: string }): Promise<string>;
  };

  export const curves: {
    /** With threads of its own, which snarkjs shares from then on. */
    getCurveFromName(name: string): Promise<Curve>;
  };

  export const powersOfTau: {
    newAccumulator(curve: Curve, power: number, ptau: File): Promise<unknown>;
    contribute(from: File, to: File, name: string, entropy: string): Promise<unknown>;
    preparePhase2(from: File, to: File): Promise<unknown>;
  };

  export const r1cs: {
    info(file: File): Promise<{ nConstraints: number; nVars: number; nOutputs: number; nPubInputs: number }>;
  };
}
