// SPDX-License-Identifier: GPL-3.0-or-later
import type { Logger } from "snarkjs";

/**
 * Runs a check of snarkjs and says why it failed, or nothing. snarkjs answers `false`, and gives the reason to its logger or,
 * for the contributions of a key, to the console: both are listened to, and the console stays clean.
 */
export async function problemOf(check: (logger: Logger) => Promise<boolean>): Promise<string | undefined> {
  const reasons: string[] = [];
  const ignore = () => undefined;
  const { log } = console;
  console.log = (reason: unknown) => reasons.push(String(reason).trim());
  try {
    const holds = await check({
      error: (reason) => reasons.push(reason),
      warn: ignore,
      info: ignore,
      debug: ignore,
    });
    return holds ? undefined : reasons.join("; ") || "snarkjs does not say why";
  } finally {
    console.log = log;
  }
}
