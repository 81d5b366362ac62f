// SPDX-License-Identifier: MIT
import { setTimeout as delay } from "node:timers/promises";
import type { ChainKind, LocalStack } from "../stack/local.ts";

/** Makes blocks, and now and then takes some back. */
export interface BlockMaker {
  readonly reorgs: number;
  /** No reorganisation from now on. */
  calm(): void;
  stop(): Promise<void>;
}

/** Blocks that a reorganisation takes back at most: fewer than the daemon waits for. */
export const DEEPEST_REORG_BLOCKS = 2;

const BLOCK_MILLISECONDS = 300;
const REORG_SHARE = 0.04;

/** Turns automatic mining off and makes a block three times a second. */
export async function makeBlocks(
  { chain }: LocalStack,
  kind: ChainKind,
  random: () => number,
): Promise<BlockMaker> {
  const { provider } = chain.connection.ethers;
  let stopping = false;
  let calm = false;
  let reorgs = 0;
  const mine = () => provider.send("evm_mine", []);
  await provider.send("evm_setAutomine", [false]);
  // What was set up before must outlive the first reorganisation.
  for (let block = 0; block < DEEPEST_REORG_BLOCKS; block++) await mine();

  const loop = (async () => {
    while (!stopping) {
      await delay(BLOCK_MILLISECONDS);
      const depth = 1 + Math.floor(random() * DEEPEST_REORG_BLOCKS);
      if (random() < REORG_SHARE && !calm) {
        await reorganise(depth);
        reorgs += 1;
      } else await mine();
    }
  })();

  /** What was sent since, and what was mined, is gone from the node: whoever wants it has to send it again. */
  async function reorganise(depth: number): Promise<void> {
    if (kind === "anvil") {
      await provider.send("anvil_reorg", [depth, []]);
      await mine();
      return;
    }
    const snapshot: unknown = await provider.send("evm_snapshot", []);
    for (let block = 0; block < depth; block++) {
      await delay(BLOCK_MILLISECONDS);
      await mine();
    }
    // Time for somebody to see the blocks that are about to go.
    await delay(BLOCK_MILLISECONDS);
    await provider.send("evm_revert", [snapshot]);
    for (let block = 0; block <= depth; block++) await mine();
  }

  return {
    get reorgs() {
      return reorgs;
    },
    calm() {
      calm = true;
    },
    async stop() {
      stopping = true;
      await loop;
      await provider.send("evm_setAutomine", [true]);
    },
  };
}
