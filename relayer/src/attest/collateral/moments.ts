// SPDX-License-Identifier: GPL-3.0-or-later

import type { CollateralBundle } from "@meantime/sdk/dcap/collateral";
import { childAt, childrenOf, type DerElement, elementAt } from "@meantime/sdk/dcap/der";
import { hexToBytes } from "@meantime/sdk/hex";

const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
const EXPLICIT_VERSION = 0xa0;

/**
 * The first moment at which a platform's certificate and all of its collateral had been issued, unix seconds: the natural
 * one to judge an archived quote at. Documents whose date cannot be read do not count.
 *
 * @param certificates DER
 */
export function issuedBy(
  bundle: Partial<CollateralBundle>,
  certificates: readonly Uint8Array[],
): number | undefined {
  const moments = [
    ...[bundle.tcb_info, bundle.qe_identity].map(issueDateOf),
    ...[bundle.root_ca_crl, bundle.pck_crl].map(thisUpdateOf),
    ...certificates.map(notBeforeOf),
  ].filter((moment) => moment !== undefined);
  return moments.length > 0 ? Math.max(...moments) : undefined;
}

/** When a certificate (DER) begins to be valid, unix seconds; undefined for malformed ones. RFC 5280, 4.1. */
export function notBeforeOf(certificate: Uint8Array): number | undefined {
  return attempt(() => {
    const fields = tbsOf(certificate);
    const validity = childAt(fields, fields[0]?.tag === EXPLICIT_VERSION ? 4 : 3);
    return timeIn(certificate, childAt(childrenOf(certificate, validity), 0));
  });
}

function issueDateOf(json: string | undefined): number | undefined {
  const text = /"issueDate"\s*:\s*"([^"]+)"/.exec(json ?? "")?.[1];
  const milliseconds = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(milliseconds) ? undefined : Math.floor(milliseconds / 1000);
}

/** RFC 5280, 5.1: version, algorithm, issuer, thisUpdate. */
function thisUpdateOf(crl: string | undefined): number | undefined {
  if (crl === undefined) return undefined;
  return attempt(() => {
    const der = hexToBytes(`0x${crl}`);
    const fields = tbsOf(der);
    return timeIn(
      der,
      fields.find(({ tag }) => tag === UTC_TIME || tag === GENERALIZED_TIME),
    );
  });
}

function tbsOf(der: Uint8Array): DerElement[] {
  return childrenOf(der, childAt(childrenOf(der, elementAt(der, 0)), 0));
}

function timeIn(der: Uint8Array, element: DerElement | undefined): number | undefined {
  if (element === undefined) return undefined;
  const text = Buffer.from(der.slice(element.content, element.end)).toString("latin1");
  const parts = /^(\d{2,4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (!parts) return undefined;
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = parts.slice(1).map(Number);
  const fullYear = element.tag === UTC_TIME ? (year < 50 ? 2000 : 1900) + year : year;
  return Date.UTC(fullYear, month - 1, day, hour, minute, second) / 1000;
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
