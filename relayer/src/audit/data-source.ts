// SPDX-License-Identifier: GPL-3.0-or-later

import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { MeantimeError } from "@meantime/sdk/errors";
import type { Address, Hex } from "@meantime/sdk/hex";
import { BadInputError } from "../cli/enclave/bad-input.ts";
import { fetchBatchText } from "../watch/fetch-batch.ts";

/** Where published batch data comes from. */
export interface DataSource {
  kind: "announced" | "url" | "folder";
  /** The text of a batch's file, or why there is none. */
  read(batchId: Hex, operator: Address): Promise<{ text: string } | { missing: string }>;
}

/**
 * Batch data as its operators published it, or as somebody kept it: never an operator's database.
 *
 * @param data a URL that serves `v1/batches/<batch id>`, or a folder of `<batch id>.json`. Default: what operators announced
 * @param endpoints the newest announcement of each operator
 * @param allowPrivate follows announcements to private addresses too
 * @throws BadInputError `MT-AUDIT-004` neither a URL nor a folder
 */
export async function openDataSource(
  data: string | undefined,
  endpoints: ReadonlyMap<Address, string>,
  allowPrivate: boolean,
): Promise<DataSource> {
  if (data === undefined) {
    return {
      kind: "announced",
      async read(batchId, operator) {
        const endpoint = endpoints.get(operator);
        if (endpoint === undefined) return { missing: "its operator has announced no endpoint" };
        return fetched(endpoint, batchId, allowPrivate);
      },
    };
  }
  // Whoever names the address means it.
  if (/^https?:\/\//.test(data)) return { kind: "url", read: (batchId) => fetched(data, batchId, true) };
  const found = await stat(data).catch(() => undefined);
  if (!found?.isDirectory()) {
    throw new BadInputError(
      "MT-AUDIT-004",
      `${data} is neither an http address nor a folder`,
      "Name a URL that serves v1/batches/<batch id>, or a folder of <batch id>.json.",
    );
  }
  return {
    kind: "folder",
    async read(batchId) {
      try {
        return { text: await readFile(join(data, `${batchId}.json`), "utf8") };
      } catch (error) {
        return { missing: `the folder has no ${batchId}.json (${codeOf(error)})` };
      }
    },
  };
}

async function fetched(endpoint: string, batchId: Hex, allowPrivate: boolean) {
  try {
    return { text: await fetchBatchText(endpoint, batchId, allowPrivate) };
  } catch (error) {
    if (error instanceof MeantimeError) return { missing: error.message };
    throw error;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
