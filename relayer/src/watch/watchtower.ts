// SPDX-License-Identifier: GPL-3.0-or-later

import { describeError } from "../errors.ts";
import type { Task } from "../ops/supervisor.ts";
import type { Prover } from "../prove/prover.ts";
import { executeApproved } from "./actions.ts";
import { BatchCheckDuty } from "./check-batches.ts";
import { awaitsDisproof, disproveNext, renewUndisproven } from "./disprove.ts";
import { reportEquivocations } from "./equivocations.ts";
import { challengeFindings, renewReopened, resolveUnanswered } from "./findings.ts";
import { forgetOld, readHeldReceipts } from "./known-receipts.ts";
import { reportOmissions, resolveOmissions } from "./omissions.ts";
import { reopenCompromised } from "./reopen.ts";
import type { WatchServices } from "./services.ts";
import { checkRevealed, demandWithheld, resolveUnrevealed } from "./withheld.ts";

/**
 * The tasks of a watchtower. What it does by a deadline waits neither for data, which others may withhold, nor for a proof,
 * which takes its time.
 *
 * @param prover proves the true output of lies, where it is configured to; without one they are challenged
 */
export function watchTasks(
  services: WatchServices,
  task: (name: string, run: Task["run"]) => Task,
  prover: Prover,
): Task[] {
  const { mode, disprove } = services.config.watch;
  const acts = mode === "auto" || mode === "oversight";
  const checks = new BatchCheckDuty(services);
  return [
    task("watch", () => runAll(services, acts ? [...LOOKING, ...ACTING] : LOOKING)),
    task("watch-data", (signal) => checks.step(signal)),
    ...(acts && disprove ? [task("watch-disprove", (signal) => disproveNext(services, prover, signal))] : []),
  ];
}

type Step = (services: WatchServices) => Promise<void>;

const LOOKING: readonly Step[] = [readHeldReceipts, checkRevealed];

/**
 * Acts on what was found or proposes to, demands to see what is withheld, holds operators to receipts, takes back evidence of
 * compromised enclaves, collects what was won.
 */
const ACTING: readonly Step[] = [
  renewReopened,
  renewUndisproven,
  challengeUnlessDisproven,
  demandWithheld,
  executeApproved,
  reportEquivocations,
  reportOmissions,
  reopenCompromised,
  executeApproved,
  resolveUnanswered,
  resolveUnrevealed,
  resolveOmissions,
  forgetOld,
];

function challengeUnlessDisproven(services: WatchServices): Promise<void> {
  const { disprove } = services.config.watch;
  return challengeFindings(services, undefined, async (lie) =>
    disprove ? awaitsDisproof(services, lie) : false,
  );
}

/** Takes every step, whatever becomes of the others. Throws what the last of those threw that failed. */
export async function runAll(services: WatchServices, steps: readonly Step[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps) {
    try {
      await step(services);
    } catch (error) {
      failures.push(error);
      services.logger.warn({ ...describeError(error), step: step.name }, "a step of the watch failed");
    }
  }
  if (failures.length > 0) throw failures.at(-1);
}
