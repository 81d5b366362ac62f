// SPDX-License-Identifier: GPL-3.0-or-later

import type { Hex } from "@meantime/sdk/hex";
import { EVIDENCE_RULES, type Policy } from "@meantime/sdk/policy";
import type { Reader } from "../ledger/schema.ts";
import { type PolicyFields, policyTermsOf } from "../registry/policy-terms.ts";

/** A policy is named by the hash of its content: what was read once holds for ever, on every branch. */
const known = new Map<Hex, Policy>();
const POLICIES_KEPT = 4_096;

/** The terms of policies, from the events that registered them. Those that are not registered are left out. */
export async function policyTerms(db: Reader, ids: readonly Hex[]): Promise<Map<Hex, Policy>> {
  const unique = [...new Set(ids)];
  const terms = new Map(
    unique.flatMap((id) => {
      const kept = known.get(id);
      return kept ? [[id, kept] as const] : [];
    }),
  );
  const missing = unique.filter((id) => !terms.has(id));
  if (missing.length === 0) return terms;
  const rows = await db
    .selectFrom("events")
    .select(["subject", "arguments"])
    .where("subject", "in", missing)
    .where("name", "=", "PolicyRegistered")
    .execute();
  if (known.size + rows.length > POLICIES_KEPT) known.clear();
  for (const row of rows) {
    const read = termsFromArguments(row.arguments);
    known.set(row.subject as Hex, read);
    terms.set(row.subject as Hex, read);
  }
  return terms;
}

/** The rule of a policy, by number. One that is not registered where events were read from has the clock alone. */
export async function ruleOf(db: Reader, policyId: Hex): Promise<number> {
  return (await policyTerms(db, [policyId])).get(policyId)?.rule ?? EVIDENCE_RULES.window;
}

/** The terms in the arguments of a `PolicyRegistered` event, as `events` has them. */
export function termsFromArguments(text: string): Policy {
  const { policy } = JSON.parse(text) as { policy: string };
  return policyTermsOf(JSON.parse(policy) as PolicyFields);
}
