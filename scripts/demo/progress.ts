// SPDX-License-Identifier: MIT

/** One step of work that a person waits for. */
export interface Progress {
  /** How much is done, 0 .. total. */
  at(done: number): void;
  /** Ends the step; `note` is what came of it. */
  done(note?: string): void;
}

const WIDTH = 24;
const LABEL_WIDTH = 54;

/** Shows a step on standard error: a moving bar on a terminal, one line at its end elsewhere. */
export function progress(label: string, total = 1): Progress {
  const { stderr } = process;
  const started = performance.now();
  const draw = (done: number) => {
    const filled = Math.round((WIDTH * Math.min(done, total)) / total);
    const bar = `${"█".repeat(filled)}${"░".repeat(WIDTH - filled)}`;
    stderr.write(`\r\x1b[2K${label.padEnd(LABEL_WIDTH)} ${bar} ${total > 1 ? `${done}/${total}` : ""}`);
  };
  if (stderr.isTTY) draw(0);
  return {
    at(done) {
      if (stderr.isTTY) draw(done);
    },
    done(note = "") {
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      if (stderr.isTTY) stderr.write("\r\x1b[2K");
      stderr.write(`${label.padEnd(LABEL_WIDTH)} ${`${seconds} s`.padStart(7)}  ${note}\n`);
    },
  };
}
