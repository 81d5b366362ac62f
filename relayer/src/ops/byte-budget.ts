// SPDX-License-Identifier: GPL-3.0-or-later

/** Bounds what is in memory at once: whoever needs room waits until others have given back enough, in the order of asking. */
export class ByteBudget {
  readonly #total: number;
  #taken = 0;
  readonly #waiting: { bytes: number; begin: () => void }[] = [];

  constructor(totalBytes: number) {
    this.#total = totalBytes;
  }

  /** Does work that may take so much, once there is room; what may take more than all of it waits for all of it. */
  async hold<Result>(bytes: number, work: () => Promise<Result>): Promise<Result> {
    const share = Math.min(bytes, this.#total);
    await new Promise<void>((resolve) => {
      this.#waiting.push({ bytes: share, begin: resolve });
      this.#admit();
    });
    try {
      return await work();
    } finally {
      this.#taken -= share;
      this.#admit();
    }
  }

  #admit(): void {
    for (;;) {
      const [next] = this.#waiting;
      if (!next || this.#taken + next.bytes > this.#total) return;
      this.#waiting.shift();
      this.#taken += next.bytes;
      next.begin();
    }
  }
}
