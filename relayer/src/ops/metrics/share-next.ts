// SPDX-License-Identifier: GPL-3.0-or-later

/**
 * Lets all who ask while `work` is under way wait for one next run of it, together: what they get was begun after they asked, there
 * are never two at a time, and never more than one waits.
 */
export function shareNext(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;
  const begin = () => {
    next = undefined;
    running = work();
    return running;
  };
  return () => {
    next ??= running.then(begin, begin);
    return next;
  };
}
