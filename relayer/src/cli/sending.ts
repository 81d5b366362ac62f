// SPDX-License-Identifier: GPL-3.0-or-later

import type { Hex } from "@meantime/sdk/hex";
import { describeRevert } from "../chain/contracts.ts";
import { RelayerError } from "../errors.ts";

/**
 * The private key that an environment variable holds.
 *
 * @param hint what to do where it holds none
 * @throws RelayerError `MT-CLI-006`
 */
export function privateKeyOf(variable: string, hint: string): Hex {
  const value = process.env[variable];
  if (value !== undefined && /^0x[0-9a-fA-F]{64}$/.test(value)) return value as Hex;
  throw new RelayerError("MT-CLI-006", `the environment variable ${variable} holds no private key`, hint);
}

/**
 * Sends, and says what the contract said where it refuses.
 *
 * @throws RelayerError `MT-CLI-007`
 */
export async function orRefused<Result>(send: () => Promise<Result>): Promise<Result> {
  try {
    return await send();
  } catch (error) {
    const revert = describeRevert(error);
    if (revert === undefined) throw error;
    throw new RelayerError(
      "MT-CLI-007",
      `the contract refuses: ${revert}`,
      "docs/SPEC.md explains each error.",
    );
  }
}
