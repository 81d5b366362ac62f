// SPDX-License-Identifier: MIT
import { bytesToHex, type Hex, randomBytes } from "./hex.ts";

/** Random bytes of a salt: as many as a field element of BN254 holds whole. */
export const SALT_BYTES = 31;

/** A fresh salt: 31 bytes from the platform's secure random source, as a 32-byte word whose first byte is zero. */
export function randomSalt(): Hex {
  const bytes = new Uint8Array(32);
  bytes.set(randomBytes(SALT_BYTES), 32 - SALT_BYTES);
  return bytesToHex(bytes);
}
