// SPDX-License-Identifier: GPL-3.0-or-later

import type { Address } from "@meantime/sdk/hex";
import { z } from "zod";

/** What is withdrawn by itself, and where it goes. */
export interface WithdrawConfig {
  to: Address;
  /** By token; zero is ether. Less than that stays where it is. */
  leastWei: ReadonlyMap<Address, bigint>;
}

const address = () => z.string().regex(/^0x[0-9a-fA-F]{40}$/, "must be 0x followed by 40 hex digits");
const amount = () => z.string().regex(/^[1-9][0-9]{0,29}$/, "must be a positive number in decimal digits");
const ETHER: Address = `0x${"00".repeat(20)}`;

/** The section `withdraw`. */
export function withdrawSchema() {
  return z
    .strictObject({
      to: address().describe("who gets it; better cold than one of the senders"),
      leastWei: amount().default("100000000000000000").describe("less ether than that stays credited"),
      tokens: z
        .record(address(), amount())
        .default({})
        .describe("by token, in its smallest unit: less than that stays credited"),
    })
    .describe("pays out what the senders and the challenger have won; without it nothing is withdrawn");
}

/** The section with addresses as everything compares them. */
export function resolveWithdraw(section: z.output<ReturnType<typeof withdrawSchema>>): WithdrawConfig {
  const tokens = Object.entries(section.tokens).map(
    ([token, least]) => [token.toLowerCase() as Address, BigInt(least)] as const,
  );
  return {
    to: section.to.toLowerCase() as Address,
    leastWei: new Map([[ETHER, BigInt(section.leastWei)], ...tokens]),
  };
}
