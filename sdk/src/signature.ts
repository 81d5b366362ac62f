// SPDX-License-Identifier: MIT
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { MeantimeError } from "./errors.ts";
import { type Address, asHexOf, bytesToHex, type Hex, hexToBytes, keccak256Bytes } from "./hex.ts";

const SIGNATURE_BYTES = 65;
const COMPACT_BYTES = 64;
const V_OFFSET = 27;

/** Signs a digest: 65 bytes r || s || v with s in the lower half and v 27 or 28, as the EVM recovers it. */
export function signDigest(privateKey: Hex, digest: Hex): Hex {
  const recovered = secp256k1.sign(hexToBytes(digest), hexToBytes(privateKey), {
    prehash: false,
    format: "recovered",
  });
  const signature = new Uint8Array(SIGNATURE_BYTES);
  signature.set(recovered.subarray(1));
  signature[COMPACT_BYTES] = V_OFFSET + (recovered[0] ?? 0);
  return bytesToHex(signature);
}

/**
 * The address whose key signed the digest. Throws MT-SDK-101 on anything but 65 bytes, MT-SDK-102 on a v that is not
 * 27 or 28, MT-SDK-103 on an s in the upper half (the twin that contracts refuse), MT-SDK-104 where no key fits.
 */
export function recoverAddress(digest: Hex, signature: Hex): Address {
  const bytes = signatureBytes(signature);
  const v = bytes[COMPACT_BYTES] ?? 0;
  if (v !== V_OFFSET && v !== V_OFFSET + 1) {
    throw new MeantimeError("MT-SDK-102", `the recovery byte of the signature is ${v}`, {
      hint: "The last byte is 27 or 28.",
    });
  }
  const compact = bytes.subarray(0, COMPACT_BYTES);
  try {
    if (secp256k1.Signature.fromBytes(compact).hasHighS()) {
      throw new MeantimeError("MT-SDK-103", "the signature has its s in the upper half", {
        hint: "Only the lower of the two twins is a signature.",
      });
    }
    const recovered = new Uint8Array(SIGNATURE_BYTES);
    recovered[0] = v - V_OFFSET;
    recovered.set(compact, 1);
    const publicKey = secp256k1.recoverPublicKey(recovered, hexToBytes(digest), { prehash: false });
    return publicKeyToAddress(publicKey);
  } catch (cause) {
    if (cause instanceof MeantimeError) throw cause;
    throw new MeantimeError("MT-SDK-104", "no key could have made this signature", {
      hint: "Compare it with the one that was received.",
      cause,
    });
  }
}

/** The address of a private key. */
export function addressOf(privateKey: Hex): Address {
  return publicKeyToAddress(secp256k1.getPublicKey(hexToBytes(privateKey), false));
}

function signatureBytes(signature: Hex): Uint8Array {
  try {
    return hexToBytes(asHexOf(signature, SIGNATURE_BYTES, "signature"));
  } catch (cause) {
    throw new MeantimeError("MT-SDK-101", `a signature has ${SIGNATURE_BYTES} bytes`, {
      hint: "Pass r, s and v one after the other.",
      cause,
    });
  }
}

function publicKeyToAddress(publicKey: Uint8Array): Address {
  const uncompressed = secp256k1.Point.fromBytes(publicKey).toBytes(false);
  return bytesToHex(keccak256Bytes(uncompressed.subarray(1)).subarray(12));
}
