// SPDX-License-Identifier: MIT
import type { HardhatEthers } from "@nomicfoundation/hardhat-ethers/types";
import type { ContractTransaction, Signer } from "ethers";

interface Trace {
  structLogs: { gas: number; gasCost: number }[];
}

/**
 * The gas that a call's execution takes, sent as a transaction of its own: every other account and every word of storage
 * that it reads is cold. Intrinsic gas and calldata are not in it; a transaction's receipt would show the calldata floor of
 * EIP-7623 instead.
 */
export async function executionGasOf(
  { provider }: Pick<HardhatEthers, "provider">,
  sender: Signer,
  call: ContractTransaction,
): Promise<number> {
  const { hash } = await sender.sendTransaction(call);
  const options = { disableMemory: true, disableStack: true, disableStorage: true };
  const trace: Trace = await provider.send("debug_traceTransaction", [hash, options]);
  const first = trace.structLogs.at(0);
  const last = trace.structLogs.at(-1);
  if (!first || !last) throw new Error("the call left no trace");
  return first.gas - last.gas + last.gasCost;
}
