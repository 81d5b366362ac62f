// SPDX-License-Identifier: GPL-3.0-or-later

import { DatabaseSync } from "node:sqlite";
import { TemporaryError } from "../errors.ts";

/**
 * Makes this process the only one that has a ledger file open: an exclusive transaction on a file beside it, held for the
 * life of the process. The kernel drops it however the process ends, so there is no stale lock after a kill; readers of the
 * ledger itself are not shut out.
 *
 * @throws TemporaryError `MT-LED-001`
 */
export function takeLock(file: string): DatabaseSync {
  const lock = new DatabaseSync(`${file}.lock`);
  try {
    lock.exec("BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock.close();
    if (!(error instanceof Error) || !/locked/.test(error.message)) throw error;
    throw new TemporaryError(
      "MT-LED-001",
      `the ledger ${file} is in use by another process`,
      "Stop the other relayer, or give this one a ledger and keys of its own.",
    );
  }
}
