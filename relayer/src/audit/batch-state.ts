// SPDX-License-Identifier: GPL-3.0-or-later

import { LEAF_STATE } from "@meantime/sdk/status";
import { INTERFACES, lower } from "./events.ts";
import type { Findings } from "./findings.ts";
import type { PinnedChain } from "./pinned-chain.ts";
import type { BatchRecord } from "./record.ts";

/** Batches that are asked for at a time. */
const AT_A_TIME = 16;

/** Whether the contract's words of batches and touched leaves say what their events say. */
export async function compareBatches(
  chain: PinnedChain,
  batches: readonly BatchRecord[],
  findings: Findings,
): Promise<void> {
  for (let from = 0; from < batches.length; from += AT_A_TIME) {
    const some = batches.slice(from, from + AT_A_TIME);
    const differences = await Promise.all(some.map((batch) => differencesOf(chain, batch)));
    for (const [at, batch] of some.entries()) {
      for (const what of differences[at] ?? []) {
        findings.add("state-mismatch", what, batch.committed, { batchId: batch.batchId });
      }
    }
  }
}

async function differencesOf(chain: PinnedChain, batch: BatchRecord): Promise<string[]> {
  const { batchId, committed, finalAt, attested, disputed, rejected, released, leaves } = batch;
  const word = await read(chain, "batchOf", [batchId]);
  const differences = [
    ...differ("committedAt", word.committedAt, committed.blockTime),
    ...differ("finalAt", word.batchFinalAt, finalAt),
    ...differ("attestedAt", word.attestedAt, attested?.place.blockTime ?? 0),
    ...differ("disputed", word.disputed, disputed),
    ...differ("rejected", word.rejected, rejected),
    ...differ("released", word.released ? 1 : 0, released ? 1 : 0),
  ];
  for (const [index, leaf] of leaves) {
    const stored = await read(chain, "leafOf", [batchId, index]);
    differences.push(
      ...differ(`state of leaf ${index}`, stored.state, LEAF_STATE[leaf.state]),
      ...differ(`kinds of leaf ${index}`, stored.kinds, leaf.kinds),
    );
  }
  return differences.map((difference) => `batch ${batchId}: ${difference}`);
}

async function read(chain: PinnedChain, name: "batchOf" | "leafOf", args: unknown[]) {
  const { settlement } = INTERFACES;
  const output = await chain.call(chain.domain.settlement, lower(settlement.encodeFunctionData(name, args)));
  return settlement.decodeFunctionResult(name, output);
}

function differ(field: string, stored: bigint | number, told: number): string[] {
  return Number(stored) === told ? [] : [`${field} is ${stored}, and ${told} by its events`];
}
