// SPDX-License-Identifier: GPL-3.0-or-later

/** How often an endpoint lets itself be asked, learnt from its refusals. */
export interface RateLimit {
  /**
   * Resolves when the next request may be sent: at once while no refusal was seen. What is urgent waits in a line of its own, which
   * has two turns for each of the other.
   */
  turn(isUrgent: boolean): Promise<void>;
  succeeded(): void;
  /** It said "too many requests". @returns for how many milliseconds it is best left alone */
  refused(retryAfterMilliseconds?: number): number;
  /** Requests a second; undefined while no refusal was seen. */
  limitPerSecond(): number | undefined;
}

const LEAST_PER_SECOND = 3;
/** Where the search for the limit begins, unless more was refused. */
const START_PER_SECOND = 20;
/** Above this a limit is not worth keeping. */
const FREE_PER_SECOND = 1_000;
const SHRINK = 0.9;
const GROW = 1.05;
/** So many answers in a row make the limit a step wider. */
const ANSWERS_PER_STEP = 20;
const FIRST_REST_MILLISECONDS = 250;
const LONGEST_REST_MILLISECONDS = 60_000;
const WINDOW_MILLISECONDS = 1_000;
/** Then what is not urgent has its turn: it tells where the chain is, without which nothing can be sent for long. */
const URGENT_TURNS_IN_A_ROW = 2;

/**
 * Free until the first refusal; from then on a pace below what was refused, which widens slowly with every answered
 * stretch and shrinks with every refusal. Refusals in a row also grow the rest (the deactivation) exponentially.
 *
 * @param now milliseconds, never running backwards
 */
export function createRateLimit(now: () => number): RateLimit {
  let limitPerSecond: number | undefined;
  let nextFreeAt = 0;
  let answersInARow = 0;
  let refusalsInARow = 0;
  let sent: number[] = [];
  const urgent: (() => void)[] = [];
  const others: (() => void)[] = [];
  let urgentTurns = 0;
  let timer: NodeJS.Timeout | undefined;

  function serve(): void {
    timer = undefined;
    while (urgent.length + others.length > 0) {
      const wait = limitPerSecond === undefined ? 0 : nextFreeAt - now();
      if (wait > 0) {
        timer = setTimeout(serve, Math.ceil(wait));
        return;
      }
      takeNext()?.();
      note();
    }
  }

  function takeNext(): (() => void) | undefined {
    const isTurnOfOthers = urgent.length === 0 || urgentTurns >= URGENT_TURNS_IN_A_ROW;
    if (isTurnOfOthers && others.length > 0) {
      urgentTurns = 0;
      return others.shift();
    }
    urgentTurns += 1;
    return urgent.shift();
  }

  function note(): void {
    const at = now();
    sent = [...sent.filter((time) => at - time < WINDOW_MILLISECONDS), at];
    if (limitPerSecond !== undefined) nextFreeAt = Math.max(at, nextFreeAt) + 1_000 / limitPerSecond;
  }

  return {
    turn(isUrgent) {
      return new Promise((resolve) => {
        (isUrgent ? urgent : others).push(resolve);
        if (timer === undefined) serve();
      });
    },
    succeeded() {
      refusalsInARow = 0;
      answersInARow += 1;
      if (limitPerSecond === undefined || answersInARow % ANSWERS_PER_STEP !== 0) return;
      limitPerSecond *= GROW;
      if (limitPerSecond > FREE_PER_SECOND) limitPerSecond = undefined;
    },
    refused(retryAfterMilliseconds = 0) {
      answersInARow = 0;
      refusalsInARow += 1;
      const refusedPerSecond = limitPerSecond ?? Math.max(START_PER_SECOND, sent.length);
      limitPerSecond = Math.max(LEAST_PER_SECOND, refusedPerSecond * SHRINK);
      const rest = Math.min(FIRST_REST_MILLISECONDS * 2 ** (refusalsInARow - 1), LONGEST_REST_MILLISECONDS);
      return Math.max(rest, Math.min(retryAfterMilliseconds, LONGEST_REST_MILLISECONDS));
    },
    limitPerSecond: () => limitPerSecond,
  };
}
