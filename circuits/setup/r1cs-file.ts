// SPDX-License-Identifier: GPL-3.0-or-later
import { decodeSections } from "./sections.ts";

const [HEADER, CONSTRAINTS] = [1, 2] as const;
const FIELD_BYTES = 32;

/** Sizes of a circuit, as the compiler wrote them. */
export interface R1csHeader {
  wires: number;
  /** Outputs and public inputs; their wires follow wire 0, the constant one. */
  publicSignals: number;
  constraints: number;
}

/** One side of a constraint A * B = C. */
export type Side = "a" | "b" | "c";

/** Reads a file that circom wrote. @throws RangeError not an R1CS over BN254's scalar field */
export function readR1csHeader(r1cs: Uint8Array): R1csHeader {
  const header = decodeSections("r1cs", r1cs)(HEADER);
  if (header.readUInt32LE(0) !== FIELD_BYTES) throw new RangeError("the R1CS is over another field");
  const at = 4 + FIELD_BYTES;
  return {
    wires: header.readUInt32LE(at),
    publicSignals: header.readUInt32LE(at + 4) + header.readUInt32LE(at + 8),
    constraints: header.readUInt32LE(at + 24),
  };
}

/** Every term of every constraint, in the order of the file: row by row, A before B before C. */
export function* r1csTerms(
  r1cs: Uint8Array,
): Generator<{ side: Side; row: number; wire: number; coefficient: bigint }> {
  const { constraints } = readR1csHeader(r1cs);
  const bytes = decodeSections("r1cs", r1cs)(CONSTRAINTS);
  let at = 0;
  for (let row = 0; row < constraints; row++) {
    for (const side of ["a", "b", "c"] as const) {
      const count = bytes.readUInt32LE(at);
      at += 4;
      for (let term = 0; term < count; term++, at += 4 + FIELD_BYTES) {
        yield { side, row, wire: bytes.readUInt32LE(at), coefficient: readScalar(bytes, at + 4) };
      }
    }
  }
}

/** snarkjs' domain: the least power of two with room for the constraints and a row per public signal and the constant. */
export function domainPower({ constraints, publicSignals }: R1csHeader): number {
  return Math.floor(Math.log2(constraints + publicSignals)) + 1;
}

function readScalar(bytes: Buffer, at: number): bigint {
  let value = 0n;
  for (let word = 3; word >= 0; word--) value = (value << 64n) | bytes.readBigUInt64LE(at + 8 * word);
  return value;
}
