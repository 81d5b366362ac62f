// SPDX-License-Identifier: MIT
import { bytesToHex, concatBytes, type Hex, keccak256 } from "../hex.ts";
import type { SplitQuote } from "./quote.ts";

/** What a report says of the software in it, by the names of Intel's documents, and the hash that registries use. */
export interface ReportContent {
  fields: Record<string, Hex>;
  /** As `IIntelQuoteVerifier.VerifiedQuote.measurement`. */
  measurement: Hex;
  /** 64 bytes that the software chose. */
  reportData: Hex;
}

/** Name, place and length in bytes. */
type Field = readonly [string, number, number];

const SGX_FIELDS: readonly Field[] = [
  ["miscSelect", 16, 4],
  ["attributes", 48, 16],
  ["mrEnclave", 64, 32],
  ["mrSigner", 128, 32],
  ["configId", 192, 64],
  ["isvProdId", 256, 2],
  ["isvSvn", 258, 2],
  ["configSvn", 260, 2],
];
const TD_FIELDS: readonly Field[] = [
  ["teeTcbSvn", 0, 16],
  ["mrSeam", 16, 48],
  ["mrSignerSeam", 64, 48],
  ["seamAttributes", 112, 8],
  ["tdAttributes", 120, 8],
  ["xfam", 128, 8],
  ["mrTd", 136, 48],
  ["mrConfigId", 184, 48],
  ["mrOwner", 232, 48],
  ["mrOwnerConfig", 280, 48],
  ["rtMr0", 328, 48],
  ["rtMr1", 376, 48],
  ["rtMr2", 424, 48],
  ["rtMr3", 472, 48],
];
const TD_15_FIELDS: readonly Field[] = [
  ["teeTcbSvn2", 584, 16],
  ["mrServiceTd", 600, 48],
];
const TD_10_BYTES = 584;

/** Reads the report of a quote. Integers stay as they stand, little endian. */
export function readReport({ report, tee }: Pick<SplitQuote, "report" | "tee">): ReportContent {
  const slice = (place: number, lengthBytes: number) => report.slice(place, place + lengthBytes);
  const isTd15 = tee === "tdx" && report.length > TD_10_BYTES;
  const fields = tee === "sgx" ? SGX_FIELDS : [...TD_FIELDS, ...(isTd15 ? TD_15_FIELDS : [])];
  const measured =
    tee === "sgx" ? concatBytes(slice(48, 48), slice(16, 4), slice(192, 64), slice(260, 2)) : slice(120, 400);
  return {
    fields: Object.fromEntries(
      fields.map(([name, place, lengthBytes]) => [name, bytesToHex(slice(place, lengthBytes))]),
    ),
    measurement: keccak256(measured),
    reportData: bytesToHex(tee === "sgx" ? slice(320, 64) : slice(520, 64)),
  };
}
