// SPDX-License-Identifier: GPL-3.0-or-later
// npm run circuits:soundness -- [--model NAME]... [--quick] [--seed N] [--json]: attacks the circuits of
// the suite. Fails unless every forged witness is refused and every left-out constraint is missed.
import { parseArgs } from "node:util";
import { SUITE, type SuiteName } from "../suite.ts";
import { attack, FULL, QUICK } from "./attack.ts";
import { suiteSubject } from "./statement.ts";

const { values: options } = parseArgs({
  options: {
    model: { type: "string", multiple: true },
    quick: { type: "boolean", default: false },
    seed: { type: "string", default: "1" },
    json: { type: "boolean", default: false },
  },
});

let survivors = 0;
const reports = [];
for (const name of (options.model ?? SUITE) as SuiteName[]) {
  const report = await attack(
    await suiteSubject(name),
    name,
    options.quick ? QUICK : FULL,
    Number(options.seed),
  );
  survivors += report.survivors;
  reports.push(report);
  if (!options.json) process.stdout.write(`${JSON.stringify(report, null, 1)}\n`);
}
if (options.json) process.stdout.write(`${JSON.stringify({ survivors, models: reports })}\n`);
// snarkjs leaves its worker threads running.
process.exit(survivors > 0 ? 1 : 0);
