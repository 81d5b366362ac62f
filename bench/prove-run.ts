// SPDX-License-Identifier: GPL-3.0-or-later
// A process of its own (see prove.ts): prints one ProvingCost as JSON.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as snarkjs from "snarkjs";
import { loadTestImages } from "../circuits/mnist.ts";
import { ARTIFACTS_DIRECTORY } from "../circuits/paths.ts";
import type { ProvingCost } from "./prove.ts";

const WARM_RUNS = 5;

const wasm = readFileSync(join(ARTIFACTS_DIRECTORY, "tiny_mlp.wasm"));
const zkey = readFileSync(join(ARTIFACTS_DIRECTORY, "tiny_mlp.zkey"));
const verificationKey: unknown = JSON.parse(
  readFileSync(join(ARTIFACTS_DIRECTORY, "verification_key.json"), "utf8"),
);
const { constraints } = JSON.parse(readFileSync(join(ARTIFACTS_DIRECTORY, "manifest.json"), "utf8")) as {
  constraints: { total: number; nonLinear: number; linear: number };
};

const [image] = loadTestImages();
const input = { x: Array.from(image?.pixels ?? []), salt: "1", ctx: "1" };
await measure();
const runs = [];
for (let run = 0; run < WARM_RUNS; run++) runs.push(await measure());

const cost: ProvingCost = {
  constraints: constraints.total,
  nonLinear: constraints.nonLinear,
  linear: constraints.linear,
  witnessSeconds: median(runs.map((run) => run.witnessSeconds)),
  proveSeconds: median(runs.map((run) => run.proveSeconds)),
  verifySeconds: median(runs.map((run) => run.verifySeconds)),
  zkeyBytes: zkey.length,
  wasmBytes: wasm.length,
  peakRssMb: Math.round(process.resourceUsage().maxRSS / 1024),
};
// snarkjs leaves its worker threads running.
process.stdout.write(`${JSON.stringify(cost)}\n`, () => process.exit(0));

async function measure(): Promise<Record<"witnessSeconds" | "proveSeconds" | "verifySeconds", number>> {
  const witness: snarkjs.MemoryFile = { type: "mem" };
  const [witnessSeconds] = await timed(() =>
    snarkjs.wtns.calculate(input, { type: "mem", data: wasm }, witness),
  );
  const [proveSeconds, made] = await timed(() => snarkjs.groth16.prove({ type: "mem", data: zkey }, witness));
  const [verifySeconds, holds] = await timed(() =>
    snarkjs.groth16.verify(verificationKey, made.publicSignals, made.proof),
  );
  if (!holds) throw new Error("the proof that was measured does not verify");
  return { witnessSeconds, proveSeconds, verifySeconds };
}

async function timed<T>(work: () => Promise<T>): Promise<[seconds: number, result: T]> {
  const start = performance.now();
  const result = await work();
  return [Math.round(performance.now() - start) / 1000, result];
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
