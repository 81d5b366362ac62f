// SPDX-License-Identifier: GPL-3.0-or-later

/** Bytes, and how far they were read. */
export interface ByteReader {
  readonly bytes: Uint8Array;
  at: number;
}

const VARINT_BITS = 7n;
const CONTINUES = 0x80;
/** Enough for 64 bits. */
const MAX_VARINT_BYTES = 10;

/** The next bytes, as a copy. @throws RangeError there are not so many */
export function readBytes(reader: ByteReader, length: number): Uint8Array {
  const end = reader.at + length;
  if (end > reader.bytes.length) throw new RangeError(`it ends ${end - reader.bytes.length} bytes early`);
  // Not slice(): of a Buffer that is no copy.
  const taken = new Uint8Array(reader.bytes.subarray(reader.at, end));
  reader.at = end;
  return taken;
}

/** A number under 2^64 in groups of seven bits, lowest first (unsigned LEB128), in as few bytes as it takes. */
export function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  do {
    const group = Number(rest & 0x7fn);
    rest >>= VARINT_BITS;
    bytes.push(rest === 0n ? group : group | CONTINUES);
  } while (rest !== 0n);
  return Uint8Array.from(bytes);
}

/** What {@link varint} wrote. @throws RangeError it ends early, is beyond 64 bits, or longer than it needs to be */
export function readVarint(reader: ByteReader): bigint {
  let value = 0n;
  for (let place = 0; place < MAX_VARINT_BYTES; place++) {
    const byte = readBytes(reader, 1)[0] ?? 0;
    value |= BigInt(byte & ~CONTINUES) << (BigInt(place) * VARINT_BITS);
    if ((byte & CONTINUES) !== 0) continue;
    if ((byte === 0 && place > 0) || value >= 1n << 64n) break;
    return value;
  }
  throw new RangeError("a number is not written as it must be");
}
