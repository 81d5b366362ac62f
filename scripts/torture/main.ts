// SPDX-License-Identifier: MIT
// npm run torture -- --kills N --seed S [--store sqlite|postgres] [--chain anvil|hardhat] [--json]: the real daemon under load,
// killed again and again, behind nodes that fail and a chain that reorganises. Exits 0 only if nothing was lost.
import { parseArgs } from "node:util";
import { CHAIN_KINDS } from "../stack/local.ts";
import { isClean, STORES, type TortureOptions, torture } from "./torture.ts";

const EXIT_USAGE = 2;
const USAGE =
  "usage: npm run torture -- --kills N --seed S [--store sqlite|postgres] [--chain anvil|hardhat] [--json]\n";

const options = readOptions();
if (!options) {
  process.stderr.write(USAGE);
  process.exit(EXIT_USAGE);
}
const result = await torture(options, (line) => process.stderr.write(`${line}\n`));
process.stdout.write(`${JSON.stringify(result, null, options.json ? 0 : 2)}\n`);
// The chain's native threads would keep the process alive.
process.exit(isClean(result) ? 0 : 1);

function readOptions(): (TortureOptions & { json: boolean }) | undefined {
  try {
    const { values } = parseArgs({
      options: {
        kills: { type: "string", default: "10" },
        seed: { type: "string", default: "1" },
        store: { type: "string", default: "sqlite" },
        chain: { type: "string", default: "hardhat" },
        json: { type: "boolean", default: false },
      },
    });
    const kills = Number(values.kills);
    const seed = Number(values.seed);
    const chain = CHAIN_KINDS.find((kind) => kind === values.chain);
    const store = STORES.find((kind) => kind === values.store);
    if (!chain || !store) return undefined;
    if (!Number.isSafeInteger(kills) || kills < 0 || !Number.isSafeInteger(seed)) return undefined;
    return { kills, seed, chain, store, json: values.json };
  } catch {
    return undefined;
  }
}
