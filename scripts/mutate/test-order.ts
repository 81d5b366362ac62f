// SPDX-License-Identifier: MIT
import { glob, readFile } from "node:fs/promises";
import { basename } from "node:path";

// It looks at the bytecode itself, which a mutant's compilation makes different in ways that mean nothing.
const LOOKS_AT_BYTECODE = "test/contracts/deployment.test.ts";

// Of the verifiers of enclaves' documents alone, which no mutant is made of (`isCore`). They are slow.
const OTHERS =
  /\/(der|x509|sha384|p384[^/]*|nitro-[^/]*|dcap-[^/]*|enclave-fuzz|enclave-gas-attacks)\.test\.ts$/;

// Long walks through everything: what they notice, a short test mostly notices before.
const SLOW = ["bonds", "deadlines", "histories", "lifecycle", "quorum-stakes", "reentrancy", "trees"];

/** The text of every test of the core contracts by its path. */
export async function readTests(root: URL): Promise<Map<string, string>> {
  const tests = new Map<string, string>();
  for await (const file of glob("test/contracts/**/*.test.ts", { cwd: root })) {
    if (file !== LOOKS_AT_BYTECODE && !OTHERS.test(file))
      tests.set(file, await readFile(new URL(file, root), "utf8"));
  }
  return tests;
}

/** Tests in the order in which they are likely to notice a change of this contract. */
export function orderTests(tests: ReadonlyMap<string, string>, contractFile: string): string[] {
  const stem = basename(contractFile, ".sol").toLowerCase();
  const score = ([file, text]: [string, string]) => {
    const name = basename(file, ".test.ts").toLowerCase();
    if (name.includes(stem)) return 1000;
    return text.toLowerCase().split(stem).length - (SLOW.includes(name) ? 1000 : 0);
  };
  return [...tests].sort((a, b) => score(b) - score(a) || a[0].localeCompare(b[0])).map(([file]) => file);
}
