// SPDX-License-Identifier: MIT
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type CollateralBundle, readCollateral } from "@meantime/sdk/dcap/collateral";

/** A genuine quote with its collateral. */
export interface DcapVector {
  name: string;
  /** Unix seconds: a moment at which everything about it is valid, and the first one at which something runs out. */
  validAt: number;
  expiresAt: number;
  quote: Uint8Array;
  collateral: CollateralBundle;
  /** The status by Intel's rule; `TCB_NOT_SUPPORTED` where no level matches. */
  expected: string;
  mrEnclave: string | undefined;
  mrTd: string | undefined;
  reportData: string;
}

/** What the manifest of the genuine Nitro documents says of one. */
export interface NitroManifestEntry {
  file: string;
  window_unix: [number, number];
  timestamp_ms: number;
  debug_zero_pcr012: boolean;
  genuine: boolean;
  pcr0: string;
}

interface ManifestEntry {
  name: string;
  window: [number, number];
  checkedAt: number;
  intelRule: { final: string };
  mrenclave?: string;
  mrtd?: string;
  reportData: string;
}

const REPOSITORY = resolve(import.meta.dirname, "../..");
const FOLDER = process.env.MEANTIME_VECTORS ?? join(REPOSITORY, "../shared/vectors");

/** Where the genuine documents are; undefined, said loudly, where they are not. They are no part of the repository. */
export function vectorFolder(kind: "dcap" | "nitro"): string | undefined {
  const folder = join(FOLDER, kind);
  if (existsSync(folder)) return folder;
  process.stderr.write(`\n!! SKIPPED: no genuine ${kind} documents at ${folder}. Set MEANTIME_VECTORS.\n\n`);
  return undefined;
}

/** The genuine quotes that have collateral, by the manifest of their folder. */
export function readDcapVectors(folder: string): DcapVector[] {
  const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")) as ManifestEntry[];
  return manifest.map((entry) => ({
    name: entry.name,
    validAt: entry.checkedAt,
    expiresAt: entry.window[1],
    quote: readFileSync(join(folder, `${entry.name}.quote.bin`)),
    collateral: readCollateral(
      JSON.parse(readFileSync(join(folder, `${entry.name}.collateral.json`), "utf8")),
    ),
    expected: entry.intelRule.final,
    mrEnclave: entry.mrenclave,
    mrTd: entry.mrtd,
    reportData: entry.reportData,
  }));
}

/** The files of a folder of genuine documents, by name. */
export function readFolder(folder: string, sub: string): Map<string, Uint8Array> {
  const path = join(folder, sub);
  return new Map(readdirSync(path).map((name) => [name, readFileSync(join(path, name))]));
}
