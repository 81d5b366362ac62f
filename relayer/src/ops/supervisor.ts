// SPDX-License-Identifier: GPL-3.0-or-later

import { describeError } from "../errors.ts";
import type { Logger } from "./logger.ts";

/** One of the daemon's repeated jobs. */
export interface Task {
  name: string;
  /** The pause between two runs. */
  everyMilliseconds: number;
  /** One run. It may throw anything; it must be safe to run again at any time. */
  run(signal: AbortSignal): Promise<void>;
}

/** How a task is doing. */
export interface TaskHealth {
  name: string;
  runs: number;
  /** Runs that failed since the last that did not. */
  failuresInARow: number;
  /** Unix milliseconds, by the wall clock. */
  lastSuccessAtMilliseconds?: number;
  lastError?: { code: string; message: string };
}

/** The running tasks. */
export interface Supervisor {
  health(): TaskHealth[];
  /** Ends every task after its current run. */
  stop(): Promise<void>;
}

const MAX_PAUSE_MILLISECONDS = 15_000;

/**
 * Runs every task in a loop of its own. An error of one is logged with its code and retried with a growing pause; it never
 * reaches another task and never ends the process.
 */
export function supervise(tasks: readonly Task[], logger: Logger): Supervisor {
  const stopping = new AbortController();
  const health = tasks.map((task): TaskHealth => ({ name: task.name, runs: 0, failuresInARow: 0 }));
  const loops = tasks.map((task, index) => {
    const own = health[index];
    if (!own) throw new RangeError("a task without a health record");
    return loop(task, own, stopping.signal, logger.child({ task: task.name }));
  });
  return {
    health: () => health.map((entry) => ({ ...entry })),
    async stop() {
      stopping.abort();
      await Promise.all(loops);
    },
  };
}

async function loop(task: Task, health: TaskHealth, signal: AbortSignal, logger: Logger): Promise<void> {
  while (!signal.aborted) {
    try {
      await task.run(signal);
      health.failuresInARow = 0;
      health.lastSuccessAtMilliseconds = Date.now();
    } catch (error) {
      if (signal.aborted) return;
      health.failuresInARow += 1;
      const described = describeError(error);
      health.lastError = { code: described.code, message: described.message };
      logger.error(
        { ...described, failuresInARow: health.failuresInARow },
        "task failed; it will be tried again",
      );
    }
    health.runs += 1;
    await pause(
      Math.min(task.everyMilliseconds * 2 ** Math.min(health.failuresInARow, 10), MAX_PAUSE_MILLISECONDS),
      signal,
    );
  }
}

/** Waits, or returns at once when the signal fires. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", done);
  });
}
