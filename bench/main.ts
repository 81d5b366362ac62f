// SPDX-License-Identifier: MIT
// npm run bench -- SUITE [--json] [--check]: runs one suite. With --json the last line of standard output is one JSON
// object. With --check, which `enclave`, `gateway`, `index`, `prove` and `settle` have, figures outside
// bench/SUITE-bounds.json are named, and it fails. The options of settle and gateway are in settle-options.ts and
// gateway-options.ts.
import { readFileSync } from "node:fs";
import hre from "hardhat";
import { gatewayOptions } from "./gateway-options.ts";
import { settleOptions } from "./settle-options.ts";

const SUITES: Record<string, (options: string[]) => Promise<Record<string, unknown>>> = {
  blobs: async () => (await import("./blobs.ts")).benchBlobs(),
  enclave: async () => (await import("./enclave.ts")).benchEnclave(),
  gateway: async (options) => (await import("./gateway.ts")).benchGateway(gatewayOptions(options) ?? usage()),
  gas: async () => (await import("./gas.ts")).benchGas(),
  index: async () => {
    const [{ benchIndex }, { auditRate }] = await Promise.all([
      import("./indexing.ts"),
      import("./auditing.ts"),
    ]);
    return benchIndex(() => auditRate());
  },
  ledger: async () => (await import("./ledger.ts")).benchLedger(),
  prove: async () => (await import("./prove-suite.ts")).benchProveSuite(),
  settle: async (options) => {
    const { benchSettle } = await import("./settle.ts");
    return benchSettle(settleOptions(options) ?? usage());
  },
};

const [suite = "", ...all] = process.argv.slice(2);
const run = SUITES[suite];
const isFlag = (flag: string) => flag === "--json" || flag === "--check";
const [flags, options] = [all.filter(isFlag), all.filter((flag) => !isFlag(flag))];
const parsers: Record<string, (options: string[]) => object | undefined> = {
  gateway: gatewayOptions,
  settle: settleOptions,
};
const parse = parsers[suite];
const areUnderstood = parse ? parse(options) !== undefined : options.length === 0;
if (!run || !areUnderstood || (flags.includes("--check") && !isGated())) usage();

await hre.tasks.getTask("build").run({ quiet: true });
const figures = await run(options);
if (flags.includes("--json")) process.stdout.write(`${JSON.stringify(figures)}\n`);
else for (const [key, value] of flatten(figures)) process.stdout.write(`${key.padEnd(36)} ${value}\n`);
const problems = flags.includes("--check") ? await problemsOf(suite, figures) : [];
for (const problem of problems) process.stderr.write(`${problem}\n`);
// snarkjs leaves its worker threads running.
process.exit(problems.length > 0 ? 1 : 0);

async function problemsOf(gated: string, measured: Record<string, unknown>): Promise<string[]> {
  const bounds = JSON.parse(readFileSync(new URL(`${gated}-bounds.json`, import.meta.url), "utf8"));
  if (gated === "enclave") {
    const { boundProblems } = await import("./gas-gate.ts");
    return boundProblems(measured as Record<string, number>, bounds);
  }
  const { proveProblems } = await import("./prove-gate.ts");
  return proveProblems(measured, bounds);
}

function isGated(): boolean {
  return ["enclave", "gateway", "index", "prove", "settle"].includes(suite);
}

function usage(): never {
  process.stderr.write(
    `usage: npm run bench -- ${Object.keys(SUITES).join("|")} [--json] (enclave, gateway, index, prove, settle: [--check]) ` +
      "(settle: [--claims N,...] [--full] [--chain hardhat|anvil]) " +
      "(gateway: [--seconds N] [--connections N] [--rounds N])\n",
  );
  process.exit(2);
}

function flatten(figures: Record<string, unknown>, prefix = ""): [string, unknown][] {
  return Object.entries(figures).flatMap(([key, value]) =>
    typeof value === "object" && value !== null
      ? flatten(value as Record<string, unknown>, `${prefix}${key}.`)
      : [[`${prefix}${key}`, value] as [string, unknown]],
  );
}
