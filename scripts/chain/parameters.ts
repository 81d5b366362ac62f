// SPDX-License-Identifier: MIT
import { getAddress, isHexString } from "ethers";
import type { DeploymentParameters } from "./deployment.ts";

const GOVERNORS = ["admin", "curator", "guardian"] as const;
const COUNTS = ["adminDelaySeconds", "curatorDelaySeconds", "quorumThreshold", "maxKeysPerPlatform"] as const;
const ROOTS = ["nitroRoot", "intelRoot"] as const;

/**
 * Deployment parameters from JSON: addresses as hexadecimal text, delays and the threshold as whole numbers,
 * `quorumStakeWei` as decimal text, `quorumFounders` as pairs of addresses, `salt` as 32 bytes, roots as hexadecimal DER. Throws for a name that is
 * none, for a value that is not of its kind, and with `mustGovern` where one of admin, curator and guardian is missing.
 */
export function parseDeploymentParameters(
  json: unknown,
  { mustGovern }: { mustGovern: boolean },
): DeploymentParameters {
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw new Error("parameters: no object");
  const parameters: DeploymentParameters = {};
  for (const [name, value] of Object.entries(json)) {
    if (isOneOf(GOVERNORS, name)) parameters[name] = asAddress(value, name);
    else if (isOneOf(COUNTS, name)) parameters[name] = asCount(value, name);
    else if (isOneOf(ROOTS, name)) parameters[name] = asBytes(value, name);
    else if (name === "quorumStakeWei") parameters.quorumStakeWei = asWei(value, name);
    else if (name === "quorumFounders") parameters.quorumFounders = asPairs(value, name);
    else if (name === "salt") parameters.salt = asSalt(value, name);
    else throw new Error(`parameters.${name}: there is no such parameter`);
  }
  const missing = GOVERNORS.filter((role) => parameters[role] === undefined);
  if (mustGovern && missing.length > 0) {
    throw new Error(`parameters.${missing.join(", parameters.")}: name who governs on a public chain`);
  }
  return parameters;
}

function isOneOf<T extends string>(names: readonly T[], name: string): name is T {
  return (names as readonly string[]).includes(name);
}

function asAddress(value: unknown, name: string): string {
  if (typeof value !== "string") throw new Error(`parameters.${name}: not an address`);
  return getAddress(value);
}

function asCount(value: unknown, name: string): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`parameters.${name}: not a whole number`);
}

function asWei(value: unknown, name: string): bigint {
  if (typeof value === "string" && /^[0-9]+$/.test(value)) return BigInt(value);
  throw new Error(`parameters.${name}: not an amount in wei as decimal text`);
}

function asPairs(value: unknown, name: string): [string, string][] {
  if (!Array.isArray(value)) throw new Error(`parameters.${name}: not a list`);
  return value.map((pair: unknown) => {
    if (!Array.isArray(pair) || pair.length !== 2)
      throw new Error(`parameters.${name}: not pairs of addresses`);
    return [asAddress(pair[0], name), asAddress(pair[1], name)];
  });
}

function asBytes(value: unknown, name: string): string {
  if (typeof value === "string" && isHexString(value, true) && value !== "0x") return value;
  throw new Error(`parameters.${name}: not bytes in hexadecimal`);
}

function asSalt(value: unknown, name: string): string {
  if (typeof value === "string" && /^0x[0-9a-fA-F]{64}$/.test(value)) return value;
  throw new Error(`parameters.${name}: not 32 bytes of hexadecimal`);
}
