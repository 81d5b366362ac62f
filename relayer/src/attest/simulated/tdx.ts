// SPDX-License-Identifier: GPL-3.0-or-later

import type { CollateralBundle } from "@meantime/sdk/dcap/collateral";
import { splitQuote } from "@meantime/sdk/dcap/quote";
import { readReport } from "@meantime/sdk/dcap/report";
import { intelMeasurement, intelReportData } from "@meantime/sdk/enclave-keys";
import { bytesToHex, type Hex } from "@meantime/sdk/hex";
import type { Attestor } from "../platform.ts";
import {
  authorityCertificate,
  bundle,
  PLATFORM_CA,
  pckCertificate,
  rootCertificate,
  TCB_SIGNER,
} from "./pki/intel.ts";
import { quote } from "./pki/quotes.ts";
import { pem } from "./pki/x509.ts";

const DAY_SECONDS = 24 * 3600;
const YEARS_SECONDS = 1000 * DAY_SECONDS;
const COLLATERAL_DAYS = 30;
const REPORT_DATA_AT = 520;

/** The root above the simulated quoting enclave, DER. Anybody can sign in its name: never for a chain with value on it. */
export const SIMULATED_INTEL_ROOT: Hex = bytesToHex(rootCertificate());

/** The measurement of the domain that the simulated quoting enclave says it quotes. */
export const SIMULATED_TDX_MEASUREMENT: Hex = intelMeasurement(
  "tdx",
  readReport(splitQuote(quote())).measurement,
);

/**
 * A SIMULATED TDX quoting enclave with its collateral service: quotes and documents in the genuine format, under a root of
 * this repository whose keys everybody knows. They prove nothing, and count on chains alone whose verifier is built on it.
 *
 * @param nowSeconds the chain's time, unix seconds
 */
export function simulatedTdxAttestor(nowSeconds: () => number | Promise<number>): Attestor {
  return {
    name: "the simulated TDX quoting enclave",
    async attest(binding) {
      const reportData = Buffer.from(intelReportData(binding)).toString("hex");
      const now = await nowSeconds();
      const validity = longLife(now);
      const pck = pckCertificate({}, validity);
      const chain = [pck, authorityCertificate(PLATFORM_CA, validity), rootCertificate()];
      return {
        kind: "tdx",
        quote: quote({ pck, chain, report: [[REPORT_DATA_AT, reportData]] }),
        collateral: simulatedCollateral(now),
      };
    },
  };
}

/** What Intel would hand out for the simulated platform, issued on the day of this moment (unix seconds). */
export function simulatedCollateral(now: number): CollateralBundle {
  const issued = now - (now % DAY_SECONDS);
  const next = issued + COLLATERAL_DAYS * DAY_SECONDS;
  const dates = { issueDate: isoTime(issued), nextUpdate: isoTime(next) };
  const signers = pem(authorityCertificate(TCB_SIGNER, longLife(now)), rootCertificate());
  return {
    ...bundle("tdx", {
      tcbInfo: dates,
      qeIdentity: dates,
      crls: { thisUpdate: issued, nextUpdate: next },
    }),
    pck_crl_issuer_chain: pem(authorityCertificate(PLATFORM_CA, longLife(now)), rootCertificate()),
    tcb_info_issuer_chain: signers,
    qe_identity_issuer_chain: signers,
  };
}

// In whole periods: a certificate that is issued twice a second would be renewed on the chain each time.
function longLife(now: number): { notBefore: number; notAfter: number } {
  const start = now - (now % YEARS_SECONDS);
  return { notBefore: start, notAfter: start + 2 * YEARS_SECONDS };
}

function isoTime(unixSeconds: number): string {
  return new Date(unixSeconds * 1000).toISOString().replace(".000Z", "Z");
}
