// SPDX-License-Identifier: MIT
import type { BaseContract, ContractRunner } from "ethers";
import { errorNameOf } from "./errors.ts";
import { networkHelpers } from "./fixture.ts";

/** A call that a test asks about without sending it: contract, caller, function and arguments. */
export interface Attempt {
  contract: BaseContract;
  from: ContractRunner;
  name: string;
  args: readonly unknown[];
  value?: bigint;
}

/**
 * What a call would do in a block of exactly this time: "done", or the name of the custom error it reverts with. Nothing
 * is mined, so calls that compete can be asked one after the other in the same state.
 */
export async function outcomeAt(timestamp: bigint | number, attempt: Attempt): Promise<string> {
  const { contract, from, name, args, value = 0n } = attempt;
  await networkHelpers.time.setNextBlockTimestamp(timestamp);
  const overrides = { blockTag: "pending", value };
  try {
    await contract
      .connect(from)
      .getFunction(name)
      .staticCall(...args, overrides);
    return "done";
  } catch (error) {
    const name = errorNameOf(error);
    if (!name) throw error;
    return name;
  }
}
