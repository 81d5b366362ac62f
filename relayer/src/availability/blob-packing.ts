// SPDX-License-Identifier: GPL-3.0-or-later

/** Field elements of a blob (EIP-4844, `FIELD_ELEMENTS_PER_BLOB`). */
const ELEMENTS = 4_096;
/** Under the order of the curve whatever they are: the highest byte of an element stays zero. */
const ELEMENT_BYTES = 31;
/** The length of what is packed, big-endian, goes before it. */
const LENGTH_BYTES = 4;

/** The bytes of a blob. */
export const BLOB_BYTES = ELEMENTS * 32;
/** What one transaction may carry (EIP-7594, `MAX_BLOBS_PER_TX`). */
export const MAX_BLOBS = 6;

/** What so many blobs have room for. */
export function roomIn(blobs: number): number {
  return blobs * ELEMENTS * ELEMENT_BYTES - LENGTH_BYTES;
}

/** Lays bytes out over as few blobs as hold them, 31 in every element of 32. */
export function packBlobs(bytes: Uint8Array): Uint8Array[] {
  const stream = new Uint8Array(LENGTH_BYTES + bytes.length);
  new DataView(stream.buffer).setUint32(0, bytes.length);
  stream.set(bytes, LENGTH_BYTES);
  const blobs: Uint8Array[] = [];
  for (let from = 0; from < stream.length; from += ELEMENTS * ELEMENT_BYTES) {
    const blob = new Uint8Array(BLOB_BYTES);
    for (let element = 0; element < ELEMENTS; element++) {
      const start = from + element * ELEMENT_BYTES;
      if (start >= stream.length) break;
      blob.set(stream.subarray(start, start + ELEMENT_BYTES), element * 32 + 1);
    }
    blobs.push(blob);
  }
  return blobs;
}

/**
 * The bytes that {@link packBlobs} laid out.
 *
 * @throws RangeError these are not its blobs: a wrong size or number, a length that does not fit, something in the padding
 */
export function unpackBlobs(blobs: readonly Uint8Array[]): Uint8Array {
  const stream = new Uint8Array(blobs.length * ELEMENTS * ELEMENT_BYTES);
  for (const [at, blob] of blobs.entries()) {
    if (blob.length !== BLOB_BYTES)
      throw new RangeError(`a blob has ${blob.length} bytes, not ${BLOB_BYTES}`);
    for (let element = 0; element < ELEMENTS; element++) {
      const start = element * 32;
      if (blob[start] !== 0) throw new RangeError(`element ${element} of blob ${at} is too large`);
      stream.set(blob.subarray(start + 1, start + 32), (at * ELEMENTS + element) * ELEMENT_BYTES);
    }
  }
  if (stream.length === 0) throw new RangeError("there are no blobs");
  const end = LENGTH_BYTES + new DataView(stream.buffer).getUint32(0);
  const needed = Math.ceil(end / (ELEMENTS * ELEMENT_BYTES));
  if (needed !== blobs.length) throw new RangeError(`${blobs.length} blobs, and the length needs ${needed}`);
  if (stream.subarray(end).some((byte) => byte !== 0)) throw new RangeError("the padding is not empty");
  return stream.subarray(LENGTH_BYTES, end);
}
