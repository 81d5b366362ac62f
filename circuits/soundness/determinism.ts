// SPDX-License-Identifier: GPL-3.0-or-later
// npm run circuits:determinism -- [--model NAME]... [--r1cs FILE --sym FILE [--inputs a,b]] [--json]: which
// signals the inputs determine. Without a model or file: every circuit of the suite. Fails when a signal is
// free.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { SUITE, type SuiteName } from "../suite.ts";
import { checkDeterminism, originsOf } from "./determinism/check.ts";
import { inputWires, readR1cs } from "./r1cs.ts";
import { type Subject, suiteSubject, wiresOf } from "./statement.ts";
import { readSymbols } from "./symbols.ts";

const SHOWN = 20;

const { values: options } = parseArgs({
  options: {
    model: { type: "string", multiple: true },
    r1cs: { type: "string" },
    sym: { type: "string" },
    inputs: { type: "string" },
    json: { type: "boolean", default: false },
  },
});

const reports: Report[] = [];
if (options.r1cs) reports.push(report(fileSubject(options.r1cs)));
else for (const name of options.model ?? SUITE) reports.push(report(await suiteSubject(name as SuiteName)));

if (options.json) process.stdout.write(`${JSON.stringify(reports)}\n`);
else for (const { name, ...rest } of reports) process.stdout.write(`${name}: ${describe(rest)}\n`);
if (reports.some(({ certified }) => !certified)) process.exitCode = 1;

interface Report {
  name: string;
  certified: boolean;
  constraints: number;
  wires: number;
  /** Names of the signals that are not derived. */
  free: string[];
  /** Some of the free ones, which would determine the others. */
  origins: string[];
  /** Names of given signals that no constraint has. */
  unconstrained: string[];
  derivedBy: Record<string, number>;
  seconds: number;
}

function report({ name, r1cs, symbols, known }: Omit<Subject, "wasm">): Report {
  const start = performance.now();
  const { isDetermined, free, unconstrained, derivedBy } = checkDeterminism(r1cs, known);
  return {
    name,
    certified: isDetermined && unconstrained.length === 0,
    constraints: r1cs.constraints.length,
    wires: r1cs.wireCount,
    free: free.map(symbols.nameOf),
    origins: originsOf(r1cs, known, free, SHOWN).map(symbols.nameOf),
    unconstrained: unconstrained.map(symbols.nameOf),
    derivedBy,
    seconds: Math.round(performance.now() - start) / 1000,
  };
}

function fileSubject(file: string): Omit<Subject, "wasm"> {
  const r1cs = readR1cs(readFileSync(file));
  const symbols = readSymbols(options.sym ? readFileSync(options.sym, "utf8") : "");
  const known = options.inputs ? wiresOf(symbols, options.inputs.split(",")) : inputWires(r1cs);
  return { name: file, r1cs, symbols, known };
}

function describe({
  certified,
  constraints,
  wires,
  free,
  origins,
  unconstrained,
  seconds,
}: Omit<Report, "name">): string {
  if (certified) return `all ${wires} wires are determined by ${constraints} constraints (${seconds} s)`;
  const parts = [
    ...(free.length > 0
      ? [`${free.length} of ${wires} wires may be free: look at ${origins.join(", ")}`]
      : []),
    ...(unconstrained.length > 0 ? [`in no constraint: ${unconstrained.join(", ")}`] : []),
  ];
  return parts.join("; ");
}
