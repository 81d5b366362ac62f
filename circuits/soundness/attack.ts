// SPDX-License-Identifier: GPL-3.0-or-later
import type { SuiteName } from "../suite.ts";
import { suiteSpec } from "../suite.ts";
import { type RandomStream, seededRandom } from "../training/random.ts";
import { derive } from "./determinism/check.ts";
import { unknownWires } from "./determinism/propagation.ts";
import { systemOf } from "./determinism/system.ts";
import { compareArithmetic } from "./fuzz.ts";
import { generateWitness, randomInteger, randomSignals } from "./inputs.ts";
import { deleteConstraints } from "./mutation/deletion.ts";
import { honest } from "./mutation/forgery.ts";
import { forgeableWires, mixWitnesses, mutatePairs, mutateWires, type Trials } from "./mutation/mutations.ts";
import type { Subject } from "./statement.ts";

/** How much to try. */
export interface Effort {
  /** Circuits with at most so many constraints have every one left out, */
  deleteAllUpTo: number;
  /** others have so many drawn at random. */
  deletions: number;
  /** Pairs of wires for each constraint. */
  pairsPerConstraint: number;
  /** Constraints whose pairs are tried, drawn at random. */
  pairConstraints: number;
  wires: number;
  /** Honest witnesses to mix with the first. */
  mixtures: number;
  /** Random inputs for the comparison with big integers. */
  inputs: number;
}

/** Enough to notice a broken template in seconds. */
export const QUICK: Effort = {
  deleteAllUpTo: 500,
  deletions: 50,
  pairsPerConstraint: 12,
  pairConstraints: 600,
  wires: 2000,
  mixtures: 2,
  inputs: 10,
};
/** Everything for small circuits, samples of the larger ones. */
export const FULL: Effort = {
  deleteAllUpTo: 2500,
  deletions: 400,
  pairsPerConstraint: 90,
  pairConstraints: 12_000,
  wires: 100_000,
  mixtures: 6,
  inputs: 300,
};

/** What the attacks on one circuit came to: `survivors` must be 0. */
export interface AttackReport {
  model: string;
  constraints: number;
  wires: number;
  certified: boolean;
  single: { tried: number; survivors: number };
  pairs: { tried: number; survivors: number };
  mixtures: { tried: number; survivors: number };
  deletions: { deleted: number; noticed: number; survivors: number[] };
  /** Absent where the model's layers are not computed in big integers. */
  arithmetic?: { inputs: number; different: number };
  survivors: number;
  seconds: number;
}

/** Tries to break one circuit of the suite in every way that the kit knows. */
export async function attack(
  subject: Subject,
  name: SuiteName,
  effort: Effort,
  seed: number,
): Promise<AttackReport> {
  const start = performance.now();
  const random = seededRandom(seed);
  const { r1cs, known, wasm } = subject;
  const witness = await generateWitness(wasm, randomSignals(name, random));
  const target = honest(r1cs, witness);
  const whole = derive(systemOf(r1cs), known);
  const element = () => randomInteger(random, 256) % r1cs.prime;

  const wires = sample(forgeableWires(r1cs), effort.wires, random);
  const single = mutateWires(target, wires, element);
  const pairSites = sample(range(0, r1cs.constraints.length), effort.pairConstraints, random);
  const pairs = mutatePairs(target, pairSites, effort.pairsPerConstraint, element);
  const groups = whole.steps.map(({ variables }) =>
    variables.filter((variable) => variable < r1cs.wireCount),
  );
  const mixtures: Trials[] = [];
  for (let at = 0; at < effort.mixtures; at++) {
    const other = await generateWitness(wasm, randomSignals(name, random));
    mixtures.push(mixWitnesses(target, other, groups));
  }
  const guards = new Set([single, pairs, ...mixtures].flatMap(({ soleGuards }) => [...soleGuards]));
  const count = r1cs.constraints.length;
  const sites = sample(range(0, count), count <= effort.deleteAllUpTo ? count : effort.deletions, random);
  const deletions = deleteConstraints(r1cs, known, sites, guards);
  const arithmetic = isSimple(name)
    ? await compareArithmetic(suiteSpec(name), wasm, effort.inputs, random)
    : undefined;

  const mixed = {
    tried: sum(mixtures, "tried"),
    survivors: mixtures.flatMap(({ survivors }) => survivors).length,
  };
  const report = {
    model: name,
    constraints: r1cs.constraints.length,
    wires: r1cs.wireCount,
    certified: unknownWires(whole).length === 0,
    single: { tried: single.tried, survivors: single.survivors.length },
    pairs: { tried: pairs.tried, survivors: pairs.survivors.length },
    mixtures: mixed,
    deletions: {
      deleted: deletions.deleted,
      noticed: deletions.undetermined + deletions.forged,
      survivors: deletions.survivors,
    },
    ...(arithmetic && { arithmetic: { inputs: arithmetic.inputs, different: arithmetic.different.length } }),
  };
  const survivors =
    report.single.survivors +
    report.pairs.survivors +
    mixed.survivors +
    deletions.survivors.length +
    (arithmetic?.different.length ?? 0) +
    (report.certified ? 0 : 1);
  return { ...report, survivors, seconds: Math.round(performance.now() - start) / 1000 };
}

/** Models that big integers follow: dense layers, and weights that are constants. */
function isSimple(name: SuiteName): boolean {
  return name === "iris_mlp" || name === "tiny_mlp";
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, at) => from + at);
}

/** At most `count` of the items, in order. */
function sample(items: readonly number[], count: number, random: RandomStream): number[] {
  if (items.length <= count) return [...items];
  const left = [...items];
  const drawn = Array.from(
    { length: count },
    () => left.splice(Math.floor(left.length * random()), 1)[0] ?? 0,
  );
  return drawn.sort((x, y) => x - y);
}

function sum(trials: readonly Trials[], key: "tried"): number {
  return trials.reduce((total, trial) => total + trial[key], 0);
}
