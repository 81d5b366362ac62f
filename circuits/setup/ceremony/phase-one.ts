// SPDX-License-Identifier: GPL-3.0-or-later
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { CeremonyError } from "./errors.ts";
import { HERMEZ_HASHES } from "./hermez-hashes.ts";

/** A powers-of-tau file that may be used, and why. */
export interface PhaseOne {
  file: string;
  /** Circuits of up to 2^power rows. */
  power: number;
  blake2b: string;
  /** False: somebody may know its secret, and forge every proof under a key made from it. */
  pinned: boolean;
}

const MAGIC = "ptau";
const FILE_HEADER_BYTES = 12;
const SECTION_HEADER_BYTES = 12;
const POWER_AT = 4 + 32;
const SMALLEST_POWER = 8;
const UNNUMBERED_POWER = 28;
const DOWNLOADS = "https://storage.googleapis.com/zkevm/ptau";

/**
 * Reads a powers-of-tau file to the end and compares its hash with that of the Hermez ceremony's file of its power.
 *
 * @param insecure also take a file whose hash is not pinned; its secret may be known
 * @throws CeremonyError `MT-CER-002` another file; `MT-CER-004` unreadable
 */
export async function openPhaseOne(file: string, { insecure }: { insecure: boolean }): Promise<PhaseOne> {
  const power = await readPower(file);
  const blake2b = await blake2bOf(file);
  const pinned = HERMEZ_HASHES.get(power) === blake2b;
  if (!pinned && !insecure) {
    throw new CeremonyError(
      "MT-CER-002",
      `${file} is not the Hermez ceremony's file of power ${power}: its BLAKE2b is ${blake2b}`,
      `Download ${hermezUrl(power)}, or give --insecure-ptau to try things out with a file of your own.`,
      { file, power, blake2b },
    );
  }
  return { file, power, blake2b, pinned };
}

/** @throws CeremonyError `MT-CER-002` where the circuit needs a larger file */
export function requirePower(phaseOne: PhaseOne, needed: number): void {
  if (phaseOne.power >= needed) return;
  throw new CeremonyError(
    "MT-CER-002",
    `${phaseOne.file} is for 2^${phaseOne.power} rows, and the circuit has 2^${needed}`,
    `Download ${hermezUrl(needed)}.`,
    { power: phaseOne.power, needed },
  );
}

function hermezUrl(power: number): string {
  const smallest = Math.max(power, SMALLEST_POWER);
  const suffix = smallest === UNNUMBERED_POWER ? "" : `_${String(smallest).padStart(2, "0")}`;
  return `${DOWNLOADS}/powersOfTau28_hez_final${suffix}.ptau`;
}

async function readPower(file: string): Promise<number> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file);
    const head = Buffer.alloc(FILE_HEADER_BYTES + SECTION_HEADER_BYTES + POWER_AT + 4);
    const { bytesRead } = await handle.read(head, 0, head.length, 0);
    // The first section of every file that snarkjs writes is its header.
    const isHeader = head.readUInt32LE(FILE_HEADER_BYTES) === 1;
    if (bytesRead < head.length || head.toString("latin1", 0, 4) !== MAGIC || !isHeader) {
      throw new RangeError("it is not a powers-of-tau file");
    }
    return head.readUInt32LE(head.length - 4);
  } catch (error) {
    throw new CeremonyError(
      "MT-CER-004",
      `${file} cannot be used as powers of tau: ${error instanceof Error ? error.message : String(error)}`,
      "Give a prepared file of the Hermez ceremony with --ptau.",
      { file },
    );
  } finally {
    await handle?.close();
  }
}

async function blake2bOf(file: string): Promise<string> {
  const hash = createHash("blake2b512");
  for await (const chunk of createReadStream(file, { highWaterMark: 2 ** 20 })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
