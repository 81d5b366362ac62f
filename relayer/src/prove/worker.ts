// SPDX-License-Identifier: GPL-3.0-or-later
// The process in which snarkjs runs: one job at a time, as they come.

import { writeFile } from "node:fs/promises";
import * as snarkjs from "snarkjs";
import type { WorkerAnswer, WorkerJob } from "./worker-process.ts";

// The relayer is gone, however it ended: nobody wants the proof any more.
process.on("disconnect", () => process.exit(0));
// A Ctrl-C reaches the whole process group; the relayer decides when its prover ends.
process.on("SIGINT", () => undefined);

// Builds the curve's WebAssembly and starts snarkjs' threads before the first job.
await snarkjs.curves.getCurveFromName("bn128");

process.on("message", async ({ id, signals, wasm, zkey, witnessFile }: WorkerJob) => {
  try {
    const witness: snarkjs.MemoryFile = { type: "mem" };
    await snarkjs.wtns.calculate(signals, wasm, witness);
    if (witnessFile !== undefined) {
      await writeFile(witnessFile, witness.data ?? new Uint8Array());
      answer({ id, stage: "witnessed" });
      return;
    }
    answer({ id, stage: "proving" });
    const { proof, publicSignals } = await snarkjs.groth16.prove(zkey, witness);
    answer({ id, stage: "proven", proof, publicSignals });
  } catch (error) {
    // snarkjs throws errors that hold wasm memory; only their text crosses the process border.
    answer({ id, stage: "failed", error: error instanceof Error ? error.message : String(error) });
  }
});

function answer(result: WorkerAnswer): void {
  process.send?.(result);
}
