// SPDX-License-Identifier: GPL-3.0-or-later

import { existsSync } from "node:fs";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Address } from "@meantime/sdk/hex";
import { findOwnHeader } from "../ledger/batches.ts";
import type { Reader } from "../ledger/schema.ts";
import { batchFile } from "./batch-file.ts";

/** What was written, and what was there. */
export interface ExportSummary {
  written: number;
  kept: number;
}

/**
 * Writes the files of all own batches as the gateway serves them, `v1/batches/<id>`, for any static host. A file that is
 * there is right: batches do not change, and a file appears under its name when it is complete.
 */
export async function exportBatches(db: Reader, operator: Address, folder: string): Promise<ExportSummary> {
  const directory = join(folder, "v1", "batches");
  await mkdir(directory, { recursive: true });
  const batches = await db.selectFrom("batches").select("batch_id").execute();
  const summary = { written: 0, kept: 0 };
  for (const { batch_id } of batches) {
    const path = join(directory, batch_id);
    if (existsSync(path)) {
      summary.kept += 1;
      continue;
    }
    const header = await findOwnHeader(db, operator, batch_id);
    if (!header) continue;
    const partial = `${path}.partial`;
    await writeFile(partial, batchFile(db, batch_id, header));
    await rename(partial, path);
    summary.written += 1;
  }
  return summary;
}
