// SPDX-License-Identifier: GPL-3.0-or-later
// The part of the WebAssembly interface that this project uses; TypeScript has it only in its library for browsers.
declare namespace WebAssembly {
  class Memory {
    constructor(options: { initial: number });
    readonly buffer: ArrayBuffer;
  }
  interface Instance {
    readonly exports: Record<string, unknown>;
  }
  function instantiate(
    code: Uint8Array<ArrayBuffer>,
    imports: { env: { memory: Memory } },
  ): Promise<{ instance: Instance }>;
}
