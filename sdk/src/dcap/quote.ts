// SPDX-License-Identifier: MIT
import { MeantimeError } from "../errors.ts";
import { bytesToHex, concatBytes, type Hex } from "../hex.ts";
import { pemToDer } from "./pem.ts";

/** What `IntelQuoteVerifier.verifyQuote` takes of a quote. */
export interface QuoteParts {
  /** Header, in version 5 the report's description, and report. */
  signed: Hex;
  /** Signature 64, attestation key 64, QE report 384, its signature 64, QE authentication data. */
  authentication: Hex;
  /** DER. */
  pckCertificate: Hex;
}

/** A quote, taken apart. */
export interface SplitQuote {
  version: number;
  tee: "sgx" | "tdx";
  /** The report alone: see `readReport`. */
  report: Uint8Array;
  parts: QuoteParts;
  /** The PCK certificate, the authority above it and the root, as DER. */
  certificates: Uint8Array[];
}

const HEADER_BYTES = 48;
const DESCRIPTION_BYTES = 6;
const SGX_REPORT_BYTES = 384;
const TD_10_REPORT_BYTES = 584;
const SIGNATURE_BYTES = 64;
const KEY_BYTES = 64;
const TEE_SGX = 0;
const TEE_TDX = 0x81;
const CERTIFICATION_PEM_CHAIN = 5;
const CERTIFICATION_QE_REPORT = 6;

/**
 * Takes an Intel quote apart: SGX of versions 3, 4 and 5, TDX of 4 and 5. Zeros behind it, with which some guests fill
 * their buffer, are dropped. Nothing is verified. Throws MT-SDK-653 where the quote does not have this form and
 * MT-SDK-652 for broken PEM.
 */
export function splitQuote(quote: Uint8Array): SplitQuote {
  const view = new DataView(quote.buffer, quote.byteOffset, quote.byteLength);
  requireRoom(quote, HEADER_BYTES + DESCRIPTION_BYTES);
  const version = view.getUint16(0, true);
  const teeType = view.getUint32(4, true);
  if (version < 3 || version > 5) throw malformed(`the version is ${version}`);
  if (teeType !== TEE_SGX && teeType !== TEE_TDX) throw malformed(`the TEE type is ${teeType}`);

  const tee = teeType === TEE_SGX ? "sgx" : "tdx";
  const reportAt = version === 5 ? HEADER_BYTES + DESCRIPTION_BYTES : HEADER_BYTES;
  const plainBytes = tee === "sgx" ? SGX_REPORT_BYTES : TD_10_REPORT_BYTES;
  const reportBytes = version === 5 ? view.getUint32(HEADER_BYTES + 2, true) : plainBytes;
  const signedEnd = reportAt + reportBytes;
  requireRoom(quote, signedEnd + 4);
  const end = signedEnd + 4 + view.getUint32(signedEnd, true);
  requireRoom(quote, end);
  if (quote.subarray(end).some((byte) => byte !== 0)) throw malformed("bytes other than zeros follow it");

  const { authentication, pem } = splitAuthentication(quote.subarray(signedEnd + 4, end), version);
  const certificates = pemToDer(new TextDecoder().decode(pem));
  const [leaf = new Uint8Array()] = certificates;
  return {
    ...{ version, tee, certificates },
    report: quote.slice(reportAt, signedEnd),
    parts: {
      signed: bytesToHex(quote.subarray(0, signedEnd)),
      authentication: bytesToHex(authentication),
      pckCertificate: bytesToHex(leaf),
    },
  };
}

function splitAuthentication(
  bytes: Uint8Array,
  version: number,
): { authentication: Uint8Array; pem: Uint8Array } {
  const head = SIGNATURE_BYTES + KEY_BYTES;
  const nested = version === 3 ? bytes.subarray(head) : certification(bytes, head, CERTIFICATION_QE_REPORT);
  const dataAt = SGX_REPORT_BYTES + SIGNATURE_BYTES;
  requireRoom(nested, dataAt + 2);
  const dataEnd = dataAt + 2 + new DataView(nested.buffer, nested.byteOffset).getUint16(dataAt, true);
  requireRoom(nested, dataEnd);
  return {
    authentication: concatBytes(
      bytes.subarray(0, head),
      nested.subarray(0, dataAt),
      nested.subarray(dataAt + 2, dataEnd),
    ),
    pem: certification(nested, dataEnd, CERTIFICATION_PEM_CHAIN),
  };
}

// The last thing where it stands: it has to reach the end.
function certification(bytes: Uint8Array, place: number, type: number): Uint8Array {
  requireRoom(bytes, place + 6);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = view.getUint16(place, true);
  if (found !== type) throw malformed(`the certification data is of type ${found}, not ${type}`);
  const end = place + 6 + view.getUint32(place + 2, true);
  if (end !== bytes.length) throw malformed("the certification data does not fill its place");
  return bytes.subarray(place + 6, end);
}

function requireRoom(bytes: Uint8Array, lengthBytes: number): void {
  if (bytes.length < lengthBytes) throw malformed(`it ends before byte ${lengthBytes}`);
}

function malformed(what: string): MeantimeError {
  return new MeantimeError("MT-SDK-653", `not a quote that can be taken apart: ${what}`, {
    hint: "Pass the bytes of a DCAP quote (version 3, 4 or 5, ECDSA over P-256) that carries its certificate chain.",
  });
}
