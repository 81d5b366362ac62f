// SPDX-License-Identifier: GPL-3.0-or-later
import { readFile } from "node:fs/promises";
import { decodeSections } from "../sections.ts";
import { CeremonyError } from "./errors.ts";

/** Reads a zkey. @throws CeremonyError `MT-CER-004` unreadable, or something else */
export async function readKey(file: string): Promise<Uint8Array> {
  try {
    const bytes = new Uint8Array(await readFile(file));
    decodeSections("zkey", bytes);
    return bytes;
  } catch (error) {
    throw new CeremonyError(
      "MT-CER-004",
      `${file} is no key: ${error instanceof Error ? error.message : String(error)}`,
      "Give a zkey that this ceremony made.",
      { file },
    );
  }
}
