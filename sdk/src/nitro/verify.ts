// SPDX-License-Identifier: MIT
import { p384 } from "@noble/curves/nist.js";
import { MeantimeError } from "../errors.ts";
import { concatBytes, type Hex, hexToBytes, keccak256 } from "../hex.ts";
import type { P384Signature } from "../p384-hints.ts";
import { type NitroCertificate, readNitroCertificate } from "./certificate.ts";
import { type NitroDocument, readNitroDocument } from "./document.ts";
import { chainIds, nitroSignatures } from "./signatures.ts";

/** What a document is held against. */
export interface NitroExpectation {
  /** DER of the certificate that the chain has to begin with: `AWS_NITRO_ROOT_CERTIFICATE` for genuine enclaves. */
  root: Uint8Array;
  /** Unix seconds: everything has to be valid then. */
  atSeconds: number;
  /** How old the document may be then; one of the future may be five minutes early. */
  maxAgeSeconds: number;
  /** Whether a certificate was revoked, by keccak256 of the DER of its issuer's name, and its serial. Default: none was. */
  isRevoked?(issuer: Hex, serial: bigint): boolean;
}

/** What a document is worth. */
export type NitroJudgement =
  | {
      isValid: true;
      document: NitroDocument;
      /** When the first certificate behind it runs out, unix seconds. */
      notAfter: number;
    }
  | { isValid: false; reason: string };

const MAX_AHEAD_SECONDS = 300;
const COORDINATE_BYTES = 48;
const IMAGE_PCRS = [0, 1, 2];

/**
 * Judges an attestation document of an AWS Nitro enclave by the rules of `contracts/enclave/nitro/NitroVerifier.sol`, off
 * chain and without hints: its chain from the root down, its own signature, its age, and that the enclave is not in debug
 * mode. What it says (`user_data`, measurements) is for the caller to look at. Throws nothing.
 */
export function verifyNitroDocument(bytes: Uint8Array, expected: NitroExpectation): NitroJudgement {
  try {
    return judge(readNitroDocument(bytes), expected);
  } catch (error) {
    if (error instanceof MeantimeError) return refused(error.message);
    throw error;
  }
}

function judge(document: NitroDocument, expected: NitroExpectation): NitroJudgement {
  const { certificates } = document;
  const [rootId] = chainIds(certificates.slice(0, 1));
  if (rootId === undefined || rootId !== chainIds([expected.root])[0])
    return refused("its chain does not begin with the root");
  // The root is the one that is believed, however the document writes its signature.
  const chain = [expected.root, ...certificates.slice(1)].map(readNitroCertificate);
  const fault = chainFault(chain, expected) ?? signatureFault(document) ?? contentFault(document, expected);
  if (fault !== undefined) return refused(fault);
  return { isValid: true, document, notAfter: Math.min(...chain.map(({ notAfter }) => notAfter)) };
}

function chainFault(
  chain: readonly NitroCertificate[],
  { atSeconds, isRevoked }: NitroExpectation,
): string | undefined {
  const last = chain.length - 1;
  for (const [place, certificate] of chain.entries()) {
    const name = `certificate ${place} of its chain`;
    const { notBefore, notAfter, isAuthority, signsCertificates, maxIntermediates } = certificate;
    if (atSeconds < notBefore || atSeconds > notAfter) return `${name} was not valid then`;
    if (!certificate.isP384) return `${name} is not signed by, or not about, a key on P-384`;
    if (place > 0 && isRevoked?.(keccak256(certificate.issuer), certificate.serial))
      return `${name} was revoked`;
    const issuer = chain[place - 1];
    if (issuer && !isIssuedBy(certificate, issuer))
      return `${name} does not name the one before as its issuer`;
    if (place === last) continue;
    if (!isAuthority || !signsCertificates || last - 1 - place > maxIntermediates)
      return `${name} may not issue what follows it`;
  }
  const leaf = chain[last];
  if (last === 0 || leaf === undefined || leaf.isAuthority || !leaf.signsDocuments)
    return "its last certificate may not sign documents";
  return undefined;
}

function isIssuedBy(certificate: NitroCertificate, issuer: NitroCertificate): boolean {
  const { authorityKeyId } = certificate;
  const { subjectKeyId } = issuer;
  const isNamed = certificate.issuer === issuer.subject;
  return isNamed && (!authorityKeyId || !subjectKeyId || authorityKeyId === subjectKeyId);
}

function signatureFault(document: NitroDocument): string | undefined {
  for (const [place, { chainId, signature }] of nitroSignatures(document).entries()) {
    if (isSigned(signature)) continue;
    return chainId === undefined
      ? "its own signature does not hold"
      : `the signature of certificate ${place + 1} of its chain does not hold`;
  }
  return undefined;
}

function isSigned({ digest, r, s, publicKey }: P384Signature): boolean {
  const signature = [r, s].map(coordinate);
  const key = [publicKey.x, publicKey.y].map(coordinate);
  try {
    const options = { prehash: false, lowS: false };
    return p384.verify(concatBytes(...signature), digest, concatBytes(Uint8Array.of(4), ...key), options);
  } catch {
    // No point of the curve, or a number of more bytes.
    return false;
  }
}

function coordinate(value: bigint): Uint8Array {
  return hexToBytes(`0x${value.toString(16).padStart(2 * COORDINATE_BYTES, "0")}`);
}

function contentFault(
  { timestampMs, pcrs }: NitroDocument,
  { atSeconds, maxAgeSeconds }: NitroExpectation,
): string | undefined {
  const ageMs = atSeconds * 1000 - timestampMs;
  if (ageMs < -MAX_AHEAD_SECONDS * 1000) return "it is from the future";
  if (Math.floor(ageMs / 1000) >= maxAgeSeconds) return `it was older than ${maxAgeSeconds} s`;
  const isDebug = IMAGE_PCRS.some((pcr) => !pcrs.get(pcr)?.some((byte) => byte !== 0));
  return isDebug ? "its enclave runs in debug mode" : undefined;
}

function refused(reason: string): NitroJudgement {
  return { isValid: false, reason };
}
