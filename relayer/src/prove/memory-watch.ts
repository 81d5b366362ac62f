// SPDX-License-Identifier: GPL-3.0-or-later

import { readFileSync } from "node:fs";

const LOOK_MILLISECONDS = 50;

/**
 * Looks at a process's resident memory, WebAssembly and threads included, and calls back once when it exceeds the cap.
 * Works where the system has `/proc`; elsewhere only V8's own heap limit holds.
 *
 * @returns ends the watch
 */
export function watchMemory(pid: number, megabytes: number, onExceeded: () => void): () => void {
  const timer = setInterval(() => {
    if (residentMegabytes(pid) <= megabytes) return;
    clearInterval(timer);
    onExceeded();
  }, LOOK_MILLISECONDS);
  return () => clearInterval(timer);
}

function residentMegabytes(pid: number): number {
  try {
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return Number(kilobytes ?? 0) / 1024;
  } catch {
    // It has just ended, or this system has no /proc.
    return 0;
  }
}
