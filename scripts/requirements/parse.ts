// SPDX-License-Identifier: MIT

export interface NamedTest {
  file: string;
  name: string;
  ids: string[];
}

/** An id that a document gives a meaning to. */
export interface Definition {
  id: string;
  meaning: string;
}

const TYPESCRIPT_TEST =
  /^[^\S\n]*(?:await\s+)?(?:describe|it|test|suite)\s*\(\s*(["'`])((?:\\.|(?!\1)[^\\])*)\1/gm;
const SOLIDITY_TEST = /((?:^[^\S\n]*\/\/\/.*\n)*)^[^\S\n]*function\s+((?:test|invariant)\w*)/gm;

/** The tests of a TypeScript file whose names cite requirements, skipped ones left out. */
export function typescriptTests(file: string, text: string): NamedTest[] {
  return [...text.matchAll(TYPESCRIPT_TEST)].flatMap(([, , name = ""]) => citing(file, name, name));
}

/** The same of a Solidity file, where a function's NatSpec cites what its name has no characters for. */
export function solidityTests(file: string, text: string): NamedTest[] {
  return [...text.matchAll(SOLIDITY_TEST)].flatMap(([, comment = "", name = ""]) =>
    citing(file, name, comment),
  );
}

/** Invariants and assumptions as the specification writes them: `**I-01** what holds`. */
export function definitionsIn(specification: string): Definition[] {
  return [...specification.matchAll(/\*\*([IA]-\d{2})\*\*([^\n]*)/g)].map(([, id = "", rest = ""]) => ({
    id,
    meaning: rest.replace(/^[\s|:.]+|[\s|]+$/g, ""),
  }));
}

function citing(file: string, name: string, text: string): NamedTest[] {
  const ids = [...new Set([...text.matchAll(/\b[RIA]-\d{2}\b/g)].map(([id]) => id))];
  return ids.length > 0 ? [{ file, name, ids }] : [];
}
