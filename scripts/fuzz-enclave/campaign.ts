// SPDX-License-Identifier: MIT
import { bytesToHex, type Hex } from "@meantime/sdk/hex";
import { mutantOf } from "./mutate.ts";
import { randomOf } from "./random.ts";
import { ACCEPTED, type Kind, NO_REASON, type Subject } from "./subject.ts";

/** A mutant that a verifier took for a document. */
export interface Acceptance {
  subject: string;
  seed: number;
  turn: number;
  parts: Hex[];
}

export interface CampaignResult {
  seed: number;
  /** Mutants that were judged. */
  count: number;
  seconds: number;
  accepted: Acceptance[];
  /** By kind, how many were refused by which custom error. */
  refusals: Record<string, Record<string, number>>;
  /** How many were refused without a custom error. */
  untyped: number;
  /** The most gas that the refusal of one took, without its calldata, by kind. */
  maxGas: Record<string, number>;
  subjects: { name: string; kind: Kind; count: number }[];
}

const BATCH = 16;
const PANIC = "0x4e487b71";

/**
 * Shows mutants to the verifiers, the same ones for the same seed, count and subjects. In every batch the original comes
 * last and is accepted, so the others were refused for what was changed.
 *
 * @throws Error when a verifier refuses an original
 */
export async function runCampaign(
  subjects: readonly Subject[],
  { seed, count, nameOf }: { seed: number; count: number; nameOf: (selector: Hex) => string },
  tell: (line: string) => void,
): Promise<CampaignResult> {
  const startedAt = performance.now();
  const result: CampaignResult = {
    ...{ seed, count: 0, seconds: 0, accepted: [], refusals: {}, untyped: 0, maxGas: {} },
    subjects: subjects.map(({ name, kind }) => ({ name, kind, count: 0 })),
  };
  for (let round = 0; result.count < count; round++) {
    const index = round % subjects.length;
    const subject = subjects[index];
    if (!subject) throw new Error("there is nothing to mutate");
    const batch = Math.min(BATCH, count - result.count);
    const turns = Array.from({ length: batch }, (_, offset) => result.count + offset);
    await judgeBatch(subject, turns, { seed, nameOf }, result);
    result.count += batch;
    const counted = result.subjects[index];
    if (counted) counted.count += batch;
    if (round % 100 === 99) tell(`${result.count} mutants, ${result.accepted.length} accepted`);
  }
  result.seconds = Math.round((performance.now() - startedAt) / 1000);
  return result;
}

async function judgeBatch(
  subject: Subject,
  turns: readonly number[],
  { seed, nameOf }: { seed: number; nameOf: (selector: Hex) => string },
  result: CampaignResult,
): Promise<void> {
  const mutants = turns.map((turn) => mutantOf(subject, randomOf(seed, turn)));
  const original = subject.parts.map(({ bytes }) => bytes);
  const calls = [...mutants, original].map((parts) => subject.callOf(parts));
  const outcomes = await subject.chain.outcomesOf(subject.target, calls, subject.ending);
  const last = outcomes.pop();
  if (last?.refusal !== ACCEPTED) {
    throw new Error(`${subject.name} itself is refused: ${last ? nameOf(last.refusal) : "no answer"}`);
  }

  result.refusals[subject.kind] ??= {};
  const refusals = result.refusals[subject.kind] ?? {};
  for (const [index, { refusal, gas }] of outcomes.entries()) {
    if (refusal === ACCEPTED) {
      const parts = (mutants[index] ?? []).map(bytesToHex);
      result.accepted.push({ subject: subject.name, seed, turn: turns[index] ?? 0, parts });
      continue;
    }
    if (refusal === NO_REASON || refusal === PANIC) result.untyped++;
    const name = nameOf(refusal);
    refusals[name] = (refusals[name] ?? 0) + 1;
    result.maxGas[subject.kind] = Math.max(result.maxGas[subject.kind] ?? 0, gas);
  }
}
