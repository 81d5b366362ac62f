// SPDX-License-Identifier: MIT
import { parseArgs } from "node:util";
import type { SettleOptions } from "./settle.ts";

const QUICK_CLAIMS: readonly number[] = [10_000, 50_000];
const FULL_CLAIMS: readonly number[] = [10_000, 100_000, 1_000_000];

/**
 * What the command line tells of the suite `settle`: `--claims` numbers of claims parted by commas, `--full` those of the
 * requirement, `--chain` whose node. Undefined for anything else.
 */
export function settleOptions(argv: string[]): SettleOptions | undefined {
  try {
    const { values } = parseArgs({
      args: argv,
      options: { claims: { type: "string" }, full: { type: "boolean" }, chain: { type: "string" } },
    });
    const claims = values.claims?.split(",").map(Number) ?? (values.full ? FULL_CLAIMS : QUICK_CLAIMS);
    const { chain } = values;
    if (claims.some((count) => !Number.isSafeInteger(count) || count < 1)) return undefined;
    if (chain !== undefined && chain !== "hardhat" && chain !== "anvil") return undefined;
    return { claims, chain };
  } catch {
    return undefined;
  }
}
