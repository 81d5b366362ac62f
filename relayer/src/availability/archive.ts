// SPDX-License-Identifier: GPL-3.0-or-later

import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Hex } from "@meantime/sdk/hex";
import type { BlobSource } from "./blob-source.ts";

/**
 * A folder of blobs, one file of 131,072 bytes each, `<versioned hash>.blob`. Everything that was read from elsewhere is
 * kept in it, beyond the days that the network keeps it.
 */
export function archiveFolder(folder: string): BlobSource {
  const fileOf = (hash: Hex) => join(folder, `${hash}.blob`);
  return {
    name: `the archive ${folder}`,
    async blobsAt({ hashes }) {
      const files = hashes.map(fileOf).filter((file) => existsSync(file));
      return Promise.all(files.map((file) => readFile(file)));
    },
    async keep(blobs) {
      await mkdir(folder, { recursive: true });
      for (const [hash, blob] of blobs) {
        const file = fileOf(hash);
        if (existsSync(file)) continue;
        // Two watchtowers may share the folder: nobody sees half a file.
        const partial = `${file}.${randomUUID()}`;
        await writeFile(partial, blob);
        await rename(partial, file);
      }
    },
  };
}
