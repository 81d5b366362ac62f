// SPDX-License-Identifier: GPL-3.0-or-later

import { createRequire } from "node:module";
import {
  type Address,
  asHex32,
  asHexOf,
  bytesToHex,
  type Hex,
  hexToBytes,
  keccak256Bytes,
} from "@meantime/sdk/hex";
import { recoverAddress, signDigest } from "@meantime/sdk/signature";

/**
 * ECDSA on secp256k1, with the results and the errors of the SDK's `signDigest` and `recoverAddress`, whoever computes them:
 * nonces follow RFC 6979, so that both implementations give the same bytes.
 */
export interface Curve {
  /** `native`: libsecp256k1, which signs some twenty times faster. */
  readonly implementation: "native" | "javascript";
  /** Why it is not the native one. */
  readonly reason?: string;
  signDigest(privateKey: Hex, digest: Hex): Hex;
  recoverAddress(digest: Hex, signature: Hex): Address;
}

/** What is used of the package `secp256k1`, which comes without types. Both throw for what they cannot read. */
interface NativeCurve {
  ecdsaSign(digest: Uint8Array, privateKey: Uint8Array): { signature: Uint8Array; recid: number };
  ecdsaRecover(
    signature: Uint8Array,
    recoveryId: number,
    digest: Uint8Array,
    compressed: boolean,
  ): Uint8Array;
}

const SIGNATURE_BYTES = 65;
const COMPACT_BYTES = 64;
const S_OFFSET = 32;
const V_OFFSET = 27;
/** How digests beyond the order of the curve begin: libsecp256k1 does not reduce them before it derives a nonce. */
const BEYOND_ORDER = "0xffffffff";
/** An s whose first byte is less is in the lower half. */
const UPPER_HALF_BYTE = 0x7f;

let shared: Curve | undefined;

/** The curve of this process. */
export function curve(): Curve {
  shared ??= openCurve();
  return shared;
}

/**
 * The native implementation if it loads and agrees with the other one, else the other one.
 *
 * @param load the native one's module; throws where there is none for this platform
 */
export function openCurve(load: () => unknown = loadAddon): Curve {
  try {
    const addon = load() as NativeCurve;
    requireAgreement(addon);
    return nativeCurve(addon);
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
    return { implementation: "javascript", reason, signDigest, recoverAddress };
  }
}

/** By its bindings: the package's own entry falls back to a third implementation without a word. */
function loadAddon(): unknown {
  return createRequire(import.meta.url)("secp256k1/bindings.js");
}

/** What is out of the ordinary is left to the SDK, which says what is wrong with it. */
function nativeCurve(addon: NativeCurve): Curve {
  return {
    implementation: "native",
    signDigest: (privateKey, digest) => trySign(addon, privateKey, digest) ?? signDigest(privateKey, digest),
    recoverAddress: (digest, signature) =>
      tryRecover(addon, digest, signature) ?? recoverAddress(digest, signature),
  };
}

function trySign(addon: NativeCurve, privateKey: Hex, digest: Hex): Hex | undefined {
  try {
    const message = asHex32(digest, "digest");
    if (message.startsWith(BEYOND_ORDER)) return undefined;
    const { signature, recid } = addon.ecdsaSign(hexToBytes(message), hexToBytes(privateKey));
    const bytes = new Uint8Array(SIGNATURE_BYTES);
    bytes.set(signature);
    bytes[COMPACT_BYTES] = V_OFFSET + recid;
    return bytesToHex(bytes);
  } catch {
    return undefined;
  }
}

function tryRecover(addon: NativeCurve, digest: Hex, signature: Hex): Address | undefined {
  try {
    const bytes = hexToBytes(asHexOf(signature, SIGNATURE_BYTES, "signature"));
    const recoveryId = (bytes[COMPACT_BYTES] ?? 0) - V_OFFSET;
    if ((recoveryId !== 0 && recoveryId !== 1) || (bytes[S_OFFSET] ?? 0) >= UPPER_HALF_BYTE) return undefined;
    const compact = bytes.subarray(0, COMPACT_BYTES);
    const publicKey = addon.ecdsaRecover(compact, recoveryId, hexToBytes(asHex32(digest, "digest")), false);
    return bytesToHex(keccak256Bytes(publicKey.subarray(1)).subarray(12));
  } catch {
    return undefined;
  }
}

/** An addon built for another machine may load and compute nonsense. */
function requireAgreement(addon: NativeCurve): void {
  const [key, digest]: [Hex, Hex] = [`0x${"5e".repeat(32)}`, `0x${"a1".repeat(32)}`];
  const signature = signDigest(key, digest);
  if (trySign(addon, key, digest) !== signature) throw new Error("the addon signs otherwise");
  if (tryRecover(addon, digest, signature) !== recoverAddress(digest, signature)) {
    throw new Error("the addon recovers another signer");
  }
}
