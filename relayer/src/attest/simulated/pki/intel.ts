// SPDX-License-Identifier: GPL-3.0-or-later
import type { CollateralBundle } from "@meantime/sdk/dcap/collateral";
import { hexToBytes } from "@meantime/sdk/hex";
import { ascii, der, integer, octetString, oid, sequence } from "./der.ts";
import { type QeIdentityContent, qeIdentityJson, type TcbInfoContent, tcbInfoJson } from "./documents.ts";
import { P256 } from "./keys.ts";
import {
  type CertificateContent,
  type CrlContent,
  certificate,
  extension,
  namePart,
  type Party,
  pem,
  revocationList,
  type Style,
} from "./x509.ts";

const DAY_SECONDS = 24 * 3600;
const PRINTABLE_STRING = 0x13;

/** When everything in this PKI is valid. */
export const NOW = Date.UTC(2027, 0, 15) / 1000;
export const ISSUED_AT = NOW - DAY_SECONDS;
export const NEXT_UPDATE = NOW + 29 * DAY_SECONDS;

/** As Intel writes its certificates. */
const INTEL: Style = {
  curve: P256,
  nameOf: (commonName) =>
    sequence(
      namePart("2.5.4.3", commonName),
      namePart("2.5.4.10", "Intel Corporation"),
      namePart("2.5.4.7", "Santa Clara"),
      namePart("2.5.4.8", "CA"),
      namePart("2.5.4.6", "US", PRINTABLE_STRING),
    ),
  keyUsage: { ca: 0x06, signer: 0xc0 },
  isUsageAlwaysCritical: true,
  hasConstraintsFirst: false,
};

export const ROOT: Party = { name: "Intel SGX Root CA", key: P256.keyOf("root") };
export const PLATFORM_CA: Party = { name: "Intel SGX PCK Platform CA", key: P256.keyOf("platform CA") };
export const PROCESSOR_CA: Party = { name: "Intel SGX PCK Processor CA", key: P256.keyOf("processor CA") };
export const TCB_SIGNER: Party = { name: "Intel SGX TCB Signing", key: P256.keyOf("TCB signing") };
export const PCK: Party = { name: "Intel SGX PCK Certificate", key: P256.keyOf("PCK") };

export const SERIALS = {
  root: 1n,
  platformCa: 0x11n,
  processorCa: 0x12n,
  tcbSigner: 0x13n,
  pck: 0xabcdef0123456789n,
};

type Changes = Partial<CertificateContent>;

export function rootCertificate(changes: Changes = {}): Uint8Array {
  return certificate(INTEL, {
    ...{ subject: ROOT, issuer: ROOT, serial: SERIALS.root, isCa: true, pathLength: 1 },
    ...{ notBefore: NOW - 3000 * DAY_SECONDS, notAfter: Date.UTC(2049, 11, 31) / 1000 },
    ...changes,
  });
}

export function authorityCertificate(subject: Party, changes: Changes = {}): Uint8Array {
  const isCa = subject.name.endsWith(" CA");
  const serial =
    subject === TCB_SIGNER
      ? SERIALS.tcbSigner
      : subject === PROCESSOR_CA
        ? SERIALS.processorCa
        : SERIALS.platformCa;
  return certificate(INTEL, {
    ...{ subject, issuer: ROOT, serial, isCa, ...(isCa ? { pathLength: 0 } : {}) },
    ...{ notBefore: NOW - 1000 * DAY_SECONDS, notAfter: NOW + 1000 * DAY_SECONDS },
    ...changes,
  });
}

/** What the SGX extension of a PCK certificate says. */
export interface PckContent {
  ppid: string;
  fmspc: string;
  pceId: string;
  /** Sixteen of them. */
  svns: number[];
  pceSvn: number;
}

export const PLATFORM: PckContent = {
  ppid: "00112233445566778899aabbccddeeff",
  fmspc: "90c06f000000",
  pceId: "0000",
  svns: [3, 3, 2, 2, 4, 1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0],
  pceSvn: 13,
};

const SGX = "1.2.840.113741.1.13.1";
const bytes = (hex: string): Uint8Array => hexToBytes(`0x${hex}`);

/** The fields of the SGX extension, in Intel's order. */
export function sgxFields({ ppid, fmspc, pceId, svns, pceSvn }: PckContent): Uint8Array[] {
  const field = (place: string, value: Uint8Array) => sequence(oid(`${SGX}.${place}`), value);
  const configured = [1, 2, 3].map((place) => field(`7.${place}`, der(0x01, Uint8Array.of(0xff))));
  return [
    field("1", octetString(bytes(ppid))),
    field(
      "2",
      sequence(
        ...svns.map((svn, place) => field(`2.${place + 1}`, integer(svn))),
        field("2.17", integer(pceSvn)),
        field("2.18", octetString(Uint8Array.from(svns))),
      ),
    ),
    field("3", octetString(bytes(pceId))),
    field("4", octetString(bytes(fmspc))),
    field("5", der(0x0a, Uint8Array.of(1))),
    field("6", octetString(bytes("7828474603e7019dc930775ffe8cdd23"))),
    field("7", sequence(...configured)),
  ];
}

export function pckCertificate(
  { fields, ...content }: Partial<PckContent> & { fields?: Uint8Array[] } = {},
  changes: Changes = {},
): Uint8Array {
  const distribution =
    "https://api.trustedservices.intel.com/sgx/certification/v4/pckcrl?ca=platform&encoding=der";
  return certificate(INTEL, {
    ...{ subject: PCK, issuer: PLATFORM_CA, serial: SERIALS.pck, isCa: false },
    ...{ notBefore: NOW - 100 * DAY_SECONDS, notAfter: NOW + 2000 * DAY_SECONDS },
    extensions: [
      extension("2.5.29.31", false, sequence(sequence(der(0xa0, der(0xa0, der(0x86, ascii(distribution))))))),
      extension(SGX, false, sequence(...(fields ?? sgxFields({ ...PLATFORM, ...content })))),
    ],
    ...changes,
  });
}

export function crl(issuer: Party, serials: bigint[] = [], changes: Partial<CrlContent> = {}): Uint8Array {
  return revocationList(INTEL, {
    issuer,
    thisUpdate: ISSUED_AT,
    nextUpdate: NEXT_UPDATE,
    serials,
    ...changes,
  });
}

/** What is other than usual in a bundle. */
export interface BundleChanges {
  ca?: Party;
  tcbInfo?: Partial<TcbInfoContent>;
  qeIdentity?: Partial<QeIdentityContent>;
  rootSerials?: bigint[];
  pckSerials?: bigint[];
  /** Of both revocation lists. */
  crls?: Partial<CrlContent>;
}

/** Everything that Intel would hand out for one platform. */
export function bundle(tee: "sgx" | "tdx", changes: BundleChanges = {}): CollateralBundle {
  const ca = changes.ca ?? PLATFORM_CA;
  const root = rootCertificate();
  const tcbInfo = tcbInfoJson({ tee, ...changes.tcbInfo });
  const qeIdentity = qeIdentityJson({ tee, ...changes.qeIdentity });
  const signers = pem(authorityCertificate(TCB_SIGNER), root);
  const hex = (content: Uint8Array) => Buffer.from(content).toString("hex");
  return {
    pck_crl_issuer_chain: pem(authorityCertificate(ca), root),
    root_ca_crl: hex(crl(ROOT, changes.rootSerials, changes.crls)),
    pck_crl: hex(crl(ca, changes.pckSerials, changes.crls)),
    tcb_info_issuer_chain: signers,
    tcb_info: tcbInfo,
    tcb_info_signature: hex(P256.sign(ascii(tcbInfo), TCB_SIGNER.key)),
    qe_identity_issuer_chain: signers,
    qe_identity: qeIdentity,
    qe_identity_signature: hex(P256.sign(ascii(qeIdentity), TCB_SIGNER.key)),
  };
}
