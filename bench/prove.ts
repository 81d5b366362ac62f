// SPDX-License-Identifier: MIT
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { measureAccuracy } from "../circuits/measure-accuracy.ts";
import { artifactsDirectory } from "../circuits/paths.ts";
import { SUITE } from "../circuits/suite.ts";
import { STATEMENTS } from "./prove-rival.ts";
import type { SubjectName } from "./prove-subjects.ts";

/** What proving one inference costs. Seconds are medians of warm runs; memory is the peak of a process of its own. */
export interface ProvingCost {
  constraints: number;
  nonLinear: number;
  linear: number;
  /** Of `proveSeconds`. */
  witnessSeconds: number;
  /** Witness and proof. */
  proveSeconds: number;
  verifySeconds: number;
  zkeyBytes: number;
  wasmBytes: number;
  peakRssMb: number;
}

const MAX_OUTPUT_BYTES = 2 ** 24;

/**
 * Proves with a warm snarkjs, side by side with circomlib-ml from npm: same layer sizes, weights, image, compiler and
 * machine. Constraints of the circuits that are not proven here are those of their manifests, which
 * `circuits:build -- --check --recompile` proves.
 */
export async function benchProve(): Promise<Record<string, unknown>> {
  const counted = Object.fromEntries(
    SUITE.map((name) => [name, { constraints: committedConstraints(name) }]),
  );
  const devSetupSeconds = await inProcess<number>("setup", "tiny_mlp");
  const tiny_mlp = await inProcess<ProvingCost>("prove", "tiny_mlp");
  const ours = await inProcess<ProvingCost>("prove", "mnist_mlp");
  const theirs = await inProcess<ProvingCost>("prove", "circomlib_ml");
  return {
    ...counted,
    tiny_mlp,
    mnist_mlp: {
      ...ours,
      // Of proving alone. Both sides' witness takes about as long, most of it to instantiate WebAssembly.
      ratioProveTime: ratio(proofSeconds(theirs), proofSeconds(ours)),
      ratioWithWitness: ratio(theirs.proveSeconds, ours.proveSeconds),
      ratioConstraints: ratio(theirs.constraints, ours.constraints),
      ...measureAccuracy("mnist_mlp"),
      proves: STATEMENTS.ours,
    },
    circomlib_ml: { ...theirs, proves: STATEMENTS.circomlibMl },
    devSetupSeconds,
  };
}

function proofSeconds({ proveSeconds, witnessSeconds }: ProvingCost): number {
  return proveSeconds - witnessSeconds;
}

/** Runs one command of prove-run.ts. */
export async function inProcess<Result>(command: string, subject: SubjectName): Promise<Result> {
  const script = fileURLToPath(new URL("./prove-run.ts", import.meta.url));
  const args = ["--no-warnings", script, command, subject];
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: MAX_OUTPUT_BYTES });
  return JSON.parse(stdout) as Result;
}

function committedConstraints(name: string): number {
  const manifest = JSON.parse(readFileSync(join(artifactsDirectory(name), "manifest.json"), "utf8")) as {
    constraints: { total: number };
  };
  return manifest.constraints.total;
}

function ratio(theirs: number, ours: number): number {
  return Math.round((theirs / ours) * 100) / 100;
}
