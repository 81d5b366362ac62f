// SPDX-License-Identifier: MIT
import { BLIND } from "./blind.ts";
import type { Random } from "./random.ts";
import { mutateStructure } from "./structured.ts";
import type { Part, Subject } from "./subject.ts";
import { mutateJson } from "./text.ts";

const BLIND_SHARE = 0.4;
const SECOND_CHANGE_SHARE = 0.15;
const ATTEMPTS = 50;

/** One mutant of a subject's parts: changed in one place or two, and not equal to the original in what is signed. */
export function mutantOf(subject: Subject, random: Random): Uint8Array[] {
  const originals = subject.parts.map(({ bytes }) => bytes);
  const originalCall = subject.callOf(originals);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const mutant = [...originals];
    do {
      const place = weighted(subject.parts, random);
      const part = subject.parts[place];
      const bytes = mutant[place];
      if (part && bytes) mutant[place] = mutatedPart({ ...part, bytes }, random);
    } while (random.chance(SECOND_CHANGE_SHARE));
    if (subject.callOf(mutant) !== originalCall && !subject.isSame(mutant)) return mutant;
  }
  throw new Error(`no mutation changes ${subject.name}`);
}

function mutatedPart({ bytes, format, fields, donors }: Part, random: Random): Uint8Array {
  if (bytes.length === 0) return random.bytes(1);
  const donor = donors.length > 0 ? random.pick(donors) : bytes;
  if (!random.chance(BLIND_SHARE)) {
    if (format === "json") return mutateJson(bytes, random, donor);
    if (format === "raw" && fields && fields.length > 1) return mutateField(bytes, fields, random, donor);
    if (format !== "raw") {
      const mutated = mutateStructure(format, bytes, random, donor);
      if (mutated) return mutated;
    }
  }
  return random.pick(Object.values(BLIND))(bytes, random, donor);
}

// A field becomes the donor's, another field's of the same document, or one end of what it can hold.
function mutateField(
  bytes: Uint8Array,
  fields: readonly number[],
  random: Random,
  donor: Uint8Array,
): Uint8Array {
  const index = random.below(fields.length);
  // A change before this one may have cut the part short.
  const end = Math.min(fields[index + 1] ?? bytes.length, bytes.length);
  const start = Math.min(fields[index] ?? 0, end - 1);
  const copy = bytes.slice();
  const change = random.below(4);
  const other = random.pick(fields);
  const write = (content: Uint8Array) => copy.set(content.subarray(0, end - start), start);
  if (change === 0) write(donor.subarray(start));
  else if (change === 1) write(bytes.subarray(other));
  else if (change === 2) copy.fill(random.pick([0, 0xff, 0x80, 1]), start, end);
  else copy[start + random.below(end - start)] = random.below(256);
  return copy;
}

function weighted(parts: readonly Part[], random: Random): number {
  let left = random.below(parts.reduce((sum, { weight }) => sum + weight, 0));
  return parts.findIndex(({ weight }) => {
    left -= weight;
    return left < 0;
  });
}
