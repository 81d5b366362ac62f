// SPDX-License-Identifier: MIT
import type { Hex } from "@meantime/sdk/hex";
import { Interface, type InterfaceAbi } from "ethers";
import hre from "hardhat";
import { NO_REASON } from "./subject.ts";

const VERIFIERS = ["NitroVerifier", "P384", "IntelCollateral", "IntelQuoteVerifier"];

/** Errors that come out of the check of a signature, or of what it binds together: all that is read was well formed. */
export const SIGNATURE_ERRORS: ReadonlySet<string> = new Set([
  ...["BadHint", "BadSignature", "BadKey", "SignatureWrong", "PckSignatureWrong"],
  ...["QeReportSignatureWrong", "QeReportDataWrong", "QuoteSignatureWrong"],
]);

/** Finds the name of a custom error by its selector. */
export async function refusalNames(): Promise<(selector: Hex) => string> {
  const names = new Map<string, string>([[NO_REASON, "no reason"]]);
  for (const contract of VERIFIERS) {
    const { abi } = await hre.artifacts.readArtifact(contract);
    new Interface(abi as InterfaceAbi).forEachError(({ selector, name }) => names.set(selector, name));
  }
  return (selector) => names.get(selector) ?? selector;
}
