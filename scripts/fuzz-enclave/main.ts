// SPDX-License-Identifier: MIT
// npm run fuzz:enclave -- [--count N] [--seed S] [--kind nitro|tdx|sgx|collateral|all] [--json] [--write]: shows the
// enclave verifiers mutated documents and fails if they accept one. With --write, docs/ENCLAVE-FUZZ.md tells.
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import hre from "hardhat";
import { vectorFolder } from "../../test/enclave/vectors.ts";
import { runCampaign } from "./campaign.ts";
import { refusalNames } from "./errors.ts";
import { fuzzPage } from "./page.ts";
import { KINDS, type Kind } from "./subject.ts";
import { subjectsOf } from "./subjects.ts";

const SOURCES = [
  ...["crypto/P384", "crypto/Sha384", "nitro/NitroVerifier", "intel/IntelCollateral"],
  ...["intel/IntelQuoteVerifier", "../mocks/CallProbe"],
].map((path) => fileURLToPath(new URL(`../../contracts/enclave/${path}.sol`, import.meta.url)));
const PAGE = new URL("../../docs/ENCLAVE-FUZZ.md", import.meta.url);

const { values: options } = parseArgs({
  options: {
    count: { type: "string", default: "2000" },
    seed: { type: "string", default: "1" },
    kind: { type: "string", default: "all" },
    json: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
  },
});
const [count, seed] = [Number(options.count), Number(options.seed)];
const kinds = KINDS.filter((kind) => options.kind === "all" || options.kind === kind);
if (!Number.isSafeInteger(count) || count < 1 || !Number.isSafeInteger(seed) || kinds.length === 0) {
  process.stderr.write(
    `usage: npm run fuzz:enclave -- [--count N] [--seed S] [--kind ${KINDS.join("|")}|all] [--json] [--write]\n`,
  );
  process.exit(2);
}

await hre.tasks.getTask("build").run({ quiet: true, files: SOURCES });
const tell = (line: string): void => void process.stderr.write(`${line}\n`);
const subjects = await subjectsOf(kinds as Kind[], {
  nitro: vectorFolder("nitro"),
  dcap: vectorFolder("dcap"),
});
tell(`${subjects.length} documents are mutated`);
const result = await runCampaign(subjects, { seed, count, nameOf: await refusalNames() }, tell);
await Promise.all(subjects.map(({ chain }) => chain.close()));

for (const { subject, turn, parts } of result.accepted) {
  tell(`ACCEPTED: seed ${seed}, mutant ${turn} of ${subject}:\n  ${parts.join("\n  ")}`);
}
if (options.write) await writeFile(PAGE, fuzzPage(result, commandOf()));
process.stdout.write(options.json ? `${JSON.stringify(result)}\n` : fuzzPage(result, commandOf()));
process.exitCode = result.accepted.length > 0 ? 1 : 0;

function commandOf(): string {
  const kind = options.kind === "all" ? "" : ` --kind ${options.kind}`;
  return `npm run fuzz:enclave -- --count ${count} --seed ${seed}${kind} --write`;
}
