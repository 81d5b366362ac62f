// SPDX-License-Identifier: GPL-3.0-or-later
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { parseModelSpec, specHash } from "@meantime/sdk/model";
import { compileCircuit } from "../../compiler/compile.ts";
import { circuitSource } from "../../compiler/source.ts";
import { domainPower, readR1csHeader } from "../r1cs-file.ts";
import { CeremonyError } from "./errors.ts";

/** The circuit that a ceremony makes a key for. */
export interface CeremonyCircuit {
  r1cs: Uint8Array;
  sha256: string;
  /** The domain has 2^power rows. */
  power: number;
  model?: { name: string; specHash: string };
}

/** Where it comes from: a specification, compiled now, or an R1CS that the caller compiled. */
export type CircuitSource = { model: string } | { r1cs: string };

/**
 * Makes the R1CS of a model from its specification, never from a file that somebody sent; or takes a given one.
 *
 * @throws CeremonyError `MT-CER-004` unreadable
 */
export async function openCircuit(source: CircuitSource): Promise<CeremonyCircuit> {
  try {
    if ("r1cs" in source) return describe(new Uint8Array(await readFile(source.r1cs)));
    const spec = parseModelSpec(JSON.parse(await readFile(source.model, "utf8")));
    const { r1cs } = await compileCircuit(spec.name, circuitSource(spec));
    return describe(r1cs, { name: spec.name, specHash: specHash(spec) });
  } catch (error) {
    const file = "r1cs" in source ? source.r1cs : source.model;
    throw new CeremonyError(
      "MT-CER-004",
      `${file} gives no circuit: ${error instanceof Error ? error.message : String(error)}`,
      "Give a model specification with --model, or an R1CS of circom with --r1cs.",
      { file },
    );
  }
}

function describe(r1cs: Uint8Array, model?: CeremonyCircuit["model"]): CeremonyCircuit {
  return {
    r1cs,
    sha256: createHash("sha256").update(r1cs).digest("hex"),
    power: domainPower(readR1csHeader(r1cs)),
    ...(model ? { model } : {}),
  };
}
