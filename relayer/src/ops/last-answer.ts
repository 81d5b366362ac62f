// SPDX-License-Identifier: GPL-3.0-or-later

/**
 * Keeps the last answer for as long as what it depends on is the same: whoever asks meanwhile gets it, or waits for it too. One that
 * failed is not kept.
 *
 * @returns `key` says what the answer depends on; `compute` is called where there is none for that
 */
export function keepLastAnswer<Answer>(): (key: string, compute: () => Promise<Answer>) => Promise<Answer> {
  let last: { key: string; answer: Promise<Answer> } | undefined;
  return async (key, compute) => {
    if (last?.key === key) return last.answer;
    const computed = { key, answer: compute() };
    last = computed;
    try {
      return await computed.answer;
    } catch (error) {
      if (last === computed) last = undefined;
      throw error;
    }
  };
}
