// SPDX-License-Identifier: MIT

/** A question that is asked until it is stopped. */
export interface Asking {
  /** Something has changed: asks once more, soon. However often it is called, one question is open at a time. */
  again(): void;
  /** Nobody wants to know any more. */
  stop(): void;
}

/** News come in bursts: one question is enough for all that come within this time. */
const PAUSE_MS = 250;

/** Asks at once, and then whenever there is news; each answer is told, or what went wrong. */
export function startAsking<Value>(
  ask: (signal: AbortSignal) => Promise<Value>,
  onAnswer: (value: Value) => void,
  onError: (error: Error) => void,
): Asking {
  const abort = new AbortController();
  let isOpen = false;
  let isWanted = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const put = async () => {
    timer = undefined;
    isOpen = true;
    isWanted = false;
    try {
      const value = await ask(abort.signal);
      if (!abort.signal.aborted) onAnswer(value);
    } catch (error) {
      if (!abort.signal.aborted) onError(error instanceof Error ? error : new Error(String(error)));
    }
    isOpen = false;
    if (isWanted) later();
  };
  const later = () => {
    if (!abort.signal.aborted && timer === undefined) timer = setTimeout(put, PAUSE_MS);
  };

  void put();
  return {
    again() {
      // An answer on its way may be from before the news.
      if (isOpen) isWanted = true;
      else later();
    },
    stop() {
      clearTimeout(timer);
      abort.abort();
    },
  };
}
