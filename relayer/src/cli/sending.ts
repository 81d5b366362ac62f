// SPDX-License-Identifier: GPL-3.0-or-later

import type { Hex } from "@meantime/sdk/hex";
import { isError, type TransactionReceipt, type TransactionResponse } from "ethers";
import { describeRevert } from "../chain/contracts.ts";
import { inBlock } from "../chain/in-block.ts";
import { RelayerError, TemporaryError } from "../errors.ts";

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

/**
 * Waits until a transaction is in a block.
 *
 * @throws RelayerError `MT-CLI-007` it reverted there; TemporaryError `MT-CLI-010` it is in none in time
 */
export async function landed(sent: TransactionResponse): Promise<TransactionReceipt> {
  const receipt = await inBlock(sent).catch((error: unknown) => {
    if (!isError(error, "CALL_EXCEPTION")) throw error;
    throw new RelayerError(
      "MT-CLI-007",
      `transaction ${sent.hash} reverted in its block`,
      "The chain changed after it was tried out: look at its state, then send it again.",
      { hash: sent.hash },
    );
  });
  if (receipt) return receipt;
  // Not to be told as a failure: it may land a minute later, and a second one would stake twice.
  throw new TemporaryError(
    "MT-CLI-010",
    `transaction ${sent.hash} is not in a block yet`,
    "Look for that hash before doing it again: it may still land.",
    { hash: sent.hash },
  );
}
