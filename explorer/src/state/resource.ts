// SPDX-License-Identifier: MIT
import { useEffect, useRef, useState } from "preact/hooks";
import { type Asking, startAsking } from "./asking.ts";

/** Something that is asked for: what was answered last, and what went wrong since. */
export interface Resource<Value> {
  value: Value | undefined;
  error: Error | undefined;
  /** Asks again, at once. */
  reload(): void;
}

type State<Value> = Omit<Resource<Value>, "reload"> & { key: string };

/**
 * Asks when `key` changes, and again when `tick` does. What was answered stays while it is asked again and when that fails;
 * of another key nothing stays.
 */
export function useResource<Value>(
  key: string,
  load: (signal: AbortSignal) => Promise<Value>,
  tick = 0,
): Resource<Value> {
  const [state, setState] = useState<State<Value>>(() => waiting(key));
  const [attempt, setAttempt] = useState(0);
  const latest = useRef(load);
  latest.current = load;
  const asking = useRef<Asking | undefined>(undefined);
  const seen = useRef(tick);
  useEffect(() => {
    setState((last) => (last.key === key ? last : waiting(key)));
    const mine = startAsking<Value>(
      (signal) => latest.current(signal),
      (value) => setState({ key, value, error: undefined }),
      (error) => setState((last) => ({ ...last, key, error })),
    );
    asking.current = mine;
    return () => mine.stop();
  }, [key, attempt]);
  useEffect(() => {
    if (seen.current !== tick) asking.current?.again();
    seen.current = tick;
  }, [tick]);
  const { value, error } = state.key === key ? state : waiting<Value>(key);
  return { value, error, reload: () => setAttempt((last) => last + 1) };
}

function waiting<Value>(key: string): State<Value> {
  return { key, value: undefined, error: undefined };
}
