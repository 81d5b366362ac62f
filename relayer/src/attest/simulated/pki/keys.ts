// SPDX-License-Identifier: GPL-3.0-or-later
import { concatBytes, hexToBytes } from "@meantime/sdk/hex";
import { p256 } from "@noble/curves/nist.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { ascii } from "./der.ts";

const ORDER = p256.Point.Fn.ORDER;

/** A P-256 key, the same one for the same label. */
export interface Key {
  secret: Uint8Array;
  /** x and y. */
  point: Uint8Array;
}

export function keyOf(label: string): Key {
  const secret = sha256(ascii(`meantime test key: ${label}`));
  return { secret, point: p256.getPublicKey(secret, false).slice(1) };
}

/** r and s over SHA-256 of a message, as the curve gives them: s is low or high. */
export function sign(message: Uint8Array, { secret }: Key): Uint8Array {
  return p256.sign(message, secret, { lowS: false });
}

/** The other signature that verifies: n - s for s. */
export function twinOf(signature: Uint8Array): Uint8Array {
  const s = BigInt(`0x${Buffer.from(signature.slice(32)).toString("hex")}`);
  return concatBytes(signature.slice(0, 32), hexToBytes(`0x${(ORDER - s).toString(16).padStart(64, "0")}`));
}
