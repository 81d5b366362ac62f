// SPDX-License-Identifier: GPL-3.0-or-later

import { ZERO_ADDRESS } from "@meantime/sdk/hex";
import type { Policy } from "@meantime/sdk/policy";
import { sql } from "kysely";
import type { Services } from "../services.ts";

/** How many disputes may be opened now: the budget, less those of ours that may still cost their bond. */
export async function roomForDisputes({
  ledger,
  config,
}: Pick<Services, "ledger" | "config">): Promise<number> {
  // On their way, or neither answered nor ended.
  const challenges = await ledger
    .selectFrom("findings as f")
    .select((eb) => eb.fn.countAll<number>().as("count"))
    .where("f.state", "=", "challenging")
    .where((eb) =>
      eb.and([
        eb.not(
          eb.exists(
            eb
              .selectFrom("chain_leaves as c")
              .select("c.state")
              .whereRef("c.batch_id", "=", "f.batch_id")
              .whereRef("c.leaf_index", "=", "f.leaf_index")
              .where("c.state", "in", ["answered", "rejected", "voided"]),
          ),
        ),
        eb.not(
          eb.exists(
            eb
              .selectFrom("intents as i")
              .select("i.id")
              .where(
                "i.dedupe_key",
                "=",
                sql<string>`'challenge:' || f.batch_id || ':' || CAST(f.leaf_index AS TEXT) || ':' || f.claim_id`,
              )
              .where("i.state", "in", ["satisfied", "failed"]),
          ),
        ),
      ]),
    )
    .executeTakeFirstOrThrow();
  const demands = await ledger
    .selectFrom("intents as i")
    .select((eb) => eb.fn.countAll<number>().as("count"))
    .where("i.kind", "=", sql.lit("demand"))
    .where("i.state", "not in", ["satisfied", "failed"])
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom("chain_leaves as c")
            .select("c.state")
            .whereRef("c.batch_id", "=", "i.batch_id")
            .whereRef("c.leaf_index", "=", "i.leaf_index")
            .where("c.disputed_at", "is not", null)
            .where("c.state", "<>", "demanded"),
        ),
      ),
    )
    .executeTakeFirstOrThrow();
  return config.watch.maxOpenChallenges - challenges.count - demands.count;
}

/**
 * What of a challenge bond is sent along. A bond in a token is taken from the challenger, whose key has to have approved
 * Settlement for it.
 */
export function bondInEther(terms: Policy): bigint {
  return terms.bondToken === ZERO_ADDRESS ? terms.challengeBondWei : 0n;
}
