// SPDX-License-Identifier: MIT
import { childAt, childrenOf, type DerElement, elementAt } from "../dcap/der.ts";
import { MeantimeError } from "../errors.ts";
import { bytesToHex, type Hex } from "../hex.ts";

/** A certificate of a Nitro enclave's chain that was read, not judged. Times are unix seconds. */
export interface NitroCertificate {
  /** DER of the names. */
  issuer: Hex;
  subject: Hex;
  serial: bigint;
  notBefore: number;
  notAfter: number;
  /** Whether its key is an uncompressed point on P-384, and its signature named as ECDSA with SHA-384. */
  isP384: boolean;
  isAuthority: boolean;
  /** How many authorities may stand between it and the last certificate. */
  maxIntermediates: number;
  signsCertificates: boolean;
  signsDocuments: boolean;
  authorityKeyId?: Hex;
  subjectKeyId?: Hex;
}

const ECDSA_WITH_SHA384 = "0x2a8648ce3d040303";
const EC_PUBLIC_KEY = "0x2a8648ce3d0201";
const CURVE_P384 = "0x2b81040022";
const BASIC_CONSTRAINTS = "0x551d13";
const KEY_USAGE = "0x551d0f";
const AUTHORITY_KEY_ID = "0x551d23";
const SUBJECT_KEY_ID = "0x551d0e";

const DIGITAL_SIGNATURE = 0x80;
const KEY_CERT_SIGN = 0x04;

const BOOLEAN = 0x01;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
const EXPLICIT_VERSION = 0xa0;
const EXPLICIT_EXTENSIONS = 0xa3;
/** The content of version 3: an integer, 2. */
const VERSION_3 = "0x020102";
/** An uncompressed point behind the count of unused bits. */
const POINT_HEAD = "0x0004";
const POINT_CONTENT_BYTES = 98;
const SERIAL_PLACE = 1;

/**
 * Reads a certificate of version 3 (RFC 5280) as strictly as `contracts/enclave/der/X509.sol`: no extension twice, and no
 * critical one that means nothing here. Throws MT-SDK-650 for malformed DER, MT-SDK-604 for another certificate.
 */
export function readNitroCertificate(der: Uint8Array): NitroCertificate {
  const whole = elementAt(der, 0);
  if (whole.end !== der.length) throw badCertificate("bytes follow it");
  const [tbs, outside] = [childAt(childrenOf(der, whole), 0), childAt(childrenOf(der, whole), 1)];
  const fields = childrenOf(der, tbs);
  const version = childAt(fields, 0);
  if (version.tag !== EXPLICIT_VERSION || contentOf(der, version) !== VERSION_3)
    throw badCertificate("it is not of version 3");
  const [inside, issuer, validity, subject] = fields.slice(SERIAL_PLACE + 1);
  const [key, extensions, ...more] = fields.slice(SERIAL_PLACE + 5);
  if (!inside || !issuer || !validity || !subject || !key || more.length > 0)
    throw badCertificate("its parts are not those of a certificate");
  if (extensions?.tag !== EXPLICIT_EXTENSIONS) throw badCertificate("it has no extensions");
  if (wholeOf(der, inside) !== wholeOf(der, outside))
    throw badCertificate("it names one signature algorithm inside and another outside");
  const times = childrenOf(der, validity);
  const usesEcdsa = contentOf(der, childAt(childrenOf(der, inside), 0)) === ECDSA_WITH_SHA384;
  return {
    ...{ issuer: wholeOf(der, issuer), subject: wholeOf(der, subject) },
    serial: BigInt(contentOf(der, childAt(fields, SERIAL_PLACE))),
    ...{ notBefore: timeOf(der, childAt(times, 0)), notAfter: timeOf(der, childAt(times, 1)) },
    isP384: usesEcdsa && hasP384Key(der, key),
    ...readExtensions(der, childAt(childrenOf(der, extensions), 0)),
  };
}

type Extensions = Omit<
  NitroCertificate,
  "issuer" | "subject" | "serial" | "notBefore" | "notAfter" | "isP384"
>;

function readExtensions(der: Uint8Array, list: DerElement): Extensions {
  const seen = new Set<Hex>();
  const found: Extensions = {
    ...{ isAuthority: false, maxIntermediates: Number.POSITIVE_INFINITY },
    ...{ signsCertificates: false, signsDocuments: false },
  };
  for (const extension of childrenOf(der, list)) {
    const parts = childrenOf(der, extension);
    const oid = contentOf(der, childAt(parts, 0));
    if (seen.has(oid)) throw badCertificate(`it has the extension ${oid} twice`);
    seen.add(oid);
    const second = childAt(parts, 1);
    const isCritical = second.tag === BOOLEAN && der[second.content] !== 0;
    const value = elementAt(der, childAt(parts, -1).content);
    if (oid === BASIC_CONSTRAINTS) Object.assign(found, constraintsOf(der, value));
    else if (oid === KEY_USAGE) Object.assign(found, usageOf(der, value));
    else if (oid === AUTHORITY_KEY_ID)
      found.authorityKeyId = contentOf(der, childAt(childrenOf(der, value), 0));
    else if (oid === SUBJECT_KEY_ID) found.subjectKeyId = contentOf(der, value);
    else if (isCritical) throw badCertificate(`its critical extension ${oid} is unknown`);
  }
  return found;
}

function constraintsOf(
  der: Uint8Array,
  value: DerElement,
): Pick<Extensions, "isAuthority" | "maxIntermediates"> {
  const [first, second] = childrenOf(der, value);
  const isAuthority = first?.tag === BOOLEAN && der[first.content] !== 0;
  const length = first?.tag === BOOLEAN ? second : first;
  if (length === undefined) return { isAuthority, maxIntermediates: Number.POSITIVE_INFINITY };
  return { isAuthority, maxIntermediates: Number(BigInt(contentOf(der, length))) };
}

/** The first octet of the flags, behind the count of unused bits. */
function usageOf(
  der: Uint8Array,
  { content }: DerElement,
): Pick<Extensions, "signsCertificates" | "signsDocuments"> {
  const flags = der[content + 1] ?? 0;
  return {
    signsCertificates: (flags & KEY_CERT_SIGN) !== 0,
    signsDocuments: (flags & DIGITAL_SIGNATURE) !== 0,
  };
}

function hasP384Key(der: Uint8Array, info: DerElement): boolean {
  const [algorithm, point] = childrenOf(der, info);
  if (!algorithm || !point) return false;
  const [name, curve] = childrenOf(der, algorithm).map((part) => contentOf(der, part));
  const isPoint =
    point.end - point.content === POINT_CONTENT_BYTES && contentOf(der, point).startsWith(POINT_HEAD);
  return name === EC_PUBLIC_KEY && curve === CURVE_P384 && isPoint;
}

/** UTCTime or GeneralizedTime, in seconds and in UTC (RFC 5280, 4.1.2.5). */
function timeOf(der: Uint8Array, { tag, content, end }: DerElement): number {
  const text = new TextDecoder().decode(der.subarray(content, end));
  const digits = /^(\d{2}|\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/.exec(text);
  const [, year = "", ...rest] = digits ?? [];
  if (year.length !== { [UTC_TIME]: 2, [GENERALIZED_TIME]: 4 }[tag])
    throw badCertificate("a time in it is malformed");
  const short = Number(year);
  const full = year.length === 4 ? short : short + (short < 50 ? 2000 : 1900);
  const [month = 0, day = 0, hour = 0, minute = 0, second = 0] = rest.map(Number);
  return Date.UTC(full, month - 1, day, hour, minute, second) / 1000;
}

function contentOf(der: Uint8Array, { content, end }: DerElement): Hex {
  return bytesToHex(der.subarray(content, end));
}

function wholeOf(der: Uint8Array, { start, end }: DerElement): Hex {
  return bytesToHex(der.subarray(start, end));
}

function badCertificate(why: string): MeantimeError {
  return new MeantimeError("MT-SDK-604", `not a certificate of a Nitro enclave's chain: ${why}`, {
    hint: "Give the certificates of an attestation document as they stand in it.",
  });
}
