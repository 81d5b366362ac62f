// SPDX-License-Identifier: GPL-3.0-or-later

import { type SplitQuote, splitQuote } from "@meantime/sdk/dcap/quote";
import { readReport } from "@meantime/sdk/dcap/report";
import { intelReportData } from "@meantime/sdk/enclave-keys";
import { bytesToHex, type Hex, hexToBytes } from "@meantime/sdk/hex";
import { describeError, RelayerError } from "../../errors.ts";
import { type CollateralSource, fetchCollateral } from "../collateral/fetch.ts";
import { ask } from "../http.ts";
import type { Attestor } from "../platform.ts";

/** Where dstack's guest agent listens, and where Intel's documents come from. */
export interface DstackOptions {
  /** The agent's Unix socket, or the URL of its simulator. */
  endpoint: string;
  collateral: CollateralSource;
}

const NAME = "dstack";

/**
 * Asks the guest agent of dstack in a TDX domain for a quote (github.com/Dstack-TEE/dstack, docs/guest-api-v0.md: `GetQuote`),
 * and a collateral service for Intel's documents on the platform.
 */
export function dstackAttestor({ endpoint, collateral }: DstackOptions): Attestor {
  const isUrl = /^https?:\/\//.test(endpoint);
  return {
    name: NAME,
    async attest(binding) {
      const reportData = bytesToHex(intelReportData(binding));
      const { body } = await ask(NAME, {
        url: new URL("/GetQuote", isUrl ? endpoint : "http://dstack"),
        socketPath: isUrl ? undefined : endpoint,
        body: JSON.stringify({ report_data: reportData.slice(2) }),
        contentType: "application/json",
      });
      const quote = quoteIn(body.toString("utf8"));
      const split = splitOrThrow(quote);
      requireAbout(split, reportData);
      return { kind: split.tee, quote, collateral: await fetchCollateral(collateral, split) };
    },
  };
}

function quoteIn(text: string): Uint8Array {
  try {
    const { quote } = JSON.parse(text) as { quote: string };
    return hexToBytes(quote.startsWith("0x") ? quote : `0x${quote}`);
  } catch (error) {
    throw noQuote(error);
  }
}

function splitOrThrow(quote: Uint8Array): SplitQuote {
  try {
    return splitQuote(quote);
  } catch (error) {
    throw noQuote(error);
  }
}

function requireAbout(quote: SplitQuote, asked: Hex): void {
  const { reportData } = readReport(quote);
  if (reportData === asked) return;
  throw new RelayerError(
    "MT-ATT-012",
    "dstack's quote has other report data than it was given",
    "Use an agent that puts report data into the quote as it is, without hashing it.",
    { reportData },
  );
}

function noQuote(error: unknown): RelayerError {
  return new RelayerError(
    "MT-ATT-011",
    `dstack answers without a quote: ${describeError(error).message}`,
    "Is it dstack's guest agent that listens there, on a TDX machine?",
  );
}
