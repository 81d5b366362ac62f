// SPDX-License-Identifier: MIT
// npm run mutate -- [--seed N] [--sample N] [--files GLOB] [--profile NAME] [--jobs N] [--json] [--write]: changes one
// place of a core contract at a time and asks whether a contract test notices. With --write, docs/MUTATION.md tells.
import { readFile, writeFile } from "node:fs/promises";
import { matchesGlob } from "node:path";
import { parseArgs } from "node:util";
import hre from "hardhat";
import { type Compilation, compileProfile } from "../solidity/compile.ts";
import { judge, type Trial, type Verdict, withoutMetadata } from "./judge.ts";
import { type Mutant, mutantsOf, shuffled } from "./mutants.ts";
import { type MutationResult, mutationPage } from "./report.ts";
import { createScratch, type Scratch } from "./scratch.ts";
import { readTests } from "./test-order.ts";

const ROOT = new URL("../../", import.meta.url);
const PAGE = new URL("docs/MUTATION.md", ROOT);
const BASELINE_TIMEOUT_MS = 600_000;

const { values: options } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    sample: { type: "string", default: "120" },
    files: { type: "string", default: "**" },
    profile: { type: "string", default: "quick" },
    jobs: { type: "string", default: "1" },
    json: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
  },
});
const [seed, sample, jobs] = [Number(options.seed), Number(options.sample), Number(options.jobs)];

await hre.tasks.getTask("build").run({ quiet: true });
const tests = await readTests(ROOT);
const compilations = await comparable(options.profile);
const mutants = shuffled(
  mutantsOf(compilations, (file) => matchesGlob(file, options.files)),
  seed,
);
tell(`${mutants.length} mutants, of which at most ${sample} are tried`);

const scratches = await Promise.all(Array.from({ length: jobs }, createScratch));
try {
  const result = await run(scratches);
  if (options.write) await writePage(result);
  process.stdout.write(`${JSON.stringify(result, null, options.json ? 0 : 2)}\n`);
} finally {
  await Promise.all(scratches.map((scratch) => scratch.remove()));
}

async function run(scratches: Scratch[]): Promise<MutationResult> {
  const timeoutMs = 30_000 + 4 * (await passUnmutated(scratches));
  let shipped: Promise<Compilation[]> | undefined;
  const trial: Trial = {
    tests,
    timeoutMs,
    shipped: () => {
      shipped ??= comparable("default");
      return shipped;
    },
  };

  const judged = (await judgeInTurn(scratches, trial)).slice(0, sample);
  // Otherwise everything after some accident would have counted as killed.
  await passUnmutated(scratches);

  const survivors = judged
    .filter(({ verdict }) => verdict === "survived")
    .map(({ mutant: { file, line, mutator, original, mutated } }) => ({
      ...{ file, line, mutator, original, mutated },
    }))
    .sort((a, b) => a.file.localeCompare(b.file) || a.line - b.line);
  const sampled = judged.length;
  const survived = survivors.length;
  const killed = sampled - survived;
  return { seed, sampled, killed, survived, score: sampled > 0 ? killed / sampled : 1, survivors };
}

/** Mutants that are any, in their order, at least as many as the sample: which they are does not depend on the jobs. */
async function judgeInTurn(
  scratches: Scratch[],
  trial: Trial,
): Promise<{ mutant: Mutant; verdict: Verdict }[]> {
  const verdicts: (Verdict | undefined)[] = [];
  let next = 0;
  await Promise.all(
    scratches.map(async (scratch) => {
      while (verdicts.filter((verdict) => verdict && verdict !== "void").length < sample) {
        const turn = next++;
        const mutant = mutants[turn];
        if (!mutant) return;
        const verdict = await judge(mutant, scratch, trial);
        verdicts[turn] = verdict;
        tell(`${verdict.padEnd(8)} ${mutant.file}:${mutant.line} ${mutant.mutator}: ${mutant.original}`);
      }
    }),
  );
  return mutants.flatMap((mutant, turn) => {
    const verdict = verdicts[turn];
    return verdict && verdict !== "void" ? [{ mutant, verdict }] : [];
  });
}

/** The contracts of a profile, compiled without what differs in every mutant. */
async function comparable(profile: string): Promise<Compilation[]> {
  const compiled = await compileProfile(profile);
  return Promise.all(
    compiled.map(async ({ input, compiler }) => {
      const output = await compiler.compile(withoutMetadata(input));
      const error = output.errors?.find(({ severity }) => severity === "error");
      if (error) throw new Error(`profile ${profile}: ${error.formattedMessage ?? error.message}`);
      return { input, output, compiler };
    }),
  );
}

/** Milliseconds that the tests take on the original. */
async function passUnmutated(scratches: Scratch[]): Promise<number> {
  const startedAt = performance.now();
  for (const scratch of scratches) {
    for (const { output } of compilations) await scratch.install(output);
    if (await scratch.test([...tests.keys()], BASELINE_TIMEOUT_MS)) continue;
    throw new Error(`the contract tests fail without any mutation (profile ${options.profile})`);
  }
  return (performance.now() - startedAt) / scratches.length;
}

async function writePage(result: MutationResult): Promise<void> {
  const files = options.files === "**" ? "" : ` --files '${options.files}'`;
  const command = `npm run mutate -- --seed ${seed} --sample ${sample}${files} --write`;
  await writeFile(PAGE, mutationPage(result, command, await readFile(PAGE, "utf8").catch(() => "")));
}

function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}
