// SPDX-License-Identifier: GPL-3.0-or-later

import { readFileSync } from "node:fs";
import { RelayerError } from "../errors.ts";

/** The content of a JSON file. Throws RelayerError with this code and hint where it cannot be read. */
export function readJson(file: string, code: string, hint: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new RelayerError(code, `${file} cannot be read as JSON: ${message}`, hint);
  }
}
