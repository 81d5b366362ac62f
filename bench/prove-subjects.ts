// SPDX-License-Identifier: GPL-3.0-or-later
import type { SignalInputs } from "snarkjs";
import { halvedImage, loadTestImages } from "../circuits/mnist.ts";
import { batchExample, suiteCircuit, suiteSpec } from "../circuits/suite.ts";
import { rivalSignals, rivalSource } from "./prove-rival.ts";

/** A circuit to be timed, with one input. */
export interface Subject {
  name: string;
  source: string;
  signals: SignalInputs;
  /** After one that does not count. */
  runs: number;
}

export type SubjectName = "tiny_mlp" | "mnist_mlp" | "circomlib_ml" | "batch_root";

export function subjectNamed(name: SubjectName): Subject {
  if (name === "batch_root") return batchSubject();
  if (name === "circomlib_ml") {
    const spec = suiteSpec("mnist_mlp");
    const [image] = loadTestImages(halvedImage);
    const pixels = Array.from(image?.pixels ?? []);
    return {
      name: "circomlib_ml_784_56_10",
      source: rivalSource(spec),
      signals: rivalSignals(spec, pixels),
      runs: 3,
    };
  }
  const [image] = loadTestImages(name === "mnist_mlp" ? halvedImage : undefined);
  const signals = { x: Array.from(image?.pixels ?? []), salt: "1", ctx: "1" };
  return { name, source: suiteCircuit(name).source, signals, runs: 5 };
}

function batchSubject(): Subject {
  const { count } = batchExample();
  const images = loadTestImages().slice(0, count);
  return {
    name: "batch_root",
    source: suiteCircuit("batch_root").source,
    signals: {
      x: images.flatMap(({ pixels }) => Array.from(pixels)),
      salt: images.map((_, at) => at + 1),
      ctx: "1",
    },
    runs: 1,
  };
}
