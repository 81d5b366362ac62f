// SPDX-License-Identifier: GPL-3.0-or-later

import type { CollateralBundle } from "@meantime/sdk/dcap/collateral";

type Field = keyof CollateralBundle;
type Json = Record<string, unknown>;

/** The names that other programs give the fields, beside those with underscores and those with capitals. */
const ALIASES: Readonly<Record<Field, readonly string[]>> = {
  pck_crl_issuer_chain: ["pckcrlissuerchain", "sgxpckcrlissuerchain"],
  root_ca_crl: ["rootcacrl", "rootcrl", "intelrootcacrl"],
  pck_crl: ["pckcrl", "intermediatecacrl"],
  tcb_info_issuer_chain: ["tcbinfoissuerchain", "sgxtcbinfoissuerchain", "tcbissuerchain"],
  tcb_info: ["tcbinfo", "tcbinfojson"],
  tcb_info_signature: ["tcbinfosignature"],
  qe_identity_issuer_chain: [
    "qeidentityissuerchain",
    "enclaveidentityissuerchain",
    "sgxenclaveidentityissuerchain",
  ],
  qe_identity: ["qeidentity", "enclaveidentity", "qeidentityjson"],
  qe_identity_signature: ["qeidentitysignature", "enclaveidentitysignature"],
};
/** What Intel's service puts the signed objects into, beside `signature`. */
const INNER = { tcb_info: "tcbInfo", qe_identity: "enclaveIdentity" } as const;

/**
 * Reads Intel's documents for a platform as any of the usual programs write them: names in any style, revocation lists and
 * signatures as hexadecimal, Base64, PEM or lists of bytes, JSON documents as text or as objects, alone or as Intel's
 * service answers with them, chains as PEM, percent-encoded or not. What is absent stays absent: the contracts say what
 * they miss.
 *
 * @param text JSON
 * @returns undefined where it is no JSON object or has none of the fields
 */
export function parseCollateral(text: string): Partial<CollateralBundle> | undefined {
  const json = objectOf(text);
  if (json === undefined) return undefined;
  const given = fieldsByPlainName(json);
  const bundle: Partial<CollateralBundle> = {
    ...field("pck_crl_issuer_chain", pemOf(valueUnder(given, "pck_crl_issuer_chain"))),
    ...field("root_ca_crl", hexOf(valueUnder(given, "root_ca_crl"))),
    ...field("pck_crl", hexOf(valueUnder(given, "pck_crl"))),
    ...field("tcb_info_issuer_chain", pemOf(valueUnder(given, "tcb_info_issuer_chain"))),
    ...signedDocument(given, text, "tcb_info"),
    ...field("qe_identity_issuer_chain", pemOf(valueUnder(given, "qe_identity_issuer_chain"))),
    ...signedDocument(given, text, "qe_identity"),
  };
  return Object.keys(bundle).length > 0 ? bundle : undefined;
}

/** The signed text and its signature, whether they stand apart or together as Intel's service sends them. */
export function signedDocumentOf(
  value: unknown,
  name: "tcb_info" | "qe_identity",
): { json?: string; signature?: string } {
  const text = typeof value === "string" ? value : value === undefined ? undefined : JSON.stringify(value);
  if (text === undefined) return {};
  const outer = objectOf(text);
  const inner = outer?.[INNER[name]];
  if (inner === undefined) return { json: text };
  const signature = hexOf(outer?.signature);
  return { json: innerText(text, INNER[name], inner), ...(signature === undefined ? {} : { signature }) };
}

/** Bytes as hexadecimal without a prefix, of hexadecimal, Base64, PEM, or a list of numbers. */
export function hexOf(value: unknown): string | undefined {
  if (Array.isArray(value) && value.every((byte) => Number.isInteger(byte) && byte >= 0 && byte < 256)) {
    return Buffer.from(value as number[]).toString("hex");
  }
  if (typeof value !== "string" || value.trim() === "") return undefined;
  const solid = value.replace(/-----(BEGIN|END)[A-Z0-9 ]+-----/g, "").replace(/\s/g, "");
  const digits = solid.replace(/^0x/i, "");
  if (digits.length % 2 === 0 && /^[0-9a-f]+$/i.test(digits)) return textOfHex(digits.toLowerCase());
  return /^[A-Za-z0-9+/_-]+={0,2}$/.test(solid) ? Buffer.from(solid, "base64").toString("hex") : digits;
}

/** PEM, of a header's percent-encoding as well. */
export function pemOf(value: unknown): string | undefined {
  if (typeof value !== "string" || value.trim() === "") return undefined;
  if (!/%[0-9A-F]{2}/i.test(value)) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

// Intel's libraries hand out revocation lists as texts, and some programs write those as hexadecimal once more.
function textOfHex(digits: string): string {
  const text = Buffer.from(digits, "hex").toString("latin1");
  if (/^-----BEGIN/.test(text) || /^[0-9a-f]{64,}\s*$/i.test(text)) return hexOf(text) ?? digits;
  return digits;
}

function signedDocument(given: Map<string, unknown>, text: string, name: "tcb_info" | "qe_identity") {
  const value = valueUnder(given, name);
  // An object was read from this very text: its bytes stand there, and only they are signed.
  const source = typeof value === "object" && value !== null ? (spanOf(text, value) ?? value) : value;
  const { json, signature } = signedDocumentOf(source, name);
  return {
    ...field(name, json),
    ...field(`${name}_signature`, hexOf(valueUnder(given, `${name}_signature`)) ?? signature),
  };
}

/** The text between the braces of a member of a JSON text, byte for byte. */
function innerText(text: string, member: string, value: unknown): string {
  const start = text.search(new RegExp(`"${member}"\\s*:\\s*[{]`));
  const span = start < 0 ? undefined : balanced(text, text.indexOf("{", start + member.length + 2));
  return span ?? JSON.stringify(value);
}

/** The text of an object within a JSON text: the one that means the same. */
function spanOf(text: string, value: object): string | undefined {
  const wanted = JSON.stringify(value);
  for (let at = text.indexOf("{", 1); at >= 0; at = text.indexOf("{", at + 1)) {
    const span = balanced(text, at);
    if (span !== undefined && isSame(span, wanted)) return span;
  }
  return undefined;
}

function isSame(span: string, wanted: string): boolean {
  try {
    return JSON.stringify(JSON.parse(span)) === wanted;
  } catch {
    return false;
  }
}

function balanced(text: string, start: number): string | undefined {
  let depth = 0;
  let isQuoted = false;
  for (let at = start; at < text.length; at++) {
    const character = text[at];
    if (isQuoted && character === "\\") at++;
    else if (character === '"') isQuoted = !isQuoted;
    else if (!isQuoted && character === "{") depth++;
    else if (!isQuoted && character === "}" && --depth === 0) return text.slice(start, at + 1);
  }
  return undefined;
}

function fieldsByPlainName(json: Json): Map<string, unknown> {
  const wrapped = json.collateral ?? json.quote_collateral ?? json.quoteCollateral;
  const fields = typeof wrapped === "object" && wrapped !== null ? (wrapped as Json) : json;
  return new Map(Object.entries(fields).map(([name, value]) => [plain(name), value]));
}

function valueUnder(given: Map<string, unknown>, name: Field): unknown {
  const names = [plain(name), ...ALIASES[name]];
  return names.map((one) => given.get(one)).find((value) => value !== undefined && value !== null);
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, "");
}

function field<Name extends Field>(name: Name, value: string | undefined): Partial<CollateralBundle> {
  return value === undefined ? {} : { [name]: value };
}

function objectOf(text: string): Json | undefined {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === "object" && json !== null && !Array.isArray(json) ? (json as Json) : undefined;
  } catch {
    return undefined;
  }
}
