// SPDX-License-Identifier: GPL-3.0-or-later

import { archiveFolder } from "./archive.ts";
import { beaconNode } from "./beacon.ts";
import type { BlobSource } from "./blob-source.ts";
import { Kzg } from "./kzg.ts";

/** Where blobs are read from. The folder is absolute. */
export interface BlobPlaces {
  beaconUrl?: string | undefined;
  archiveFolder?: string | undefined;
}

/** What reads and seals blobs. */
export interface Blobs {
  /** The nearest first. */
  sources: readonly BlobSource[];
  kzg: Kzg;
}

/** Nothing is started or asked before the first blob. */
export function openBlobs({ beaconUrl, archiveFolder: folder }: BlobPlaces): Blobs {
  const sources = [...(folder ? [archiveFolder(folder)] : []), ...(beaconUrl ? [beaconNode(beaconUrl)] : [])];
  return { sources, kzg: new Kzg() };
}
