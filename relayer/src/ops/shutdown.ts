// SPDX-License-Identifier: GPL-3.0-or-later

/**
 * Resolves with the first SIGTERM or SIGINT. The second ends the process at once, by the signal itself: nothing depends on
 * a graceful end.
 */
export function stopRequested(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const signals: NodeJS.Signals[] = ["SIGTERM", "SIGINT"];
    const first = (signal: NodeJS.Signals) => {
      // Without a listener, the default action of the next signal is to kill.
      for (const name of signals) process.off(name, first);
      resolve(signal);
    };
    for (const name of signals) process.on(name, first);
  });
}
