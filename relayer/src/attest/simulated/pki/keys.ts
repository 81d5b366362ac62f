// SPDX-License-Identifier: GPL-3.0-or-later
import { concatBytes, hexToBytes } from "@meantime/sdk/hex";
import { p256, p384 } from "@noble/curves/nist.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { ascii, oid, sequence } from "./der.ts";

const SECRET_BYTES = 32;
const EC_PUBLIC_KEY = oid("1.2.840.10045.2.1");

export const ECDSA_WITH_SHA256 = sequence(oid("1.2.840.10045.4.3.2"));
export const ECDSA_WITH_SHA384 = sequence(oid("1.2.840.10045.4.3.3"));

/** A key, the same one for the same label. */
export interface Key {
  secret: Uint8Array;
  /** x and y. */
  point: Uint8Array;
}

/** A curve, and how certificates name it and what is signed by it. */
export interface Curve {
  keyAlgorithm: Uint8Array;
  signatureAlgorithm: Uint8Array;
  keyOf(label: string): Key;
  /** r and s over the curve's own hash of a message, as the curve gives them: s is low or high. */
  sign(message: Uint8Array, key: Key): Uint8Array;
  /** The other signature that verifies: n - s for s. */
  twinOf(signature: Uint8Array): Uint8Array;
}

export const P256 = curveOf(p256, "1.2.840.10045.3.1.7", ECDSA_WITH_SHA256);
export const P384 = curveOf(p384, "1.3.132.0.34", ECDSA_WITH_SHA384);

function curveOf(curve: typeof p256, name: string, signatureAlgorithm: Uint8Array): Curve {
  const { ORDER, BYTES } = curve.Point.Fn;
  return {
    keyAlgorithm: sequence(EC_PUBLIC_KEY, oid(name)),
    signatureAlgorithm,
    keyOf: (label) => {
      const secret = concatBytes(
        new Uint8Array(BYTES - SECRET_BYTES),
        sha256(ascii(`meantime test key: ${label}`)),
      );
      return { secret, point: curve.getPublicKey(secret, false).slice(1) };
    },
    sign: (message, { secret }) => curve.sign(message, secret, { lowS: false }),
    twinOf: (signature) => {
      const s = BigInt(`0x${Buffer.from(signature.slice(BYTES)).toString("hex")}`);
      const twin = (ORDER - s).toString(16).padStart(2 * BYTES, "0");
      return concatBytes(signature.slice(0, BYTES), hexToBytes(`0x${twin}`));
    },
  };
}
