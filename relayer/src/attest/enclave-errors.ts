// SPDX-License-Identifier: GPL-3.0-or-later

import enclaveEvidenceAbi from "@meantime/sdk/abi/EnclaveEvidence" with { type: "json" };
import intelCollateralAbi from "@meantime/sdk/abi/IntelCollateral" with { type: "json" };
import intelQuoteVerifierAbi from "@meantime/sdk/abi/IntelQuoteVerifier" with { type: "json" };
import nitroVerifierAbi from "@meantime/sdk/abi/NitroVerifier" with { type: "json" };
import p384Abi from "@meantime/sdk/abi/P384" with { type: "json" };
import { Interface } from "ethers";

/** Every custom error by which an attestation can be refused. One signature stands there once. */
export const ENCLAVE_ERRORS: Interface = new Interface(
  uniqueErrors([nitroVerifierAbi, p384Abi, intelCollateralAbi, intelQuoteVerifierAbi, enclaveEvidenceAbi]),
);

/** The return data of a reverted call in whatever a provider threw: of ethers, of Hardhat or of a JSON-RPC node. */
export function errorDataOf(error: unknown): string | undefined {
  for (let at: unknown = error, depth = 0; isRecord(at) && depth < 6; depth++) {
    const data = dataIn(at);
    if (data !== undefined) return data;
    at = at.error ?? at.info ?? at.cause;
  }
  return undefined;
}

function dataIn({ data }: Record<string, unknown>): string | undefined {
  if (typeof data === "string" && /^0x([0-9a-fA-F]{2})*$/.test(data)) return data;
  return isRecord(data) ? dataIn(data) : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

interface AbiEntry {
  type: string;
  name?: string;
  inputs?: { type: string }[];
}

function uniqueErrors(abis: readonly AbiEntry[][]): AbiEntry[] {
  const errors = abis.flat().filter(({ type }) => type === "error");
  const signature = ({ name, inputs = [] }: AbiEntry) => `${name}(${inputs.map(({ type }) => type).join()})`;
  return [...new Map(errors.map((entry) => [signature(entry), entry])).values()];
}
