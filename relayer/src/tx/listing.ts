// SPDX-License-Identifier: GPL-3.0-or-later

import type { Hex } from "@meantime/sdk/hex";
import { sql } from "kysely";
import type { Reader } from "../ledger/schema.ts";
import { type IntentState, IS_OPEN } from "./intents.ts";
import type { IntentKind, Lane } from "./kinds.ts";

/** Open transactions by lane and state, and by lane how much trouble they have. */
export async function outboxCounts(db: Reader) {
  const states = await db
    .selectFrom("intents")
    .select((eb) => ["lane", "state", eb.fn.countAll<number>().as("count")])
    .where(IS_OPEN)
    .groupBy(["lane", "state"])
    .execute();
  const lanes = await db
    .selectFrom("intents as i")
    .leftJoin("attempts as a", "a.tx_hash", "i.tx_hash")
    .select((eb) => [
      "i.lane",
      eb.fn.max<number>("i.tries").as("tries"),
      eb.fn.sum<number>(sql`CASE WHEN i.error IN ('MT-TX-014', 'MT-TX-015') THEN 1 ELSE 0 END`).as("overCap"),
      eb.fn.min<number | null>("a.signed_at_block").as("oldestSignedAtBlock"),
    ])
    .where(sql<boolean>`i.state IN ('queued', 'signed', 'broadcast', 'mined')`)
    .groupBy("i.lane")
    .execute();
  return { states, lanes };
}

/** What an operator is told about a transaction. */
export interface ListedIntent {
  number: number;
  lane: Lane;
  kind: IntentKind;
  state: IntentState;
  cancelling: boolean;
  nonce: number | null;
  tries: number;
  txHash: Hex | null;
  error: string | null;
  key: string;
}

const LIST_LIMIT = 500;

/** The open transactions, or the latest of all. */
export async function listIntents(db: Reader, all: boolean): Promise<ListedIntent[]> {
  const rows = await db
    .selectFrom("intents")
    .select(["id", "lane", "kind", "state", "cancelling", "nonce", "tries", "tx_hash", "error", "dedupe_key"])
    .$if(!all, (query) => query.where(IS_OPEN))
    .orderBy("id", "desc")
    .limit(LIST_LIMIT)
    .execute();
  return rows.map(({ id, cancelling, tx_hash, dedupe_key, ...row }) => ({
    ...row,
    number: id,
    cancelling: cancelling === 1,
    txHash: tx_hash,
    key: dedupe_key,
  }));
}
