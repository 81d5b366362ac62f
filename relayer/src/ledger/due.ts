// SPDX-License-Identifier: GPL-3.0-or-later

import { type RawBuilder, sql } from "kysely";

/**
 * Whether what was stored to be tried again at a moment of the wall clock is due. What waits for longer than the longest pause
 * waits by a clock that was set back since: it is due as well.
 *
 * @param column holds unix milliseconds
 * @param longestPauseMilliseconds no pause was ever longer
 */
export function pauseIsOver(
  column: string,
  nowMilliseconds: number,
  longestPauseMilliseconds: number,
): RawBuilder<boolean> {
  const at = sql.ref(column);
  return sql<boolean>`(${at} <= ${nowMilliseconds} OR ${at} > ${nowMilliseconds + longestPauseMilliseconds})`;
}
