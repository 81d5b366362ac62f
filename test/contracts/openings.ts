// SPDX-License-Identifier: MIT
import { type Opening, openingLeaf } from "@meantime/sdk/batch";
import { bytesToHex, type Hex } from "@meantime/sdk/hex";
import { buildMerkleTree } from "@meantime/sdk/merkle";
import { type Policy, policyId } from "@meantime/sdk/policy";
import { ZeroHash } from "ethers";
import {
  type Batch,
  batchOf,
  buildBatch,
  claimAt,
  memberOf,
  policyFor,
  type World,
  wordOf,
} from "./fixture.ts";

/** An opening as `reveal` takes it. */
export interface ShownOpening {
  proof: Hex[];
  input: Hex;
  salt: Hex;
  output: Hex;
}

/** A batch under a policy of public data, and what its data root commits to. */
export interface OpenBatch {
  batch: Batch;
  openings: ShownOpening[];
  policyId: Hex;
}

/** What a claim of private data is revealed with. */
export const NO_OPENING: ShownOpening = { proof: [], input: "0x", salt: ZeroHash as Hex, output: "0x" };

/** Commits a batch under a policy of public data that is like the rule window's in everything else. */
export async function commitOpenings(
  world: World,
  opened: Opening[],
  overrides: Partial<Policy> = {},
): Promise<OpenBatch> {
  const policy = { ...(await policyFor(world, "window")), publicData: true, ...overrides };
  const id = policyId(policy);
  if ((await world.policies.policyOf(id)).registeredAt === 0n) await world.policies.register(policy);

  const tree = buildMerkleTree(opened.map((opening, index) => openingLeaf(index, opening)));
  const { claims } = await buildBatch(world, "window", { count: opened.length, claims: { policyId: id } });
  const batch = batchOf(world, claims, { dataRoot: tree.root });
  await world.settlement.connect(world.operator).commit(batch.header);
  const openings = opened.map(({ input, salt, output }, index) => ({
    proof: tree.proof(index),
    input: bytesToHex(input),
    salt,
    output: bytesToHex(output),
  }));
  return { batch, openings, policyId: id };
}

/** An opening of this many bytes of input and output together. */
export function openingOf(seed: number, inputBytes = 30, outputBytes = 2): Opening {
  return {
    input: new Uint8Array(inputBytes).fill(seed),
    salt: wordOf(BigInt(seed)),
    output: new Uint8Array(outputBytes).fill(seed + 1),
  };
}

/** The arguments of `reveal` for one claim. */
export function revelation(batch: Batch, index: number, opening: ShownOpening = NO_OPENING) {
  return [...memberOf(batch, index), opening] as const;
}

/** The arguments of `challenge` and its kin that name a disputed claim by its batch id. */
export function disputeOf(world: World, batch: Batch, index: number) {
  return [batch.batchId, claimAt(batch, index).claim, index, world.challenger.address] as const;
}
