// SPDX-License-Identifier: GPL-3.0-or-later
import { concatBytes } from "@meantime/sdk/hex";
import { sha256 } from "@noble/hashes/sha2.js";
import {
  ascii,
  bitString,
  boolean,
  der,
  ecdsaSignature,
  integer,
  octetString,
  oid,
  sequence,
  time,
} from "./der.ts";
import { type Key, sign } from "./keys.ts";

export const ECDSA_WITH_SHA256 = sequence(oid("1.2.840.10045.4.3.2"));
export const ECDSA_WITH_SHA384 = sequence(oid("1.2.840.10045.4.3.3"));
const P256 = sequence(oid("1.2.840.10045.2.1"), oid("1.2.840.10045.3.1.7"));

export const KEY_USAGE = { ca: 0x06, signer: 0xc0 } as const;

/** Who a certificate is about, or who issued it. */
export interface Party {
  name: string;
  key: Key;
  keyId?: Uint8Array;
}

/** What a certificate says; every part can be made wrong. */
export interface CertificateContent {
  subject: Party;
  issuer: Party;
  serial: bigint;
  notBefore: number;
  notAfter: number;
  isCa: boolean;
  pathLength?: number | undefined;
  keyUsage?: number;
  /** More extensions, whole. */
  extensions?: Uint8Array[];
  withoutKeyIds?: boolean;
  algorithm?: Uint8Array;
  /** The algorithm beside the signature, where it is not the one inside. */
  outerAlgorithm?: Uint8Array;
  version?: number;
  keyAlgorithm?: Uint8Array;
  /** Who signs in place of the issuer. */
  signer?: Key;
  /** Changes the signature, r and s. */
  alterSignature?: (signature: Uint8Array) => Uint8Array;
}

/** The distinguished name that Intel gives its certificates. */
export function nameOf(commonName: string): Uint8Array {
  const part = (type: string, text: string, tag = 0x0c) =>
    der(0x31, sequence(oid(type), der(tag, ascii(text))));
  return sequence(
    part("2.5.4.3", commonName),
    part("2.5.4.10", "Intel Corporation"),
    part("2.5.4.7", "Santa Clara"),
    part("2.5.4.8", "CA"),
    part("2.5.4.6", "US", 0x13),
  );
}

export function keyIdOf({ key, keyId }: Party): Uint8Array {
  return keyId ?? sha256(key.point).slice(0, 20);
}

export function extension(type: string, isCritical: boolean, ...value: Uint8Array[]): Uint8Array {
  return sequence(oid(type), ...(isCritical ? [boolean(true)] : []), octetString(...value));
}

/** A certificate, signed. */
export function certificate(content: CertificateContent): Uint8Array {
  const { subject, issuer, algorithm = ECDSA_WITH_SHA256 } = content;
  const tbs = sequence(
    der(0xa0, integer(content.version ?? 2)),
    integer(content.serial),
    algorithm,
    nameOf(issuer.name),
    sequence(time(content.notBefore), time(content.notAfter)),
    nameOf(subject.name),
    sequence(content.keyAlgorithm ?? P256, bitString(concatBytes(Uint8Array.of(4), subject.key.point))),
    der(0xa3, sequence(...extensionsOf(content))),
  );
  return sealed(
    tbs,
    content.outerAlgorithm ?? algorithm,
    content.signer ?? issuer.key,
    content.alterSignature,
  );
}

/** What a revocation list says. */
export interface CrlContent {
  issuer: Party;
  thisUpdate: number;
  nextUpdate: number;
  serials: bigint[];
  /** More entries, whole. */
  entries?: Uint8Array[];
  extensions?: Uint8Array[];
  entryExtensions?: Uint8Array;
  algorithm?: Uint8Array;
  version?: number;
  signer?: Key;
}

const KEY_COMPROMISE = sequence(sequence(oid("2.5.29.21"), octetString(der(0x0a, Uint8Array.of(1)))));

/** A revocation list, signed. */
export function revocationList(content: CrlContent): Uint8Array {
  const { issuer, serials, algorithm = ECDSA_WITH_SHA256 } = content;
  const listed = serials.map((serial) =>
    sequence(integer(serial), time(content.thisUpdate), content.entryExtensions ?? KEY_COMPROMISE),
  );
  const entries = [...listed, ...(content.entries ?? [])];
  const tbs = sequence(
    integer(content.version ?? 1),
    algorithm,
    nameOf(issuer.name),
    time(content.thisUpdate),
    time(content.nextUpdate),
    ...(entries.length > 0 ? [sequence(...entries)] : []),
    der(
      0xa0,
      sequence(
        extension("2.5.29.20", false, integer(1)),
        extension("2.5.29.35", false, sequence(der(0x80, keyIdOf(issuer)))),
        ...(content.extensions ?? []),
      ),
    ),
  );
  return sealed(tbs, algorithm, content.signer ?? issuer.key);
}

export function pem(...certificates: Uint8Array[]): string {
  return certificates
    .map((bytes) => {
      const lines =
        Buffer.from(bytes)
          .toString("base64")
          .match(/.{1,64}/g) ?? [];
      return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
    })
    .join("");
}

function extensionsOf(content: CertificateContent): Uint8Array[] {
  const { subject, issuer, isCa, pathLength } = content;
  const keyUsage = content.keyUsage ?? (isCa ? KEY_USAGE.ca : KEY_USAGE.signer);
  const unusedBits = Math.max(0, Math.log2(keyUsage & -keyUsage));
  const constraints = sequence(
    ...(isCa ? [boolean(true)] : []),
    ...(pathLength === undefined ? [] : [integer(pathLength)]),
  );
  const keyIds = [
    extension("2.5.29.35", false, sequence(der(0x80, keyIdOf(issuer)))),
    extension("2.5.29.14", false, octetString(keyIdOf(subject))),
  ];
  return [
    ...(content.withoutKeyIds ? [] : keyIds),
    extension("2.5.29.15", true, bitString(Uint8Array.of(keyUsage), unusedBits)),
    extension("2.5.29.19", true, constraints),
    ...(content.extensions ?? []),
  ];
}

function sealed(
  tbs: Uint8Array,
  algorithm: Uint8Array,
  key: Key,
  alter: (signature: Uint8Array) => Uint8Array = (signature) => signature,
): Uint8Array {
  return sequence(tbs, algorithm, bitString(ecdsaSignature(alter(sign(tbs, key)))));
}
