// SPDX-License-Identifier: GPL-3.0-or-later
// The process in which snarkjs runs: one job at a time, as they come.

import { groth16 } from "snarkjs";
import type { ProofJob, ProofResult } from "./prover.ts";

// The relayer is gone, however it ended: nobody wants the proof any more.
process.on("disconnect", () => process.exit(0));
// A Ctrl-C reaches the whole process group; the relayer decides when its prover ends.
process.on("SIGINT", () => undefined);

process.on("message", async ({ id, signals, wasm, zkey }: ProofJob) => {
  try {
    const { proof, publicSignals } = await groth16.fullProve(signals, wasm, zkey);
    answer({ id, proof, publicSignals });
  } catch (error) {
    // snarkjs throws errors that hold wasm memory; only their text crosses the process border.
    answer({ id, error: error instanceof Error ? error.message : String(error) });
  }
});

function answer(result: ProofResult): void {
  process.send?.(result);
}
