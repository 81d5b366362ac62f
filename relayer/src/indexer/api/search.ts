// SPDX-License-Identifier: GPL-3.0-or-later

import type { Address, Hex } from "@meantime/sdk/hex";
import type { Reader } from "../../ledger/schema.ts";
import { isHex } from "./query.ts";

/** Something that a search has found. `id` is what the path of its kind takes. */
export interface Found {
  kind:
    | ("claim" | "batch" | "request" | "model" | "policy")
    | ("operator" | "requester" | "transaction" | "block");
  id: string;
}

const MOST_FOUND = 20;
const MOST_NAMES = 1_000;

/** `GET /search?q=`: what an id, an address, a transaction, a block's number or a model's name stands for. */
export async function search(db: Reader, text: string): Promise<Found[]> {
  const query = text.trim();
  const id = query.toLowerCase();
  if (isHex(id, 32)) return ofHash(db, id as Hex);
  if (isHex(id, 20)) return ofAddress(db, id as Address);
  const found: Found[] = /^[0-9]{1,15}$/.test(query) ? await ofBlock(db, Number(query)) : [];
  return query.length < 2 ? found : [...found, ...(await ofName(db, id))];
}

async function ofHash(db: Reader, id: Hex): Promise<Found[]> {
  const found: Found[] = [];
  const claim = await db
    .selectFrom("index_claims")
    .select("claim_id")
    .where("claim_id", "=", id)
    .limit(1)
    .executeTakeFirst();
  const receipt =
    claim ??
    (await db.selectFrom("receipts").select("claim_id").where("claim_id", "=", id).executeTakeFirst());
  if (receipt) found.push({ kind: "claim", id });
  const batch = await db
    .selectFrom("index_batches")
    .select("ordinal")
    .where("batch_id", "=", id)
    .executeTakeFirst();
  if (batch) found.push({ kind: "batch", id });
  const KINDS = {
    InferenceRequested: "request",
    ModelRegistered: "model",
    PolicyRegistered: "policy",
  } as const;
  const subjects = await db
    .selectFrom("events")
    .select("name")
    .where("subject", "=", id)
    .where("name", "in", Object.keys(KINDS))
    .execute();
  for (const { name } of subjects) found.push({ kind: KINDS[name as keyof typeof KINDS], id });
  if (!found.some(({ kind }) => kind === "request")) {
    const asked = await db
      .selectFrom("index_claims")
      .select("claim_id")
      .where("request_id", "=", id)
      .limit(MOST_FOUND)
      .execute();
    for (const { claim_id } of asked) found.push({ kind: "claim", id: claim_id });
  }
  const transaction = await db
    .selectFrom("events")
    .select("tx_hash")
    .where("tx_hash", "=", id)
    .limit(1)
    .executeTakeFirst();
  if (transaction) found.push({ kind: "transaction", id });
  return found;
}

async function ofAddress(db: Reader, id: Address): Promise<Found[]> {
  const operator = await db
    .selectFrom("index_operators")
    .select("operator")
    .where("operator", "=", id)
    .executeTakeFirst();
  const requester = await db
    .selectFrom("index_claims")
    .select("claim_id")
    .where("requester", "=", id)
    .limit(1)
    .executeTakeFirst();
  return [
    ...(operator ? [{ kind: "operator" as const, id }] : []),
    ...(requester ? [{ kind: "requester" as const, id }] : []),
  ];
}

async function ofBlock(db: Reader, number: number): Promise<Found[]> {
  const event = await db
    .selectFrom("events")
    .select("block_number")
    .where("block_number", "=", number)
    .limit(1)
    .executeTakeFirst();
  return event ? [{ kind: "block", id: String(number) }] : [];
}

async function ofName(db: Reader, part: string): Promise<Found[]> {
  const rows = await db
    .selectFrom("events")
    .select(["subject", "arguments"])
    .where("name", "=", "ModelRegistered")
    .orderBy("block_number", "desc")
    .limit(MOST_NAMES)
    .execute();
  return rows
    .filter(({ arguments: text }) => (JSON.parse(text) as { name: string }).name.toLowerCase().includes(part))
    .slice(0, MOST_FOUND)
    .map(({ subject }) => ({ kind: "model", id: subject ?? "" }));
}
