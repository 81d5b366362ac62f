// SPDX-License-Identifier: MIT
import { MeantimeError } from "../errors.ts";
import { bytesToHex, type Hex, keccak256 } from "../hex.ts";
import { encodeWords } from "../words.ts";
import { childAt, childrenOf, type DerElement, elementAt } from "./der.ts";

/** What names a certificate and its issuer on chain. */
export interface CertificateIds {
  /** The id of the authority that this certificate makes: by its name and key identifier. */
  authorityId: Hex;
  /** The id of the authority that issued it. */
  issuerId: Hex;
  /** The common name of its subject. */
  commonName: string;
}

const OID_COMMON_NAME = "0x550403";
const OID_SUBJECT_KEY_ID = "0x551d0e";
const OID_AUTHORITY_KEY_ID = "0x551d23";
const EXPLICIT_EXTENSIONS = 0xa3;

/**
 * The ids of an X.509 certificate, as `contracts/enclave/intel/Signed.sol` makes them. Nothing is verified: that is the
 * contract's work. Throws MT-SDK-650 for malformed DER and MT-SDK-651 for a certificate without key identifiers.
 */
export function certificateIds(der: Uint8Array): CertificateIds {
  const tbs = childAt(childrenOf(der, elementAt(der, 0)), 0);
  const fields = childrenOf(der, tbs);
  const [issuer, subject] = [childAt(fields, 3), childAt(fields, 5)];
  const keyIds = keyIdentifiers(der, fields);
  return {
    authorityId: issuerId(bytesOf(der, subject), keyIds.subject),
    issuerId: issuerId(bytesOf(der, issuer), keyIds.authority),
    commonName: commonNameOf(der, subject),
  };
}

/** The id of an authority. @param name The DER of its name. @param keyId Its key identifier. */
export function issuerId(name: Uint8Array, keyId: Uint8Array): Hex {
  return keccak256(encodeWords(keccak256(name), keccak256(keyId)));
}

function keyIdentifiers(
  der: Uint8Array,
  fields: DerElement[],
): { subject: Uint8Array; authority: Uint8Array } {
  const explicit = fields.find(({ tag }) => tag === EXPLICIT_EXTENSIONS);
  const extensions = explicit ? childrenOf(der, childAt(childrenOf(der, explicit), 0)) : [];
  const extensionValue = (oid: string): DerElement => {
    const extension = extensions
      .map((element) => childrenOf(der, element))
      .find((parts) => bytesToHex(contentOf(der, childAt(parts, 0))) === oid);
    if (!extension) {
      throw new MeantimeError("MT-SDK-651", "the certificate lacks a key identifier", {
        hint: "Pass a certificate of Intel's: they all name their own and their issuer's key.",
      });
    }
    return elementAt(der, childAt(extension, -1).content);
  };
  return {
    subject: contentOf(der, extensionValue(OID_SUBJECT_KEY_ID)),
    authority: contentOf(der, childAt(childrenOf(der, extensionValue(OID_AUTHORITY_KEY_ID)), 0)),
  };
}

function commonNameOf(der: Uint8Array, name: DerElement): string {
  for (const set of childrenOf(der, name)) {
    const [oid, value] = childrenOf(der, childAt(childrenOf(der, set), 0));
    if (oid && value && bytesToHex(contentOf(der, oid)) === OID_COMMON_NAME) {
      return new TextDecoder().decode(contentOf(der, value));
    }
  }
  return "";
}

function bytesOf(der: Uint8Array, { start, end }: DerElement): Uint8Array {
  return der.slice(start, end);
}

function contentOf(der: Uint8Array, { content, end }: DerElement): Uint8Array {
  return der.slice(content, end);
}
