// SPDX-License-Identifier: GPL-3.0-or-later

import { pause } from "./supervisor.ts";

/** Works that run side by side, one for each key: one that hangs holds up none of the others. */
export class SideBySide {
  readonly #running = new Map<string, Promise<void>>();
  readonly #failures: unknown[] = [];

  /** How many run. */
  get size(): number {
    return this.#running.size;
  }

  /** Whether a key's work runs. */
  has(key: string): boolean {
    return this.#running.has(key);
  }

  /** Starts a key's work; it must not run already. */
  start(key: string, work: () => Promise<void>): void {
    const run = work()
      .catch((error: unknown) => void this.#failures.push(error))
      .finally(() => this.#running.delete(key));
    this.#running.set(key, run);
  }

  /**
   * Waits until nothing runs, and no longer than that; where the signal fires, for everything. Throws what one of them threw
   * since the last call.
   */
  async wait(milliseconds: number, signal: AbortSignal): Promise<void> {
    if (this.#running.size > 0) {
      const all = Promise.all(this.#running.values());
      await Promise.race([all, pause(milliseconds, signal)]);
      if (signal.aborted) await all;
    }
    const [failure] = this.#failures.splice(0);
    if (failure !== undefined) throw failure;
  }
}
