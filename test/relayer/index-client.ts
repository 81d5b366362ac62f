// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import type { Hex } from "@meantime/sdk/hex";
import { eventually } from "./local-relayer.ts";

/** A page of a list. */
export interface ListAnswer<Item> {
  items: Item[];
  nextCursor: string | null;
}

/** What is known of a claim. */
export interface ClaimAnswer {
  claimId: Hex;
  claim: unknown;
  receipt: unknown;
  batchId: Hex;
  index: number;
  header: unknown;
  proof: Hex[];
  opening: { input: string; salt: Hex; output: string } | null;
  status: string;
  finalAt: number | null;
  timeline: { what: string; at: number; block: number | null; tx: Hex | null }[];
  evidence: { kind: string; tx: Hex; block: number }[];
  source: string;
}

/** Asks the index of a relayer, or one alone. */
export async function askIndex<Answer>(url: string, path: string): Promise<Answer> {
  const response = await fetch(new URL(`/index/v1/${path}`, url));
  const text = await response.text();
  assert.equal(response.status, 200, `${path}: ${text}`);
  return JSON.parse(text) as Answer;
}

/** Waits until a claim of a batch is in the index, at a status where one is named. */
export function untilIndexed(url: string, claimId: Hex, status?: string): Promise<ClaimAnswer> {
  return eventually(
    `${claimId} to be indexed`,
    async () => {
      const response = await fetch(new URL(`/index/v1/claims/${claimId}`, url));
      if (response.status !== 200) return undefined;
      const answer = (await response.json()) as ClaimAnswer;
      return answer.source === "batch" && (status === undefined || answer.status === status)
        ? answer
        : undefined;
    },
    INDEXED_SECONDS,
  );
}

/** A proof may be among what is waited for. */
const INDEXED_SECONDS = 120;
