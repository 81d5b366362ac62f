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
import type { Curve, Key } from "./keys.ts";

const UTF8 = 0x0c;

/** How an authority writes what it signs. */
export interface Style {
  curve: Curve;
  nameOf(commonName: string): Uint8Array;
  /** The bits of the key usage of authorities and of others. */
  keyUsage: { ca: number; signer: number };
  /** Whether the key usage is critical in every certificate; otherwise in those of authorities. */
  isUsageAlwaysCritical: boolean;
  /** Whether the basic constraints come before the other extensions; otherwise after them. */
  hasConstraintsFirst: boolean;
}

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
  /** What is said to be the issuer's. */
  authorityKeyId?: Uint8Array;
  algorithm?: Uint8Array;
  /** The algorithm beside the signature, where it is not the one inside. */
  outerAlgorithm?: Uint8Array;
  version?: number;
  keyAlgorithm?: Uint8Array;
  /** The subject's key with its algorithm, whole. */
  keyInfo?: Uint8Array;
  /** Both times, whole. */
  validity?: Uint8Array;
  /** Who signs in place of the issuer. */
  signer?: Key;
  /** Changes the signature, r and s. */
  alterSignature?: (signature: Uint8Array) => Uint8Array;
}

/** One part of a distinguished name. */
export function namePart(type: string, text: string, tag = UTF8): Uint8Array {
  return der(0x31, sequence(oid(type), der(tag, ascii(text))));
}

function keyIdOf({ key, keyId }: Party): Uint8Array {
  return keyId ?? sha256(key.point).slice(0, 20);
}

export function extension(type: string, isCritical: boolean, ...value: Uint8Array[]): Uint8Array {
  return sequence(oid(type), ...(isCritical ? [boolean(true)] : []), octetString(...value));
}

/** A certificate, signed. */
export function certificate(style: Style, content: CertificateContent): Uint8Array {
  const { curve, nameOf } = style;
  const { subject, issuer, algorithm = curve.signatureAlgorithm } = content;
  const point = bitString(concatBytes(Uint8Array.of(4), subject.key.point));
  const tbs = sequence(
    der(0xa0, integer(content.version ?? 2)),
    integer(content.serial),
    algorithm,
    nameOf(issuer.name),
    content.validity ?? sequence(time(content.notBefore), time(content.notAfter)),
    nameOf(subject.name),
    content.keyInfo ?? sequence(content.keyAlgorithm ?? curve.keyAlgorithm, point),
    der(0xa3, sequence(...extensionsOf(style, content))),
  );
  const outerAlgorithm = content.outerAlgorithm ?? algorithm;
  return sealed(style, tbs, outerAlgorithm, content.signer ?? issuer.key, content.alterSignature);
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
export function revocationList(style: Style, content: CrlContent): Uint8Array {
  const { issuer, serials, algorithm = style.curve.signatureAlgorithm } = content;
  const listed = serials.map((serial) =>
    sequence(integer(serial), time(content.thisUpdate), content.entryExtensions ?? KEY_COMPROMISE),
  );
  const entries = [...listed, ...(content.entries ?? [])];
  const tbs = sequence(
    integer(content.version ?? 1),
    algorithm,
    style.nameOf(issuer.name),
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
  return sealed(style, tbs, algorithm, content.signer ?? issuer.key);
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

function extensionsOf(style: Style, content: CertificateContent): Uint8Array[] {
  const { subject, issuer, isCa, pathLength } = content;
  const keyUsage = content.keyUsage ?? style.keyUsage[isCa ? "ca" : "signer"];
  const unusedBits = Math.max(0, Math.log2(keyUsage & -keyUsage));
  const isCritical = isCa || style.isUsageAlwaysCritical;
  const usage = extension("2.5.29.15", isCritical, bitString(Uint8Array.of(keyUsage), unusedBits));
  const constraints = sequence(
    ...(isCa ? [boolean(true)] : []),
    ...(pathLength === undefined ? [] : [integer(pathLength)]),
  );
  const constrained = extension("2.5.29.19", true, constraints);
  const keyIds = [
    extension("2.5.29.35", false, sequence(der(0x80, content.authorityKeyId ?? keyIdOf(issuer)))),
    extension("2.5.29.14", false, octetString(keyIdOf(subject))),
  ];
  const others = [...(content.withoutKeyIds ? [] : keyIds), usage];
  return [
    ...(style.hasConstraintsFirst ? [constrained, ...others] : [...others, constrained]),
    ...(content.extensions ?? []),
  ];
}

function sealed(
  { curve }: Style,
  tbs: Uint8Array,
  algorithm: Uint8Array,
  key: Key,
  alter: (signature: Uint8Array) => Uint8Array = (signature) => signature,
): Uint8Array {
  return sequence(tbs, algorithm, bitString(ecdsaSignature(alter(curve.sign(tbs, key)))));
}
