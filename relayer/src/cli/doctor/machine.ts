// SPDX-License-Identifier: GPL-3.0-or-later

import { createHash } from "node:crypto";
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { access, constants, readFile, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ModelConfig, NetworkConfig, RelayerConfig } from "../../config/load.ts";
import { type Finding, fail, ok, warn } from "./check.ts";

const FIRST_NODE = [22, 13] as const;
const FULL_BYTES = 256 * 2 ** 20;
const LOW_BYTES = 4 * 2 ** 30;
const SLOW_FSYNC_MILLISECONDS = 50;
const FSYNC_TRIES = 9;

/** Whether this Node can run the relayer. */
export function checkNode(version = process.versions.node): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const isNew = major > FIRST_NODE[0] || (major === FIRST_NODE[0] && minor >= FIRST_NODE[1]);
  const wanted = FIRST_NODE.join(".");
  return isNew ? ok(`Node ${version}`) : fail(`Node ${version}`, `Install Node ${wanted} or newer.`);
}

/** Whether every file that the configuration names can be read. */
export async function checkFiles({ models, prover }: RelayerConfig): Promise<Finding> {
  const files = [
    ...networksOf(models).flatMap(({ spec, verificationKey, wasm, zkey }) => [
      spec,
      verificationKey,
      wasm,
      zkey,
    ]),
    prover.rapidsnark?.path,
  ].filter((file) => file !== undefined);
  const readable = await Promise.all(files.map((file) => canRead(file)));
  const missing = files.filter((_, at) => !readable[at]);
  return missing.length === 0
    ? ok(`${files.length} files readable`)
    : fail(`not readable: ${missing.join(", ")}`, "Correct the path or the file's permissions.");
}

function networksOf(models: readonly ModelConfig[]): NetworkConfig[] {
  return models.filter((model): model is NetworkConfig => "spec" in model);
}

/** The SHA-256 of each proving file, to be compared with what was published; and of the external prover, as pinned. */
export async function checkArtefacts({ models, prover }: RelayerConfig): Promise<Finding[]> {
  const files = networksOf(models)
    .flatMap(({ wasm, zkey }) => [wasm, zkey])
    .filter((file) => file !== undefined);
  const hashes = await Promise.all(files.map(async (file) => `${file} ${await sha256(file)}`));
  const { rapidsnark } = prover;
  if (!rapidsnark) return hashes.map(ok);
  if (rapidsnark.sha256 === undefined) {
    return [
      ...hashes.map(ok),
      warn(`${rapidsnark.path} is not pinned`, "Write its hash to prover.rapidsnark.sha256."),
    ];
  }
  const actual = await sha256(rapidsnark.path);
  const isPinned = actual === rapidsnark.sha256.toLowerCase();
  return [
    ...hashes.map(ok),
    isPinned
      ? ok(`${rapidsnark.path} ${actual}`)
      : fail(
          `${rapidsnark.path} has hash ${actual}`,
          "Install the binary that prover.rapidsnark.sha256 pins.",
        ),
  ];
}

/** How much room the ledger's disk has. */
export async function checkSpace(folder: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(existing(folder));
  return judgeSpace(bavail * bsize, folder);
}

/** The verdict on free bytes. */
export function judgeSpace(freeBytes: number, folder: string): Finding {
  const detail = `${(freeBytes / 2 ** 30).toFixed(1)} GiB free at ${folder}`;
  if (freeBytes < FULL_BYTES)
    return fail(detail, "Free space: receipts cannot be given when the disk is full.");
  return freeBytes < LOW_BYTES ? warn(detail, "Free space, or move the ledger.") : ok(detail);
}

/** Whether the ledger's disk takes durable writes, and how fast: every receipt waits for one. */
export function checkFsync(folder: string): Finding {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `.doctor-${process.pid}`);
  const descriptor = openSync(file, "w", 0o600);
  try {
    const milliseconds = Array.from({ length: FSYNC_TRIES }, () => {
      const start = performance.now();
      writeSync(descriptor, Buffer.alloc(4_096));
      fsyncSync(descriptor);
      return performance.now() - start;
    }).sort((a, b) => a - b);
    const median = milliseconds[Math.floor(FSYNC_TRIES / 2)] ?? 0;
    const detail = `a durable write takes ${median.toFixed(1)} ms`;
    return median > SLOW_FSYNC_MILLISECONDS
      ? warn(detail, "Put the ledger on a local disk: each group of receipts waits for one such write.")
      : ok(detail);
  } finally {
    closeSync(descriptor);
    rmSync(file);
  }
}

async function canRead(file: string): Promise<boolean> {
  try {
    await access(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

async function sha256(file: string): Promise<string> {
  return createHash("sha256")
    .update(await readFile(file))
    .digest("hex");
}

function existing(folder: string): string {
  return existsSync(folder) ? folder : existing(dirname(folder));
}
