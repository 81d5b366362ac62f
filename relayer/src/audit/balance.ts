// SPDX-License-Identifier: GPL-3.0-or-later

import { type Address, ZERO_ADDRESS } from "@meantime/sdk/hex";
import { Interface } from "ethers";
import { lower } from "./events.ts";
import type { PinnedChain } from "./pinned-chain.ts";

const ERC20 = new Interface(["function balanceOf(address account) view returns (uint256)"]);

/** What an account has of a token, or of ether, at the block. */
export async function balanceOf(chain: PinnedChain, holder: Address, token: Address): Promise<bigint> {
  if (token === ZERO_ADDRESS) return chain.etherOf(holder);
  const output = await chain.call(token, lower(ERC20.encodeFunctionData("balanceOf", [holder])));
  return ERC20.decodeFunctionResult("balanceOf", output)[0] as bigint;
}
