// SPDX-License-Identifier: MIT
import hre from "hardhat";

/** A chain that begins before the documents that tests judge on it: time goes forward only. */
export const connection = await hre.network.create<"l1">({
  override: { initialDate: "2021-01-01T00:00:00Z" },
});
export const { ethers, networkHelpers } = connection;

/**
 * Takes the chain back to its first block. Every test begins here, whatever moments the others lived in: the fixture does
 * nothing, so it is there to be returned to whoever calls first.
 */
export async function beginAnew(): Promise<void> {
  await networkHelpers.loadFixture(nothing);
}

async function nothing(): Promise<void> {}
