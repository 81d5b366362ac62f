// SPDX-License-Identifier: MIT
import type { ContractTransactionResponse } from "ethers";
import { ethers, networkHelpers } from "./fixture.ts";

const GAS_LIMIT = 3_000_000n;

/** Overrides for a transaction sent by `inOneBlock`: gas cannot be estimated for one that needs an earlier one. */
export const UNESTIMATED = { gasLimit: GAS_LIMIT };

/** Sends transactions into one block, in this order, and gives back which of them succeeded. */
export async function inOneBlock(
  ...sends: (() => Promise<ContractTransactionResponse>)[]
): Promise<boolean[]> {
  await ethers.provider.send("evm_setAutomine", [false]);
  const sent: ContractTransactionResponse[] = [];
  try {
    for (const send of sends) sent.push(await send());
    await networkHelpers.mine();
  } finally {
    await ethers.provider.send("evm_setAutomine", [true]);
  }
  const receipts = await Promise.all(sent.map(({ hash }) => ethers.provider.getTransactionReceipt(hash)));
  return receipts.map((receipt) => receipt?.status === 1);
}
