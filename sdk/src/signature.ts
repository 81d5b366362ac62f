// SPDX-License-Identifier: MIT
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { MeantimeError } from "./errors.ts";
import { type Address, asHex32, asHexOf, bytesToHex, type Hex, hexToBytes, keccak256Bytes } from "./hex.ts";

const SIGNATURE_BYTES = 65;
const COMPACT_BYTES = 64;
const V_OFFSET = 27;

/**
 * Signs a digest: 65 bytes r || s || v with s in the lower half and v 27 or 28, as the EVM recovers it.
 * Throws MT-SDK-105 for what is no private key, MT-SDK-002 for a digest that is not 32 bytes.
 */
export function signDigest(privateKey: Hex, digest: Hex): Hex {
  const recovered = secp256k1.sign(digestBytes(digest), privateKeyBytes(privateKey), {
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
 * 27 or 28, MT-SDK-103 on an s in the upper half (the twin that contracts refuse), MT-SDK-104 where no key fits,
 * MT-SDK-002 for a digest that is not 32 bytes.
 */
export function recoverAddress(digest: Hex, signature: Hex): Address {
  const message = digestBytes(digest);
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
    const publicKey = secp256k1.recoverPublicKey(recovered, message, { prehash: false });
    return publicKeyToAddress(publicKey);
  } catch (cause) {
    if (cause instanceof MeantimeError) throw cause;
    throw new MeantimeError("MT-SDK-104", "no key could have made this signature", {
      hint: "Compare it with the one that was received.",
      cause,
    });
  }
}

/** The address of a private key. Throws MT-SDK-105 for what is none. */
export function addressOf(privateKey: Hex): Address {
  return publicKeyToAddress(secp256k1.getPublicKey(privateKeyBytes(privateKey), false));
}

function digestBytes(digest: Hex): Uint8Array {
  return hexToBytes(asHex32(digest, "digest"));
}

// The error must not show the value or carry a cause that does: a key with a slip in it is still a secret.
function privateKeyBytes(privateKey: Hex): Uint8Array {
  const bytes = /^0x[0-9a-fA-F]{64}$/.test(privateKey) ? hexToBytes(privateKey) : undefined;
  if (bytes && secp256k1.utils.isValidSecretKey(bytes)) return bytes;
  throw new MeantimeError("MT-SDK-105", "not a private key of secp256k1", {
    hint: "Pass 0x and 64 hexadecimal digits, neither zero nor beyond the order of the curve.",
  });
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
