// SPDX-License-Identifier: MIT
import { id, keccak256 } from "ethers";
import { errorNameOf } from "./errors.ts";

/** Numbers below a bound that follow from a seed alone. */
export function drawsFrom(seed: string): (bound: number) => number {
  let state = id(seed);
  return (bound) => {
    state = keccak256(state);
    return Number(BigInt(state) % BigInt(bound));
  };
}

/** Acts; false: the contract refused. Refusals are part of a walk; anything else is a fault of the test. */
export async function isDone(act: () => Promise<unknown> | undefined): Promise<boolean> {
  try {
    await act();
    return true;
  } catch (error) {
    if (errorNameOf(error)) return false;
    throw error;
  }
}
