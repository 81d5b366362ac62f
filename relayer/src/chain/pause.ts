// SPDX-License-Identifier: GPL-3.0-or-later

/** `COMMIT_GRACE_SECONDS` of `contracts/Limits.sol`: so much later than promised a commit still counts as in time. */
export const COMMIT_GRACE_SECONDS = 60 * 60;

/** The last pause of commits, in unix seconds, the end exclusive; zeros: never. */
export interface CommitPause {
  from: number;
  until: number;
}

/** `PauseLib.excuse`: a pause that had begun by the deadline of a commit puts it off to an hour after its end. */
export function excused(deadline: number, { from, until }: CommitPause): number {
  if (from > deadline) return deadline;
  return Math.max(deadline, until + COMMIT_GRACE_SECONDS);
}
