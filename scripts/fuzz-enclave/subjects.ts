// SPDX-License-Identifier: MIT
import { collateralSubjects, quoteSubjects } from "./intel-subjects.ts";
import { nitroSubjects } from "./nitro-subjects.ts";
import type { Kind, Subject } from "./subject.ts";

/** All documents of these kinds, each on a chain of its own; genuine ones from the folders, where there are any. */
export async function subjectsOf(
  kinds: readonly Kind[],
  folders: { nitro: string | undefined; dcap: string | undefined },
): Promise<Subject[]> {
  const made: Subject[] = [];
  if (kinds.includes("nitro")) made.push(...(await nitroSubjects(folders.nitro)));
  if (kinds.includes("tdx") || kinds.includes("sgx")) made.push(...(await quoteSubjects(folders.dcap)));
  if (kinds.includes("collateral")) made.push(...(await collateralSubjects(folders.dcap)));
  return made.filter(({ kind }) => kinds.includes(kind));
}
