// SPDX-License-Identifier: GPL-3.0-or-later
// A process of its own (see prove.ts), so that nothing else counts into its memory and times. Prints one JSON line:
//   prove SUBJECT   ProvingCost
//   setup           seconds that the development keys of tiny_mlp take, with a circuit that is compiled
//   proof SUBJECT   one proof, its public signals and the verification key
import * as snarkjs from "snarkjs";
import { cachedCircuit } from "../circuits/compiler/cache.ts";
import { devKeys } from "../circuits/setup/dev-keys.ts";
import type { ProvingCost } from "./prove.ts";
import { keyedCircuit } from "./prove-keys.ts";
import { type SubjectName, subjectNamed } from "./prove-subjects.ts";

const [command, name = "tiny_mlp"] = process.argv.slice(2);
const subject = subjectNamed(name as SubjectName);
const result =
  command === "setup" ? await timeSetup() : command === "proof" ? await proveOnce() : await cost();
// snarkjs leaves its worker threads running.
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));

async function timeSetup(): Promise<number> {
  const { r1cs } = await cachedCircuit(subject.name, subject.source);
  const [seconds] = await timed(() => devKeys(r1cs));
  return seconds;
}

async function proveOnce() {
  const { wasm, zkey, verificationKey } = await keyedCircuit(subject.name, subject.source);
  const memory = (data: Uint8Array) => ({ type: "mem", data }) as const;
  const made = await snarkjs.groth16.fullProve(subject.signals, memory(wasm), memory(zkey));
  return { ...made, verificationKey };
}

async function cost(): Promise<ProvingCost> {
  const { constraints, wasm, zkey, verificationKey } = await keyedCircuit(subject.name, subject.source);
  await measure();
  const runs = [];
  for (let run = 0; run < subject.runs; run++) runs.push(await measure());
  return {
    constraints: constraints.nonLinear + constraints.linear,
    ...constraints,
    witnessSeconds: median(runs.map((run) => run.witnessSeconds)),
    proveSeconds: median(runs.map((run) => run.proveSeconds)),
    verifySeconds: median(runs.map((run) => run.verifySeconds)),
    zkeyBytes: zkey.length,
    wasmBytes: wasm.length,
    peakRssMb: Math.round(process.resourceUsage().maxRSS / 1024),
  };

  async function measure(): Promise<Record<"witnessSeconds" | "proveSeconds" | "verifySeconds", number>> {
    const witness: snarkjs.MemoryFile = { type: "mem" };
    const [witnessSeconds] = await timed(() =>
      snarkjs.wtns.calculate(subject.signals, { type: "mem", data: wasm }, witness),
    );
    const [proofSeconds, made] = await timed(() =>
      snarkjs.groth16.prove({ type: "mem", data: zkey }, witness),
    );
    const [verifySeconds, holds] = await timed(() =>
      snarkjs.groth16.verify(verificationKey, made.publicSignals, made.proof),
    );
    if (!holds) throw new Error("the proof that was measured does not verify");
    return { witnessSeconds, proveSeconds: round(witnessSeconds + proofSeconds), verifySeconds };
  }
}

async function timed<T>(work: () => Promise<T>): Promise<[seconds: number, result: T]> {
  const start = performance.now();
  const value = await work();
  return [round((performance.now() - start) / 1000), value];
}

function round(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
