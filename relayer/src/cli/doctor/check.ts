// SPDX-License-Identifier: GPL-3.0-or-later

import { describeError, TemporaryError } from "../../errors.ts";

/** `skipped`: what it builds on failed. */
export type CheckStatus = "ok" | "warn" | "fail" | "skipped";

/** What one check found. */
export interface CheckResult {
  /** Stable, for scripts. */
  name: string;
  status: CheckStatus;
  detail: string;
  /** What to do about it. */
  todo?: string;
  /** The code, where an error was found. */
  code?: string;
  /** Whether waiting may help. */
  temporary?: true;
}

/** What a check says of the thing it looked at. */
export type Finding = Omit<CheckResult, "name">;

/** A check that is fine. */
export function ok(detail: string): Finding {
  return { status: "ok", detail };
}

/** A check that a relayer can run with. */
export function warn(detail: string, todo: string): Finding {
  return { status: "warn", detail, todo };
}

/** A check that a relayer cannot run, or cannot take work, with. */
export function fail(detail: string, todo: string): Finding {
  return { status: "fail", detail, todo };
}

/** Runs checks one after the other; what one throws is its finding. */
export class Checkup {
  readonly results: CheckResult[] = [];

  /**
   * Runs one check.
   *
   * @returns what the check hands on to later ones; undefined where it failed
   */
  async run<Value>(
    name: string,
    check: () => Promise<{ finding: Finding | readonly Finding[]; value?: Value }>,
  ): Promise<Value | undefined> {
    try {
      const { finding, value } = await check();
      for (const one of Array.isArray(finding) ? finding : [finding]) this.results.push({ name, ...one });
      return value;
    } catch (error) {
      const { code, message, hint } = describeError(error);
      this.results.push({
        ...{ name, status: "fail", detail: message, code },
        ...(hint === undefined ? {} : { todo: hint }),
        ...(error instanceof TemporaryError ? { temporary: true } : {}),
      });
      return undefined;
    }
  }

  /** Says that checks were not run, because of an earlier one. */
  skip(names: readonly string[], because: string): void {
    for (const name of names) this.results.push({ name, status: "skipped", detail: `needs ${because}` });
  }
}
