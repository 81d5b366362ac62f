// SPDX-License-Identifier: MIT
import { bn254 } from "@noble/curves/bn254.js";
import { type KeyPoint, readG1, readG2 } from "./key-points.ts";

/** Something about a verification key that whoever relies on it should know. */
export interface KeyFinding {
  /** An error: proofs can be forged, or verifiers refuse the key. A warning: this protocol's registry refuses it. */
  severity: "error" | "warning";
  /** Stable, for programs. */
  code: KeyFindingCode;
  /** Which part of the key. */
  what: string;
  /** What follows from it. */
  why: string;
}

export type KeyFindingCode =
  | "not-groth16"
  | "point-malformed"
  | "point-not-canonical"
  | "point-not-affine"
  | "point-at-infinity"
  | "point-off-curve"
  | "point-outside-subgroup"
  | "inputs-mismatch"
  | "no-inputs"
  | "not-three-inputs"
  | "input-free"
  | "inputs-share-point"
  | "phase-1-skipped"
  | "phase-2-skipped"
  | "points-related"
  | "development-setup";

type Key = Record<"alpha" | "beta" | "gamma" | "delta", KeyPoint | undefined> & {
  ic: (KeyPoint | undefined)[];
};
type Report = (severity: KeyFinding["severity"], code: KeyFindingCode, what: string, why: string) => void;

const PROTOCOL_INPUTS = 3;
const G1_GENERATOR_X = [bn254.G1.Point.BASE.X];
const G2_GENERATOR_X = [bn254.G2.Point.BASE.X.c0, bn254.G2.Point.BASE.X.c1];
// Of the development setup (circuits/setup/dev-powers-of-tau.ts): the same for every circuit.
const DEVELOPMENT_ALPHA_X = [10898639663515415914830779985374419597894741283814216840936224233556193139860n];
const DEVELOPMENT_BETA_X = [
  3284640424914182952901011986063959495665298610737618435745118617344972024491n,
  16948209264783695443998011886343876785519376616241757475721681405247618635376n,
];

/**
 * What is wrong with a Groth16 verification key over BN254, from snarkjs' JSON: nothing, where the list is empty. Finds
 * what accidents and skipped ceremonies leave behind; no look at a key tells whether its setup was honest. Throws
 * nothing: JSON that is no key is a finding.
 */
export function lintVerificationKey(json: unknown): KeyFinding[] {
  const findings: KeyFinding[] = [];
  const report: Report = (severity, code, what, why) => findings.push({ severity, code, what, why });
  const fields = typeof json === "object" && json !== null ? (json as Record<string, unknown>) : {};
  if (fields.protocol !== "groth16" || fields.curve !== "bn128" || !Array.isArray(fields.IC)) {
    report("error", "not-groth16", "the file", "it is no Groth16 key over bn128 as snarkjs exports them");
    return findings;
  }
  lintInputCount(fields.nPublic, fields.IC.length - 1, report);
  const key = readKey(fields, fields.IC, report);
  lintContributions(key, report);
  lintInputs(key.ic, report);
  if (hasX(key.alpha, DEVELOPMENT_ALPHA_X) || hasX(key.beta, DEVELOPMENT_BETA_X)) {
    const why = "its trapdoor is public, so anybody forges proofs: for chain 31337 alone";
    report("error", "development-setup", "vk_alpha_1, vk_beta_2", why);
  }
  return findings;
}

function lintInputCount(declared: unknown, inputs: number, report: Report): void {
  const what = `IC, of ${inputs + 1} points`;
  if (declared !== undefined && declared !== inputs) {
    const why = `nPublic says ${String(declared)}: a verifier made from the file reads too many inputs or too few`;
    report("error", "inputs-mismatch", what, why);
  }
  if (inputs < 1) {
    report("error", "no-inputs", what, "a proof says nothing about anything that its verifier knows");
  } else if (inputs !== PROTOCOL_INPUTS) {
    const why = `the registry takes keys for ${PROTOCOL_INPUTS} public inputs: inputHash, outputHash, ctx`;
    report("warning", "not-three-inputs", what, why);
  }
}

function readKey(fields: Record<string, unknown>, ic: readonly unknown[], report: Report): Key {
  const read = (reader: typeof readG1, name: string, json: unknown) => {
    const point = reader(name, json, (code, why) => report("error", code, name, why));
    if (!point?.isInfinity) return point;
    const place = /^IC\[([1-9]\d*)\]$/.exec(name)?.[1];
    if (place === undefined)
      report("error", "point-at-infinity", name, "its pairing is one, whatever the proof");
    else {
      const why = `public input ${Number(place) - 1} may be anything: no proof depends on it`;
      report("error", "input-free", name, why);
    }
    return undefined;
  };
  return {
    alpha: read(readG1, "vk_alpha_1", fields.vk_alpha_1),
    beta: read(readG2, "vk_beta_2", fields.vk_beta_2),
    gamma: read(readG2, "vk_gamma_2", fields.vk_gamma_2),
    delta: read(readG2, "vk_delta_2", fields.vk_delta_2),
    ic: ic.map((point, place) => read(readG1, `IC[${place}]`, point)),
  };
}

// Whoever knows the ratio of two of beta, gamma and delta forges proofs; of equal or opposite points everybody does.
function lintContributions({ alpha, beta, gamma, delta }: Key, report: Report): void {
  const generator = "it is the generator or its opposite";
  if (hasX(alpha, G1_GENERATOR_X)) {
    report("error", "phase-1-skipped", "vk_alpha_1", `${generator}: nobody contributed to the powers of tau`);
  }
  if (hasX(beta, G2_GENERATOR_X)) {
    report("error", "phase-1-skipped", "vk_beta_2", `${generator}: nobody contributed to the powers of tau`);
  }
  if (hasX(delta, G2_GENERATOR_X)) {
    const why = `${generator}, as groth16 setup leaves it: nobody contributed to phase 2`;
    report("error", "phase-2-skipped", "vk_delta_2", why);
  }
  const related = (
    a: KeyPoint | undefined,
    b: KeyPoint | undefined,
    forgery: string,
    code: KeyFindingCode,
  ) => {
    if (!a || !b || !hasX(a, b.x)) return;
    const why = `they are equal or opposite: up to signs, ${forgery} is a proof of anything`;
    report("error", code, `${a.name}, ${b.name}`, why);
  };
  related(gamma, delta, "(alpha, beta, -L)", "phase-2-skipped");
  related(beta, gamma, "(alpha + L, beta, 0)", "points-related");
  related(beta, delta, "(L, gamma, -alpha)", "points-related");
}

function lintInputs(ic: readonly (KeyPoint | undefined)[], report: Report): void {
  for (const [place, point] of ic.entries()) {
    for (const other of ic.slice(1, Math.max(place, 1))) {
      if (!point || !other || !hasX(point, other.x)) continue;
      const why = "they are equal or opposite: a proof for some inputs is one for others";
      report("error", "inputs-share-point", `${other.name}, ${point.name}`, why);
    }
  }
}

// Points with one x are equal or opposite.
function hasX(point: KeyPoint | undefined, x: readonly bigint[]): boolean {
  return point?.x.length === x.length && point.x.every((word, at) => word === x[at]);
}
