// SPDX-License-Identifier: MIT
import type { Opening } from "@meantime/sdk/batch";
import { MeantimeError } from "@meantime/sdk/errors";
import { asHex32, hexToBytes } from "@meantime/sdk/hex";

/** An opening as gateways write it, in base64url, or as bundles do, in hexadecimal; undefined where there is none. */
export function parseOpening(json: unknown): Opening | undefined {
  if (typeof json !== "object" || json === null) return undefined;
  const { input, salt, output } = json as Record<string, unknown>;
  return {
    input: bytesOf(input, "input"),
    salt: asHex32(salt, "opening.salt"),
    output: bytesOf(output, "output"),
  };
}

function bytesOf(value: unknown, field: string): Uint8Array {
  if (typeof value === "string" && /^0x([0-9a-fA-F]{2})*$/.test(value)) return hexToBytes(value);
  if (typeof value === "string" && /^[A-Za-z0-9_-]*$/.test(value)) {
    const binary = atob(value.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(binary, (character) => character.charCodeAt(0));
  }
  throw new MeantimeError("MT-SDK-802", `opening.${field} is neither hexadecimal nor base64url`, {
    hint: "Take the file as it was written.",
  });
}
