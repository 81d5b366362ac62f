// SPDX-License-Identifier: MIT
import { useEffect, useState } from "preact/hooks";

/** Something that is asked for: what was answered last, and what went wrong since. */
export interface Resource<Value> {
  value: Value | undefined;
  error: Error | undefined;
  /** Whether an answer is awaited. */
  busy: boolean;
  reload(): void;
}

const RELOAD_DELAY_MS = 250;

/**
 * Asks when `key` changes and again when `tick` does. What was answered stays while it is asked again and when that fails;
 * of another key nothing stays.
 */
export function useResource<Value>(
  key: string,
  load: (signal: AbortSignal) => Promise<Value>,
  tick = 0,
): Resource<Value> {
  const [state, setState] = useState<Omit<Resource<Value>, "reload"> & { key: string }>(() => waiting(key));
  const [attempt, setAttempt] = useState(0);
  const isOther = state.key !== key;
  useEffect(() => {
    const abort = new AbortController();
    const isFirst = isOther || (tick === 0 && attempt === 0);
    if (isOther) setState(waiting(key));
    // Events come in bursts: one question is enough for all.
    const timer = setTimeout(
      () => {
        load(abort.signal).then(
          (value) => {
            if (!abort.signal.aborted) setState({ key, value, error: undefined, busy: false });
          },
          (error: unknown) => {
            if (abort.signal.aborted) return;
            setState((last) => ({ ...last, key, error: asError(error), busy: false }));
          },
        );
      },
      isFirst ? 0 : RELOAD_DELAY_MS,
    );
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [key, tick, attempt]);
  const shown = isOther ? waiting<Value>(key) : state;
  return { ...shown, reload: () => setAttempt((last) => last + 1) };
}

function waiting<Value>(key: string): Omit<Resource<Value>, "reload"> & { key: string } {
  return { key, value: undefined, error: undefined, busy: true };
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
