// SPDX-License-Identifier: GPL-3.0-or-later

import { EVIDENCE_KINDS } from "@meantime/sdk/policy";
import { byClock, type Standing } from "../../chain/claim-standing.ts";
import type { ClaimStatus } from "../../ledger/claim-status.ts";

/** What a claim's status is read off, of its batch and of its leaf where something happened to it. */
export interface StandingColumns {
  standing: Standing;
  final_at: number;
  leaf_standing: Standing | null;
  leaf_final_at: number | null;
  stray: string | null;
}

/** Where a claim stands at a moment, and when it is or will be final. `Unknown`: it contradicts its header. */
export function statusAt(
  row: StandingColumns,
  nowSeconds: number,
): { status: ClaimStatus | "Unknown"; finalAt: number | null } {
  if (row.stray !== null) return { status: "Unknown", finalAt: null };
  const [standing, finalAt] =
    row.leaf_standing === null ? [row.standing, row.final_at] : [row.leaf_standing, row.leaf_final_at];
  return { status: byClock({ standing, finalAt }, nowSeconds), finalAt };
}

/** Names of kinds of evidence. */
export function kindNames(kinds: number): string[] {
  return Object.entries(EVIDENCE_KINDS).flatMap(([name, kind]) => (kinds & kind ? [name] : []));
}
