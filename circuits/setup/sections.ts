// SPDX-License-Identifier: GPL-3.0-or-later

const MAGIC_BYTES = 4;
const SECTION_HEADER_BYTES = 12;

/** A file of iden3's binary format (ptau, zkey, r1cs): magic, version 1, then sections of number, length and content. */
export function encodeSections(magic: string, sections: readonly [number, Uint8Array][]): Uint8Array {
  const length = sections.reduce((sum, [, bytes]) => sum + SECTION_HEADER_BYTES + bytes.length, 0);
  const file = Buffer.alloc(MAGIC_BYTES + 8 + length);
  file.write(magic, "latin1");
  file.writeUInt32LE(1, MAGIC_BYTES);
  let at = file.writeUInt32LE(sections.length, MAGIC_BYTES + 4);
  for (const [number, bytes] of sections) {
    at = file.writeUInt32LE(number, at);
    at = file.writeBigUInt64LE(BigInt(bytes.length), at);
    file.set(bytes, at);
    at += bytes.length;
  }
  return new Uint8Array(file.buffer, file.byteOffset, file.length);
}

/**
 * The sections of such a file, by number; views, not copies.
 *
 * @throws RangeError another magic, or a section that ends outside the file
 */
export function decodeSections(magic: string, file: Uint8Array): (number: number) => Buffer {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.length);
  if (bytes.toString("latin1", 0, MAGIC_BYTES) !== magic) throw new RangeError(`not a ${magic} file`);
  const sections = new Map<number, Buffer>();
  let at = MAGIC_BYTES + 8;
  for (let left = bytes.readUInt32LE(MAGIC_BYTES + 4); left > 0; left--) {
    const start = at + SECTION_HEADER_BYTES;
    const end = start + Number(bytes.readBigUInt64LE(at + 4));
    if (end > bytes.length) throw new RangeError(`the ${magic} file is cut off`);
    sections.set(bytes.readUInt32LE(at), bytes.subarray(start, end));
    at = end;
  }
  return (number) => {
    const section = sections.get(number);
    if (!section) throw new RangeError(`the ${magic} file has no section ${number}`);
    return section;
  };
}

export function uint32(value: number): Uint8Array {
  return littleEndian(BigInt(value), 4);
}

export function littleEndian(value: bigint, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => Number((value >> BigInt(8 * at)) & 0xffn));
}
