// SPDX-License-Identifier: GPL-3.0-or-later
import { readFileSync } from "node:fs";
import * as snarkjs from "snarkjs";
import { compileCircuit } from "../../compiler/compile.ts";
import { devKeys } from "../../setup/dev-keys.ts";
import { checkDeterminism, originsOf } from "../determinism/check.ts";
import { modulo } from "../field.ts";
import { generateWitness } from "../inputs.ts";
import { type R1cs, readR1cs } from "../r1cs.ts";
import { wiresOf } from "../statement.ts";
import { readSymbols } from "../symbols.ts";
import { writeWitness } from "../witness-file.ts";

/** What the experiment shows. */
export interface ForgeryExperiment {
  /** The label that the network gives the input, and the one that the forged witness shows. */
  honestLabel: number;
  forgedLabel: number;
  /** The remainder that the generator took: "negative", so smaller than the divisor to `assert`. */
  forgedRemainder: string;
  /** What `snarkjs wtns check` says about the forged witness. */
  wtnsCheck: boolean;
  /** What `snarkjs groth16 verify` says about a proof made of it. */
  proofVerifies: boolean;
  /** Whether the constraints are the same bytes without the assert. */
  assertAddsNoConstraint: boolean;
  /** Hints that the compiler has replaced: their row defines them, and nothing is left of the division. */
  replacedHints: string[];
  /** Signals that the checker finds free when the statement gives the input alone. */
  freeSignals: string[];
  /** Those that would determine the others. */
  freeOrigins: string[];
  /**
   * Signals that it finds free when it is told that the hints are inputs: why such tools see nothing here.
   */
  freeSignalsWithHintsGiven: string[];
  /** Signals of the repaired circuit that are free. */
  freeSignalsRepaired: string[];
}

const HINTS = ["quotient", "remainder"];
const INPUT = [9, 4, 0, 7];
const WEIGHTS = [
  [3, 1, 0, 2],
  [1, 2, 4, 0],
  [0, 3, 1, 1],
];
const DIVISOR = 16n;
const WANTED_LABEL = 2;

/**
 * Forges a circuit whose requantisation is built as in the current source of circomlib-ml: layer outputs
 * and remainders of the division are signal inputs, guarded by assert. The stock witness generator does it;
 * nothing is patched.
 */
export async function runForgeryExperiment(): Promise<ForgeryExperiment> {
  const source = readSource("hinted");
  const hinted = await compileCircuit("hinted", source);
  const withoutAssert = await compileCircuit("hinted", withoutLine(source, "assert("));
  const repaired = await compileCircuit("repaired", readSource("repaired"));
  const r1cs = readR1cs(hinted.r1cs);

  const honest = await generateWitness(hinted.wasm, hintsFor(r1cs, honestQuotients()));
  const forgedHints = hintsFor(r1cs, honestQuotients().with(WANTED_LABEL, 10n ** 20n));
  const forged = await generateWitness(hinted.wasm, forgedHints);
  const witness: snarkjs.MemoryFile = { type: "mem", data: writeWitness(forged, r1cs.prime) };

  return {
    honestLabel: Number(honest[1]),
    forgedLabel: Number(forged[1]),
    forgedRemainder: forgedHints.remainder[WANTED_LABEL] ?? "",
    wtnsCheck: await snarkjs.wtns.check({ type: "mem", data: hinted.r1cs }, witness),
    proofVerifies: await doesProofVerify(hinted.r1cs, witness),
    assertAddsNoConstraint: Buffer.compare(hinted.r1cs, withoutAssert.r1cs) === 0,
    replacedHints: HINTS.flatMap(readSymbols(hinted.symbols).replacedOf),
    freeSignals: freeSignals(r1cs, hinted.symbols, ["x"]),
    freeOrigins: freeOrigins(r1cs, hinted.symbols, ["x"]),
    freeSignalsWithHintsGiven: freeSignals(r1cs, hinted.symbols, ["x", ...HINTS]),
    freeSignalsRepaired: freeSignals(readR1cs(repaired.r1cs), repaired.symbols, ["x"]),
  };
}

function honestQuotients(): bigint[] {
  return sums().map((sum) => sum / DIVISOR);
}

function sums(): bigint[] {
  return WEIGHTS.map((row) => BigInt(row.reduce((sum, weight, at) => sum + weight * (INPUT[at] ?? 0), 0)));
}

/** The remainders that go with the quotients: what is left in the field, in range or not. */
function hintsFor(
  { prime }: R1cs,
  quotients: readonly bigint[],
): { x: number[]; quotient: string[]; remainder: string[] } {
  const remainders = sums().map((sum, at) => modulo(sum - DIVISOR * (quotients[at] ?? 0n), prime));
  return { x: INPUT, quotient: quotients.map(String), remainder: remainders.map(String) };
}

function freeSignals(r1cs: R1cs, symbolText: string, given: readonly string[]): string[] {
  const symbols = readSymbols(symbolText);
  return checkDeterminism(r1cs, wiresOf(symbols, given)).free.map(symbols.nameOf);
}

function freeOrigins(r1cs: R1cs, symbolText: string, given: readonly string[]): string[] {
  const symbols = readSymbols(symbolText);
  const known = wiresOf(symbols, given);
  return originsOf(r1cs, known, checkDeterminism(r1cs, known).free).map(symbols.nameOf);
}

async function doesProofVerify(r1cs: Uint8Array, witness: snarkjs.File): Promise<boolean> {
  const { zkey, verificationKey } = await devKeys(r1cs);
  const { proof, publicSignals } = await snarkjs.groth16.prove({ type: "mem", data: zkey }, witness);
  return snarkjs.groth16.verify(verificationKey, publicSignals, proof);
}

function withoutLine(source: string, start: string): string {
  return source
    .split("\n")
    .filter((line) => !line.trimStart().startsWith(start))
    .join("\n");
}

function readSource(name: string): string {
  return readFileSync(new URL(`${name}.circom`, import.meta.url), "utf8");
}
