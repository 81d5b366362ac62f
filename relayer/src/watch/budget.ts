// SPDX-License-Identifier: GPL-3.0-or-later

import { ZERO_ADDRESS } from "@meantime/sdk/hex";
import type { Policy } from "@meantime/sdk/policy";
import { OMISSION_OUTCOMES } from "../ledger/omissions.ts";
import type { WatchServices } from "./services.ts";

/** What more may be put at risk now. */
export interface Budget {
  disputes: number;
  /** Undefined: without a bound of its own. */
  bondsWei: bigint | undefined;
}

/** The configured limits, less the bonds of ours that may still be lost. */
export async function budgetLeft({
  ledger,
  config,
}: Pick<WatchServices, "ledger" | "config">): Promise<Budget> {
  // On their way, or opened and neither answered nor ended.
  const open = await ledger
    .selectFrom("watch_actions as a")
    .leftJoin("intents as i", "i.dedupe_key", "a.dedupe_key")
    .leftJoin("chain_leaves as c", (join) =>
      join.onRef("c.batch_id", "=", "a.batch_id").onRef("c.leaf_index", "=", "a.leaf_index"),
    )
    .select(["a.kind", "a.bond_wei", "c.state", "c.disputed_at"])
    .where("a.state", "=", "executed")
    .where("a.bond_wei", "<>", "0")
    .where((eb) => eb.or([eb("i.state", "is", null), eb("i.state", "not in", ["satisfied", "failed"])]))
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom("events as e")
            .select("e.name")
            .whereRef("e.claim_id", "=", "a.claim_id")
            .where("a.kind", "=", "reportOmission")
            .where("e.name", "in", OMISSION_OUTCOMES),
        ),
      ),
    )
    .execute();
  const atRisk = open.filter(({ kind, state, disputed_at }) => {
    if (kind === "challenge") return state === null || !["answered", "rejected", "voided"].includes(state);
    if (kind === "demand") return disputed_at === null || state === "demanded";
    return true;
  });
  const bondsWei = atRisk.reduce((sum, { bond_wei }) => sum + BigInt(bond_wei), 0n);
  const { maxOpenChallenges, maxBondsWei } = config.watch;
  return {
    disputes: maxOpenChallenges - atRisk.length,
    bondsWei: maxBondsWei === undefined ? undefined : maxBondsWei - bondsWei,
  };
}

/** What is left after one more bond; undefined where that would be too much. */
export function afterBond(budget: Budget, bondWei: bigint): Budget | undefined {
  if (bondWei === 0n) return budget;
  const { disputes, bondsWei } = budget;
  if (disputes < 1 || (bondsWei !== undefined && bondsWei < bondWei)) return undefined;
  return { disputes: disputes - 1, bondsWei: bondsWei === undefined ? undefined : bondsWei - bondWei };
}

/**
 * What of a challenge bond is sent along. A bond in a token is taken from the challenger, whose key has to have approved
 * Settlement for it.
 */
export function bondInEther(terms: Policy): bigint {
  return terms.bondToken === ZERO_ADDRESS ? terms.challengeBondWei : 0n;
}
