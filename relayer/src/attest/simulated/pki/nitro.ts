// SPDX-License-Identifier: GPL-3.0-or-later
import { bytesToHex, concatBytes, hexToBytes } from "@meantime/sdk/hex";
import { p384 } from "@noble/curves/nist.js";
import { sha256, sha384 } from "@noble/hashes/sha2.js";
import * as cbor from "./cbor.ts";
import { ascii, bitString, boolean, der, integer, octetString, oid, sequence, time } from "./der.ts";
import { ECDSA_WITH_SHA384, extension } from "./x509.ts";

const ORDER = p384.Point.Fn.ORDER;
const HOUR_SECONDS = 3600;
const DAY_SECONDS = 24 * HOUR_SECONDS;

/** When everything in this PKI is valid. */
export const NOW = Date.UTC(2027, 0, 15) / 1000;

const P384_KEY = sequence(oid("1.2.840.10045.2.1"), oid("1.3.132.0.34"));
const KEY_CERT_SIGN = 0x04;
const DIGITAL_SIGNATURE = 0x80;

/** A P-384 key, the same one for the same label. */
export interface Key {
  secret: Uint8Array;
  /** x and y. */
  point: Uint8Array;
}

export interface Party {
  name: string;
  key: Key;
}

/** What a certificate says; every part can be made wrong. */
export interface CertificateContent {
  subject: Party;
  issuer: Party;
  serial: bigint;
  notBefore: number;
  notAfter: number;
  isCa: boolean;
  pathLength?: number;
  keyUsage?: number;
  extensions?: Uint8Array[];
  authorityKeyId?: Uint8Array;
  algorithm?: Uint8Array;
  keyInfo?: Uint8Array;
  validity?: Uint8Array;
  version?: number;
  /** Who signs in place of the issuer. */
  signer?: Key;
  alterSignature?: (signature: Uint8Array) => Uint8Array;
}

/** The members of a chain, the root first. */
export const MEMBERS = ["root", "regional", "zonal", "instance", "leaf"] as const;
export type Member = (typeof MEMBERS)[number];

const PARTIES = Object.fromEntries(
  MEMBERS.map((name) => [name, { name: `test.${name}.nitro-enclaves`, key: keyOf(name) }]),
) as Record<Member, Party>;

const CONTENTS: Record<Member, CertificateContent> = {
  root: contentOf("root", "root", 3000 * DAY_SECONDS, 3000 * DAY_SECONDS),
  regional: { ...contentOf("regional", "root", 10 * DAY_SECONDS, 10 * DAY_SECONDS), pathLength: 2 },
  zonal: { ...contentOf("zonal", "regional", 3 * DAY_SECONDS, 3 * DAY_SECONDS), pathLength: 1 },
  instance: { ...contentOf("instance", "zonal", 12 * HOUR_SECONDS, 12 * HOUR_SECONDS), pathLength: 0 },
  leaf: contentOf("leaf", "instance", 600, 3 * HOUR_SECONDS),
};

export function partyOf(member: Member): Party {
  return PARTIES[member];
}

/** The certificate of a member, as AWS's are, but for the changes. */
export function certificateOf(member: Member, changes: Partial<CertificateContent> = {}): Uint8Array {
  return certificate({ ...CONTENTS[member], ...changes });
}

export type ChainChanges = Partial<Record<Member, Partial<CertificateContent>>>;

/** A chain, root first. */
export function chainOf(changes: ChainChanges = {}): Uint8Array[] {
  return MEMBERS.map((member) => certificateOf(member, changes[member]));
}

export function serialOf(member: Member): bigint {
  return CONTENTS[member].serial;
}

/** The distinguished name of a party, as AWS writes them. */
export function nameOf(commonName: string): Uint8Array {
  const part = (type: string, text: string) => der(0x31, sequence(oid(type), der(0x0c, ascii(text))));
  return sequence(part("2.5.4.6", "US"), part("2.5.4.10", "Amazon"), part("2.5.4.3", commonName));
}

/** What a document says; every part can be made wrong. */
export interface DocumentContent {
  chain: Uint8Array[];
  moduleId: string;
  timestampMs: number;
  pcrs: [number, Uint8Array][];
  publicKey: Uint8Array | null;
  userData: Uint8Array | null;
  nonce: Uint8Array | null;
  digest: string;
  isIndefinite: boolean;
  isTagged: boolean;
  protectedHeader: Uint8Array;
  unprotectedHeader: Uint8Array;
  /** The payload's entries in place of those of the fields above. */
  alterEntries: (entries: Entry[]) => Entry[];
  alterPayload: (payload: Uint8Array) => Uint8Array;
  alterSignature: (signature: Uint8Array) => Uint8Array;
  signer: Key;
}

export type Entry = [name: string, value: Uint8Array];

const PROTECTED = hexToBytes("0xa1013822");

/** 16 measurements of 48 bytes as an enclave outside debug mode has them: 0, 1, 2 and 4 are not zero. */
export const PCRS: [number, Uint8Array][] = Array.from({ length: 16 }, (_, index) => [
  index,
  [0, 1, 2, 4].includes(index) ? sha384(Uint8Array.of(index)) : new Uint8Array(48),
]);

/** A document, signed by the leaf's key. */
export function documentOf(changes: Partial<DocumentContent> = {}): Uint8Array {
  const content: DocumentContent = {
    chain: chainOf(),
    moduleId: "i-0123456789abcdef0-enc0123456789abcdef",
    timestampMs: NOW * 1000,
    pcrs: PCRS,
    publicKey: null,
    userData: null,
    nonce: null,
    digest: "SHA384",
    isIndefinite: false,
    isTagged: false,
    protectedHeader: PROTECTED,
    unprotectedHeader: cbor.map([]),
    alterEntries: (entries) => entries,
    alterPayload: (payload) => payload,
    alterSignature: (signature) => signature,
    signer: PARTIES.leaf.key,
    ...changes,
  };
  const payload = content.alterPayload(payloadOf(content));
  const signedBytes = cbor.array([
    cbor.text("Signature1"),
    cbor.bytes(content.protectedHeader),
    cbor.bytes(new Uint8Array()),
    cbor.bytes(payload),
  ]);
  const body = cbor.array([
    cbor.bytes(content.protectedHeader),
    content.unprotectedHeader,
    cbor.bytes(payload),
    cbor.bytes(content.alterSignature(sign(signedBytes, content.signer))),
  ]);
  return content.isTagged ? concatBytes(Uint8Array.of(0xd2), body) : body;
}

/** The other signature that verifies: n - s for s. */
export function twinOf(signature: Uint8Array): Uint8Array {
  const s = BigInt(bytesToHex(signature.slice(48)));
  return concatBytes(signature.slice(0, 48), hexToBytes(`0x${(ORDER - s).toString(16).padStart(96, "0")}`));
}

export function keyOf(label: string): Key {
  const secret = concatBytes(new Uint8Array(16), sha256(ascii(`meantime test key: ${label}`)));
  return { secret, point: p384.getPublicKey(secret, false).slice(1) };
}

function payloadOf(content: DocumentContent): Uint8Array {
  const optional = (value: Uint8Array | null) => (value === null ? cbor.NULL : cbor.bytes(value));
  const leaf = content.chain.at(-1) ?? new Uint8Array();
  const entries: Entry[] = [
    ["module_id", cbor.text(content.moduleId)],
    ["digest", cbor.text(content.digest)],
    ["timestamp", cbor.uint(content.timestampMs)],
    ["pcrs", cbor.map(content.pcrs.map(([index, value]) => [cbor.uint(index), cbor.bytes(value)]))],
    ["certificate", cbor.bytes(leaf)],
    ["cabundle", cbor.array(content.chain.slice(0, -1).map(cbor.bytes))],
    ["public_key", optional(content.publicKey)],
    ["user_data", optional(content.userData)],
    ["nonce", optional(content.nonce)],
  ];
  const written = content
    .alterEntries(entries)
    .map(([name, value]): [Uint8Array, Uint8Array] => [cbor.text(name), value]);
  return content.isIndefinite ? cbor.indefiniteMap(written) : cbor.map(written);
}

function contentOf(subject: Member, issuer: Member, before: number, after: number): CertificateContent {
  return {
    subject: PARTIES[subject],
    issuer: PARTIES[issuer],
    serial: 0xa000n + BigInt(MEMBERS.indexOf(subject)),
    notBefore: NOW - before,
    notAfter: NOW + after,
    isCa: subject !== "leaf",
  };
}

function certificate(content: CertificateContent): Uint8Array {
  const { subject, issuer, algorithm = ECDSA_WITH_SHA384 } = content;
  const tbs = sequence(
    der(0xa0, integer(content.version ?? 2)),
    integer(content.serial),
    algorithm,
    nameOf(issuer.name),
    content.validity ?? sequence(time(content.notBefore), time(content.notAfter)),
    nameOf(subject.name),
    content.keyInfo ?? sequence(P384_KEY, bitString(concatBytes(Uint8Array.of(4), subject.key.point))),
    der(0xa3, sequence(...extensionsOf(content))),
  );
  const signature = (content.alterSignature ?? ((same) => same))(sign(tbs, content.signer ?? issuer.key));
  const limb = (part: Uint8Array) => integer(BigInt(bytesToHex(part)));
  return sequence(
    tbs,
    algorithm,
    bitString(sequence(limb(signature.slice(0, 48)), limb(signature.slice(48)))),
  );
}

function extensionsOf(content: CertificateContent): Uint8Array[] {
  const { subject, issuer, isCa, pathLength } = content;
  const keyUsage = content.keyUsage ?? (isCa ? KEY_CERT_SIGN : DIGITAL_SIGNATURE);
  const constraints = sequence(
    ...(isCa ? [boolean(true)] : []),
    ...(pathLength === undefined ? [] : [integer(pathLength)]),
  );
  return [
    extension("2.5.29.19", true, constraints),
    extension("2.5.29.35", false, sequence(der(0x80, content.authorityKeyId ?? keyIdOf(issuer)))),
    extension("2.5.29.14", false, octetString(keyIdOf(subject))),
    extension(
      "2.5.29.15",
      isCa,
      bitString(Uint8Array.of(keyUsage), Math.max(0, Math.log2(keyUsage & -keyUsage))),
    ),
    ...(content.extensions ?? []),
  ];
}

function keyIdOf({ key }: Party): Uint8Array {
  return sha256(key.point).slice(0, 20);
}

function sign(message: Uint8Array, { secret }: Key): Uint8Array {
  return p384.sign(message, secret, { lowS: false });
}
