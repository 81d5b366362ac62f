// SPDX-License-Identifier: GPL-3.0-or-later
import { Reader, readSections } from "./r1cs.ts";

/** Reads a `.wtns` file (iden3, version 2): one value for each wire. */
export function readWitness(bytes: Uint8Array): bigint[] {
  const sections = readSections(bytes, "wtns", 2);
  const header = new Reader(sections.get(1));
  const fieldBytes = header.u32();
  header.skip(fieldBytes);
  const values = new Reader(sections.get(2));
  return Array.from({ length: header.u32() }, () => values.integer(fieldBytes));
}

/** Writes a `.wtns` file, for the tools of iden3 to read. Values are 0 .. prime - 1. */
export function writeWitness(witness: readonly bigint[], prime: bigint): Uint8Array {
  const fieldBytes = 8 * Math.ceil(prime.toString(16).length / 16);
  const headerLength = 8 + fieldBytes;
  const file = Buffer.alloc(12 + 12 + headerLength + 12 + fieldBytes * witness.length);
  let at = file.write("wtns", 0, "latin1");
  const u32 = (value: number) => {
    at = file.writeUInt32LE(value, at);
  };
  const section = (kind: number, length: number) => {
    u32(kind);
    at = file.writeBigUInt64LE(BigInt(length), at);
  };
  const element = (value: bigint) => {
    const hex = value.toString(16).padStart(2 * fieldBytes, "0");
    at += Buffer.from(hex, "hex").reverse().copy(file, at);
  };
  u32(2);
  u32(2);
  section(1, headerLength);
  u32(fieldBytes);
  element(prime);
  u32(witness.length);
  section(2, fieldBytes * witness.length);
  for (const value of witness) element(value);
  return file;
}
