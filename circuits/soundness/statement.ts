// SPDX-License-Identifier: GPL-3.0-or-later
import { MeantimeError } from "@meantime/sdk/errors";
import { cachedCircuit } from "../compiler/cache.ts";
import { type SuiteName, suiteCircuit } from "../suite.ts";
import { type R1cs, readR1cs } from "./r1cs.ts";
import { readSymbols, type Symbols } from "./symbols.ts";

/** A compiled circuit as the soundness kit looks at it. */
export interface Subject {
  name: string;
  r1cs: R1cs;
  symbols: Symbols;
  /**
   * Wires that the statement gives. An input that is none of them is a hint, and has to follow like any
   * other wire.
   */
  known: number[];
  wasm: Uint8Array;
}

/** What a prover may choose: the statement "I know these, such that" names them and nothing else. */
const CHOSEN: readonly string[] = ["x", "salt", "ctx"];
const CHOSEN_WITH_WEIGHTS: readonly string[] = [...CHOSEN, "weights", "weightSalt"];

/** Compiles a circuit of the suite, or takes it from the cache. */
export async function suiteSubject(name: SuiteName): Promise<Subject> {
  const { r1cs, symbols, wasm } = await cachedCircuit(name, suiteCircuit(name).source);
  const inputs = name === "committed_mlp" ? CHOSEN_WITH_WEIGHTS : CHOSEN;
  const names = readSymbols(symbols);
  return { name, r1cs: readR1cs(r1cs), symbols: names, known: wiresOf(names, inputs), wasm };
}

/**
 * Wires of the signals of those names.
 * @throws MeantimeError `MT-CIR-103` when the circuit has no such signal
 */
export function wiresOf(symbols: Symbols, signals: readonly string[]): number[] {
  return signals.flatMap((signal) => {
    const wires = symbols.wiresOf(signal);
    if (wires.length > 0 || symbols.replacedOf(signal).length > 0) return wires;
    throw new MeantimeError("MT-CIR-103", `the circuit has no signal ${signal}`, {
      hint: "Name signals of the main component, arrays without an index.",
      details: { signal },
    });
  });
}
