// SPDX-License-Identifier: MIT
import hre from "hardhat";

/** A chain that begins before the documents that tests judge on it: time goes forward only. */
export const connection = await hre.network.create<"l1">({
  override: { initialDate: "2021-01-01T00:00:00Z" },
});
export const { ethers, networkHelpers } = connection;

interface Snapshot {
  fixture: () => Promise<unknown>;
  data: unknown;
  taken: Awaited<ReturnType<typeof networkHelpers.takeSnapshot>>;
}

/** In the order of the chain: with one, all later ones are lost. */
const snapshots: Snapshot[] = [];

/**
 * Runs a fixture, or takes the chain back to where it had run. As the one of Hardhat's helpers, but fixtures may load
 * others: there the list of the outer call forgets what the inner one took back.
 */
export async function loadFixture<Result>(fixture: () => Promise<Result>): Promise<Result> {
  const index = snapshots.findIndex((snapshot) => snapshot.fixture === fixture);
  const known = snapshots[index];
  if (known) {
    snapshots.length = index + 1;
    await known.taken.restore();
    return known.data as Result;
  }
  const data = await fixture();
  snapshots.push({ fixture, data, taken: await networkHelpers.takeSnapshot() });
  return data;
}

/**
 * Takes the chain back to its first block. Every test begins here, whatever moments the others lived in: the fixture does
 * nothing, so it is there to be returned to whoever calls first.
 */
export async function beginAnew(): Promise<void> {
  await loadFixture(nothing);
}

async function nothing(): Promise<void> {}
