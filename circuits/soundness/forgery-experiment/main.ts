// SPDX-License-Identifier: GPL-3.0-or-later
// npm run circuits:forge -- [--json]: forges a circuit that takes hints as inputs, with the stock witness
// generator, and asks the determinism checker. Fails unless the forgery is accepted and the checker names
// its signals.
import { runForgeryExperiment } from "./experiment.ts";

const result = await runForgeryExperiment();
if (process.argv.includes("--json")) process.stdout.write(`${JSON.stringify(result)}\n`);
else for (const [key, value] of Object.entries(result)) process.stdout.write(`${key.padEnd(26)} ${value}\n`);
const isForged = result.wtnsCheck && result.proofVerifies && result.forgedLabel !== result.honestLabel;
// snarkjs leaves its worker threads running.
process.exit(isForged && result.freeSignals.length > 0 && result.freeSignalsRepaired.length === 0 ? 0 : 1);
