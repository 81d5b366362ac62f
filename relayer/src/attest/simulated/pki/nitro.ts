// SPDX-License-Identifier: GPL-3.0-or-later
import { concatBytes, hexToBytes } from "@meantime/sdk/hex";
import { sha384 } from "@noble/hashes/sha2.js";
import * as cbor from "./cbor.ts";
import { sequence } from "./der.ts";
import { type Key, P384 } from "./keys.ts";
import { type CertificateContent, certificate, namePart, type Party, type Style } from "./x509.ts";

export const { keyOf, twinOf } = P384;

const HOUR_SECONDS = 3600;
const DAY_SECONDS = 24 * HOUR_SECONDS;

/** When everything in this PKI is valid. */
export const NOW = Date.UTC(2027, 0, 15) / 1000;

/** The members of a chain, the root first. */
export const MEMBERS = ["root", "regional", "zonal", "instance", "leaf"] as const;
export type Member = (typeof MEMBERS)[number];

/** As AWS writes its certificates. */
const AMAZON: Style = {
  ...{ curve: P384, nameOf, keyUsage: { ca: 0x04, signer: 0x80 } },
  ...{ isUsageAlwaysCritical: false, hasConstraintsFirst: true },
};

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
  return certificate(AMAZON, { ...CONTENTS[member], ...changes });
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
  return sequence(namePart("2.5.4.6", "US"), namePart("2.5.4.10", "Amazon"), namePart("2.5.4.3", commonName));
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
    cbor.bytes(content.alterSignature(P384.sign(signedBytes, content.signer))),
  ]);
  return content.isTagged ? concatBytes(Uint8Array.of(0xd2), body) : body;
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
