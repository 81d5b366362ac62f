// SPDX-License-Identifier: MIT

/** Kinds of evidence in words, by the index' names for them. */
const KIND_WORDS: Record<string, string> = {
  zk: "zero-knowledge proof",
  tee: "enclave",
  quorum: "re-execution",
};

/** Kinds of evidence, for people. */
export function kindsInWords(kinds: readonly string[]): string {
  const words = kinds.map((kind) => (Object.hasOwn(KIND_WORDS, kind) ? KIND_WORDS[kind] : kind));
  return words.length === 0 ? "none" : words.join(", ");
}
