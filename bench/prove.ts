// SPDX-License-Identifier: MIT
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** What proving one inference costs. Seconds are medians of warm runs; memory is the peak of a process of its own. */
export interface ProvingCost {
  constraints: number;
  nonLinear: number;
  linear: number;
  witnessSeconds: number;
  proveSeconds: number;
  verifySeconds: number;
  zkeyBytes: number;
  wasmBytes: number;
  peakRssMb: number;
}

/** Proves a digit several times in a fresh process, so that nothing else counts into its memory. */
export async function benchProve(): Promise<{ tiny_mlp: ProvingCost }> {
  const script = fileURLToPath(new URL("./prove-run.ts", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ["--no-warnings", script]);
  return { tiny_mlp: JSON.parse(stdout) as ProvingCost };
}
