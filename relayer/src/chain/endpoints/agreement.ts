// SPDX-License-Identifier: GPL-3.0-or-later

import type { Hex } from "@meantime/sdk/hex";
import { TemporaryError } from "../../errors.ts";
import type { Logger } from "../../ops/logger.ts";
import type { Endpoint } from "./endpoint.ts";
import type { RawBlock } from "./head.ts";
import { usable } from "./selection.ts";

/**
 * Compares one endpoint's block with another's at the same height. Where they differ, all are asked: what more than half
 * of them say counts and the others are left out for a while; without such a majority nothing is believed.
 *
 * @returns the block that counts
 * @throws TemporaryError `MT-CHAIN-012` the endpoints disagree: stay where we are
 */
export async function agreeOnBlock(
  endpoints: readonly Endpoint[],
  from: Endpoint,
  block: RawBlock,
  logger: Logger,
): Promise<RawBlock> {
  const others = usable(endpoints).filter((endpoint) => endpoint !== from);
  const [second] = others;
  if (!second) return block;
  const theirs = await blockOf(second, block.number);
  if (!theirs || theirs.hash === block.hash) return block;
  const votes: [Endpoint, RawBlock][] = [
    [from, block],
    [second, theirs],
  ];
  for (const endpoint of others.slice(1)) {
    const vote = await blockOf(endpoint, block.number);
    if (vote) votes.push([endpoint, vote]);
  }
  const winner = votes.find(
    ([, { hash }]) => votes.filter(([, other]) => other.hash === hash).length * 2 > votes.length,
  );
  const hashes = Object.fromEntries(votes.map(([{ name }, { hash }]) => [name, hash]));
  logger.warn({ code: "MT-CHAIN-012", block: Number(block.number), hashes }, "the endpoints disagree");
  if (!winner) throw disagreement(Number(block.number), hashes);
  for (const [endpoint, { hash }] of votes) if (hash !== winner[1].hash) endpoint.distrust();
  return winner[1];
}

/** Undefined: it does not have the block, or does not answer. Neither says anything about the chain. */
async function blockOf(endpoint: Endpoint, number: Hex): Promise<RawBlock | undefined> {
  try {
    return (
      ((await endpoint.request("eth_getBlockByNumber", [number, false])) as RawBlock | null) ?? undefined
    );
  } catch {
    return undefined;
  }
}

function disagreement(block: number, hashes: Record<string, Hex>): TemporaryError {
  return new TemporaryError(
    "MT-CHAIN-012",
    `the endpoints have different blocks at height ${block}: ${JSON.stringify(hashes)}`,
    "Passes by itself after a reorg. If it stays, one endpoint lies or is stuck: remove it, or add a third to outvote it.",
    { block, hashes },
  );
}
