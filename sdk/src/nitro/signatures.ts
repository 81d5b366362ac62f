// SPDX-License-Identifier: MIT
import { sha384 } from "@noble/hashes/sha2.js";
import { childAt, childrenOf, type DerElement, elementAt } from "../dcap/der.ts";
import { bytesToHex, concatBytes, type Hex, keccak256Bytes } from "../hex.ts";
import { type AffinePoint, type P384Signature, p384Hints } from "../p384-hints.ts";
import type { NitroDocument } from "./document.ts";

/** A signature that `NitroVerifier` judges. */
export interface ChainSignature {
  /** The chain's id once it is verified; undefined for the document's own signature, which is never remembered. */
  chainId: Hex | undefined;
  signature: P384Signature;
}

// Places of a certificate's parts (RFC 5280, 4.1).
const KEY_PLACE = 6;

/** The signatures of a chain, root first, and then of the document, as `NitroVerifier.verify` meets them. */
export function nitroSignatures({ certificates, signedBytes, signature }: NitroDocument): ChainSignature[] {
  const chain = chainSignatures(certificates);
  const leaf = certificates.at(-1) ?? new Uint8Array();
  return [
    ...chain,
    {
      chainId: undefined,
      signature: {
        digest: sha384(signedBytes),
        r: bigintOf(signature.subarray(0, 48)),
        s: bigintOf(signature.subarray(48)),
        publicKey: keyOf(leaf),
      },
    },
  ];
}

/** The signatures of a chain of certificates, root first, without the root's. Throws MT-SDK-4xx for malformed DER. */
export function chainSignatures(certificates: readonly Uint8Array[]): ChainSignature[] {
  const ids = chainIds(certificates);
  return certificates.slice(1).map((certificate, index) => {
    const issuer = certificates[index] ?? new Uint8Array();
    return { chainId: ids[index + 1], signature: signatureOf(certificate, keyOf(issuer)) };
  });
}

/** What `CertificateChains` calls each certificate of a chain by, the root's first. */
export function chainIds(certificates: readonly Uint8Array[]): Hex[] {
  let id: Uint8Array | undefined;
  return certificates.map((certificate) => {
    const hash = keccak256Bytes(tbsOf(certificate));
    id = id === undefined ? hash : keccak256Bytes(concatBytes(id, hash));
    return bytesToHex(id);
  });
}

/**
 * The hints that `NitroVerifier` needs for a document: those of certificates that it does not remember, then the
 * document's. Throws MT-SDK-601 where a signature is not valid.
 */
export async function nitroHints(
  document: NitroDocument,
  isVerified: (chainId: Hex) => Promise<boolean>,
): Promise<Hex[]> {
  const hints: Hex[] = [];
  for (const { chainId, signature } of nitroSignatures(document)) {
    if (chainId === undefined || !(await isVerified(chainId))) hints.push(p384Hints(signature));
  }
  return hints;
}

function signatureOf(certificate: Uint8Array, publicKey: AffinePoint): P384Signature {
  const parts = childrenOf(certificate, elementAt(certificate, 0));
  const bits = childAt(parts, 2);
  const pair = childrenOf(certificate, elementAt(certificate, bits.content + 1, bits.end));
  const limb = ({ content, end }: DerElement) => bigintOf(certificate.subarray(content, end));
  return {
    digest: sha384(tbsOf(certificate)),
    r: limb(childAt(pair, 0)),
    s: limb(childAt(pair, 1)),
    publicKey,
  };
}

function tbsOf(certificate: Uint8Array): Uint8Array {
  const { start, end } = childAt(childrenOf(certificate, elementAt(certificate, 0)), 0);
  return certificate.subarray(start, end);
}

function keyOf(certificate: Uint8Array): AffinePoint {
  const tbs = childAt(childrenOf(certificate, elementAt(certificate, 0)), 0);
  const info = childAt(childrenOf(certificate, tbs), KEY_PLACE);
  const { content } = childAt(childrenOf(certificate, info), 1);
  // Past the count of unused bits and the mark of an uncompressed point.
  const point = certificate.subarray(content + 2, content + 2 + 96);
  return { x: bigintOf(point.subarray(0, 48)), y: bigintOf(point.subarray(48)) };
}

function bigintOf(bytes: Uint8Array): bigint {
  return bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}
