// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { Transaction } from "ethers";
import type { Rpc } from "../../relayer/src/chain/rpc.ts";
import type { Ledger } from "../../relayer/src/ledger/ledger.ts";
import type { Predicate, Predicates } from "../../relayer/src/tx/context.ts";
import { enqueue, findIntent, type Intent, type NewIntent } from "../../relayer/src/tx/intents.ts";
import { KINDS } from "../../relayer/src/tx/kinds.ts";
import { DEFAULT_SPENDING } from "./fee-limits.ts";
import { silentLogger } from "./local-relayer.ts";

/** An outbox of a test's chain, where it says nothing else. */
export const OUTBOX_DEFAULTS = {
  ...DEFAULT_SPENDING,
  ...{ chainId: 31_337, confirmations: 1, logger: silentLogger },
};

/** What the chain says of a transaction, the same whatever its kind. */
export function predicatesOf(answer: Predicate): Predicates {
  return Object.fromEntries(Object.keys(KINDS).map((kind) => [kind, answer])) as Predicates;
}

/** @returns whether it was new */
export function queueIntent(ledger: Ledger, wanted: NewIntent): Promise<boolean> {
  return ledger.transaction((tx) => enqueue(tx, wanted));
}

/** What is in the ledger under a key. */
export async function intentOf(ledger: Ledger, key: string): Promise<Intent> {
  return (await findIntent(ledger, key)) ?? assert.fail(`nothing is queued as ${key}`);
}

/** What was signed for it, newest first. */
export async function signedFor(ledger: Ledger, key: string): Promise<Transaction[]> {
  const rows = await ledger
    .selectFrom("attempts as a")
    .innerJoin("intents as i", "i.id", "a.intent_id")
    .select("a.raw")
    .where("i.dedupe_key", "=", key)
    .orderBy("a.sequence", "desc")
    .execute();
  return rows.map(({ raw }) => Transaction.from(raw));
}

/** A node that is gone at the moment of sending. */
export function withoutBroadcast(rpc: Rpc): Rpc {
  return sendingBy(rpc, async () => {
    throw new Error("connect ECONNREFUSED");
  });
}

/** A node that does this with a transaction that it is sent. */
export function sendingBy(rpc: Rpc, send: (parameters: unknown[]) => Promise<unknown>): Rpc {
  return new Proxy(rpc, {
    get(target, name) {
      if (name === "send") {
        return (method: string, parameters: unknown[]) =>
          method === "eth_sendRawTransaction" ? send(parameters) : target.send(method, parameters);
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
