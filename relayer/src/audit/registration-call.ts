// SPDX-License-Identifier: GPL-3.0-or-later

import { bytesToHex, type Hex, hexToBytes, keccak256 } from "@meantime/sdk/hex";
import { sha256 } from "@noble/hashes/sha2.js";
import type { Result } from "ethers";
import { INTERFACES, lower } from "./events.ts";
import type { RegistrationRecord } from "./record.ts";

/** The call that entered or renewed a key, with the document in it. */
export interface RegistrationCall {
  blockNumber: number;
  document:
    | { platform: "nitro"; bytes: Hex }
    | { platform: "intel"; signed: Hex; authentication: Hex; pckCertificate: Hex };
}

/**
 * Finds the call of a registration in the calldata of its transaction, also where another contract made it: the one whose
 * key, measurement and document are those of the event.
 */
export function registrationCall(input: Hex, registration: RegistrationRecord): RegistrationCall | undefined {
  for (const name of ["registerNitro", "registerIntel"] as const) {
    const selector = INTERFACES.tee.getFunction(name)?.selector.slice(2) ?? "";
    for (let at = input.indexOf(selector); at !== -1; at = input.indexOf(selector, at + 1)) {
      const call = decoded(name, `0x${input.slice(at)}`);
      if (call && isOf(call, registration)) return callOf(name, call);
    }
  }
  return undefined;
}

/** Undefined: bytes that only look like the call. */
function decoded(name: string, data: Hex): Result | undefined {
  try {
    const call = INTERFACES.tee.decodeFunctionData(name, data);
    call.toArray(true);
    return call;
  } catch (error) {
    if (error instanceof Error && "code" in error) return undefined;
    throw error;
  }
}

function isOf(call: Result, { key, measurement, documentHash }: RegistrationRecord): boolean {
  const isKey = Number(call.key.kind) === key.kind && call.key.x === key.x && call.key.y === key.y;
  const hash =
    call.document === undefined
      ? bytesToHex(sha256(hexToBytes(lower(call.parts.signed))))
      : keccak256(lower(call.document));
  return isKey && lower(call.measurement) === measurement && hash === documentHash;
}

function callOf(name: "registerNitro" | "registerIntel", call: Result): RegistrationCall {
  const blockNumber = Number(call.blockNumber);
  if (name === "registerNitro")
    return { blockNumber, document: { platform: "nitro", bytes: lower(call.document) } };
  const { signed, authentication, pckCertificate } = call.parts;
  const parts = {
    ...{ signed: lower(signed), authentication: lower(authentication) },
    pckCertificate: lower(pckCertificate),
  };
  return { blockNumber, document: { platform: "intel", ...parts } };
}
