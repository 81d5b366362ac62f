// SPDX-License-Identifier: GPL-3.0-or-later

import type { Hex } from "@meantime/sdk/hex";

/** A sender's transaction count, and the block as of which it was read. */
interface Floor {
  count: number;
  blockNumber: number;
  blockHash: Hex;
}

/** The counts below which a sender's nonce cannot be while the chain stands. */
export interface NonceFloor {
  /** Whether a count can be true; one below the floor can not, unless the floor's block is gone. */
  isPlausible(sender: string, count: number): boolean;
  /** Notes a count that is believed. */
  raise(sender: string, floor: Floor): void;
  /** The block that a sender's floor stands on. */
  standsOn(sender: string): Pick<Floor, "blockNumber" | "blockHash"> | undefined;
  /** The floor's block was reorganised away. */
  drop(sender: string): void;
}

/** Remembers, for every sender, the highest transaction count that a block has shown. */
export function createNonceFloor(): NonceFloor {
  const floors = new Map<string, Floor>();
  return {
    isPlausible: (sender, count) => count >= (floors.get(sender)?.count ?? 0),
    raise(sender, floor) {
      if (floor.count >= (floors.get(sender)?.count ?? 0)) floors.set(sender, floor);
    },
    standsOn: (sender) => floors.get(sender),
    drop: (sender) => void floors.delete(sender),
  };
}
