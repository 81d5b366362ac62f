// SPDX-License-Identifier: GPL-3.0-or-later

import { loadConfig } from "../../config/load.ts";
import { describeError } from "../../errors.ts";
import type { ConfigFlags } from "../config/show.ts";
import { timeRpc } from "./endpoints.ts";
import { timeSignatures, timeTree } from "./processor.ts";
import { timeProofs } from "./proofs.ts";
import { timeStore } from "./store.ts";

/** How much is measured; the defaults take some seconds, and a minute more where models can be proven. */
export interface BenchOptions {
  json?: true;
  /** Leaves out what takes longest. */
  proofs?: boolean;
}

/** Each part's figures, or why there are none. */
export type BenchFigures = Record<string, Record<string, unknown>>;

/**
 * `meantime bench`: what this machine, its disk or database, and its endpoints can do. Reads the configuration, opens neither
 * the ledger nor any key, and leaves nothing behind.
 *
 * @returns whether everything could be measured
 */
export async function bench(flags: ConfigFlags & BenchOptions): Promise<boolean> {
  const config = loadConfig(flags.config, { flags: flags.set ?? [] });
  const parts: Record<string, () => Promise<Record<string, unknown>>> = {
    signatures: async () => timeSignatures(),
    tree: timeTree,
    store: () => timeStore(config.ledger),
    rpc: () => timeRpc(config.chain),
    ...(flags.proofs === false ? {} : { proofs: () => timeProofs(config) }),
  };
  const figures: BenchFigures = {};
  let isWhole = true;
  for (const [name, measure] of Object.entries(parts)) {
    try {
      figures[name] = await measure();
    } catch (error) {
      const { code, message } = describeError(error);
      figures[name] = { error: { code, message } };
      isWhole = false;
    }
  }
  process.stdout.write(flags.json ? `${JSON.stringify(figures)}\n` : asText(figures));
  return isWhole;
}

function asText(figures: BenchFigures): string {
  return Object.entries(figures)
    .flatMap(([part, values]) =>
      Object.entries(values).map(([name, value]) => `${`${part}.${name}`.padEnd(36)} ${shown(value)}\n`),
    )
    .join("");
}

function shown(value: unknown): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
