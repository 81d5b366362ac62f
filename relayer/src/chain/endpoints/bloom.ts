// SPDX-License-Identifier: GPL-3.0-or-later

import { bytesToHex, type Hex, hexToBytes, keccak256 } from "@meantime/sdk/hex";

const BLOOM_BYTES = 256;
const BITS_PER_VALUE = 3;

/**
 * Whether a block may hold a log of the address: its header's bloom filter has no false negatives.
 *
 * The filter is that of the Ethereum yellow paper, section 4.3.1: of a value's hash, each of the first three pairs of
 * bytes modulo 2048 names a bit, counted from the end.
 */
export function mayContain(bloom: Hex, address: Hex): boolean {
  const bits = hexToBytes(bloom);
  return bitsOf(address).every((bit) => ((bits[byteOf(bit)] ?? 0) & maskOf(bit)) !== 0);
}

/** The bloom filter that these logs, and no others, give a block. */
export function bloomOf(logs: readonly { address: Hex; topics: readonly Hex[] }[]): Hex {
  const bits = new Uint8Array(BLOOM_BYTES);
  for (const value of new Set(logs.flatMap(({ address, topics }) => [address, ...topics]))) {
    for (const bit of bitsOf(value)) bits[byteOf(bit)] = (bits[byteOf(bit)] ?? 0) | maskOf(bit);
  }
  return bytesToHex(bits);
}

function bitsOf(value: Hex): number[] {
  const hash = hexToBytes(keccak256(hexToBytes(value)));
  return Array.from({ length: BITS_PER_VALUE }, (_, pair) => {
    const word = ((hash[pair * 2] ?? 0) << 8) | (hash[pair * 2 + 1] ?? 0);
    return word % (BLOOM_BYTES * 8);
  });
}

function byteOf(bit: number): number {
  return BLOOM_BYTES - 1 - (bit >> 3);
}

function maskOf(bit: number): number {
  return 1 << (bit & 7);
}
