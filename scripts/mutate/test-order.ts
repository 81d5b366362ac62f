// SPDX-License-Identifier: MIT
import { glob, readFile } from "node:fs/promises";
import { basename } from "node:path";

// It looks at the bytecode itself, which a mutant's compilation makes different in ways that mean nothing.
const LEFT_OUT = "test/contracts/deployment.test.ts";

/** The text of every contract test by its path. */
export async function readTests(root: URL): Promise<Map<string, string>> {
  const tests = new Map<string, string>();
  for await (const file of glob("test/contracts/**/*.test.ts", { cwd: root })) {
    if (file !== LEFT_OUT) tests.set(file, await readFile(new URL(file, root), "utf8"));
  }
  return tests;
}

/** Tests in the order in which they are likely to notice a change of this contract. */
export function orderTests(tests: ReadonlyMap<string, string>, contractFile: string): string[] {
  const stem = basename(contractFile, ".sol").toLowerCase();
  const score = ([file, text]: [string, string]) =>
    (basename(file).toLowerCase().includes(stem) ? 1000 : 0) + text.toLowerCase().split(stem).length;
  return [...tests].sort((a, b) => score(b) - score(a) || a[0].localeCompare(b[0])).map(([file]) => file);
}
