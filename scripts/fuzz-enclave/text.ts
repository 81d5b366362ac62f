// SPDX-License-Identifier: MIT
import type { Random } from "./random.ts";

const EDGE_NUMBERS = [
  "0",
  "00",
  "-1",
  "1e3",
  "1.0",
  "255",
  "256",
  "65535",
  "65536",
  "18446744073709551616",
  "null",
];
const STATUSES = ["UpToDate", "SWHardeningNeeded", "OutOfDate", "Revoked", "uptodate", ""];

/** Changes the words of a JSON text: numbers, strings and signs are doubled, dropped, exchanged and made extreme. */
export function mutateJson(json: Uint8Array, random: Random, donor: Uint8Array): Uint8Array {
  const words = wordsOf(json);
  const at = random.below(words.length);
  const word = words[at] ?? "";
  const change = random.below(6);
  if (change === 0) words.splice(at, 0, word);
  else if (change === 1) words.splice(at, 1);
  else if (change === 2) exchange(words, at, random.below(words.length));
  else if (change === 3) words[at] = random.pick(wordsOf(donor));
  else if (change === 4) words.splice(at, 0, random.pick([" ", "\n", "\u0000", "\\", ","]));
  else words[at] = extremeOf(word, random);
  return new TextEncoder().encode(words.join(""));
}

function wordsOf(json: Uint8Array): string[] {
  return new TextDecoder().decode(json).match(/"[^"]*"|\d+|[^"\d]/g) ?? [""];
}

function extremeOf(word: string, random: Random): string {
  if (/^\d/.test(word)) return random.pick(EDGE_NUMBERS);
  if (/^"\d{4}-/.test(word))
    return random.pick(['"2999-12-31T23:59:59Z"', '"2025-02-30T00:00:00Z"', '"soon"']);
  if (/^"[A-Z][a-zA-Z]+"$/.test(word)) return `"${random.pick(STATUSES)}"`;
  return word.startsWith('"') ? word.toUpperCase() : random.pick(["{", "}", "[", "]", ":", ","]);
}

function exchange(words: string[], one: number, other: number): void {
  const [a, b] = [words[one] ?? "", words[other] ?? ""];
  words[one] = b;
  words[other] = a;
}
