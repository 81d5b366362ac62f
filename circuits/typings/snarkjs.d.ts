// SPDX-License-Identifier: GPL-3.0-or-later
// The part of snarkjs 0.7.6 that this project uses; the package ships no types.
declare module "snarkjs" {
  export interface MemoryFile {
    type: "mem";
    data?: Uint8Array;
  }
  export type File = string | MemoryFile;

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
    newZKey(r1cs: File, ptau: File, zkey: File): Promise<unknown>;
    beacon(from: File, to: File, name: string, hash: string, iterationsExponent: number): Promise<unknown>;
    exportVerificationKey(zkey: File): Promise<unknown>;
  };

  export const r1cs: {
    info(file: File): Promise<{ nConstraints: number; nVars: number; nOutputs: number; nPubInputs: number }>;
    /** Each constraint is A * B = C; each of the three maps a wire to its decimal coefficient. */
    exportJson(file: File): Promise<{ nVars: number; constraints: Record<string, string>[][] }>;
  };
}
