// SPDX-License-Identifier: GPL-3.0-or-later

/** Gives a place up; further calls do nothing. */
export type LeavePlace = () => void;

/** Counts the places that each of many callers holds at one time. */
export interface Shares {
  /** @returns undefined: the caller has its share */
  take(caller: string): LeavePlace | undefined;
}

/** @param most of one caller */
export function createShares(most: number): Shares {
  const held = new Map<string, number>();
  return {
    take(caller) {
      const own = held.get(caller) ?? 0;
      if (own >= most) return undefined;
      held.set(caller, own + 1);
      let hasLeft = false;
      return () => {
        if (hasLeft) return;
        hasLeft = true;
        const others = (held.get(caller) ?? 1) - 1;
        if (others > 0) held.set(caller, others);
        else held.delete(caller);
      };
    },
  };
}
