// SPDX-License-Identifier: GPL-3.0-or-later

import { dirname, resolve } from "node:path";
import { z } from "zod";
import { RelayerError } from "../errors.ts";
import { DEVELOPMENT_CHAIN_ID } from "./development-chain.ts";
import { layerConfig } from "./layers.ts";
import {
  type LoadOptions,
  leaseMilliseconds,
  loadConfig,
  optional,
  type RelayerConfig,
  readConfigFile,
  resolveBlobPlaces,
  resolveChain,
  resolveKey,
  resolveLedger,
  resolveModel,
  resolveProver,
  schemaError,
} from "./load.ts";
import { configJsonSchema } from "./paths.ts";
import { configSchema, key, watchLimits } from "./schema.ts";
import { resolveWithdraw } from "./withdraw.ts";

/** A watchtower alone: no operator, no gateway, no policies of its own. */
export type WatchtowerConfig = Pick<
  RelayerConfig,
  "chain" | "ledger" | "leaseMilliseconds" | "models" | "fees" | "withdraw" | "prover" | "watch" | "log"
>;

/** The shape of a watchtower's configuration file. `meantime watch schema` prints it as JSON Schema. */
export const watchtowerSchema = z.strictObject({
  chain: configSchema.shape.chain,
  ledger: configSchema.shape.ledger,
  models: configSchema.shape.models.describe("what is computed anew; other models' claims are not"),
  fees: configSchema.shape.fees,
  withdraw: configSchema.shape.withdraw,
  prover: configSchema.shape.prover,
  watch: z.prefault(
    z.strictObject({
      mode: z
        .enum(["auto", "oversight", "manual"])
        .default("manual")
        .describe("auto acts, oversight proposes to a human, manual only logs"),
      challengerKey: key().optional().describe("pays gas and challenge bonds; without one it only logs"),
      maxOpenChallenges: z.int().min(0).default(4),
      ...watchLimits(),
      disprove: z
        .boolean()
        .default(true)
        .describe("prove the true output of a lie of a model with wasm and zkey, which needs no bond"),
    }),
    {},
  ),
  log: configSchema.shape.log,
});

/**
 * Reads and checks the configuration of a watchtower: the file, over it the environment, over that the flags.
 *
 * @throws RelayerError those of `loadConfig`
 */
export function loadWatchtowerConfig(
  file: string,
  { environment = process.env, flags = [], onOrigins }: LoadOptions = {},
): WatchtowerConfig {
  const absolute = resolve(file);
  const overrides = { environment, flags };
  const schema = configJsonSchema(watchtowerSchema);
  const { json, origins } = layerConfig(readConfigFile(absolute, file), overrides, schema);
  const config = parseWatchtowerConfig(json, dirname(absolute), environment);
  onOrigins?.(origins);
  return config;
}

/** The same, of JSON whose paths are relative to `baseFolder`. */
export function parseWatchtowerConfig(
  json: unknown,
  baseFolder: string,
  environment: NodeJS.ProcessEnv = process.env,
): WatchtowerConfig {
  const parsed = watchtowerSchema.safeParse(json);
  if (!parsed.success) throw schemaError(parsed.error);
  const file = parsed.data;
  const { chainId } = file.chain;
  const path = (relative: string) => resolve(baseFolder, relative);
  const { mode, challengerKey, maxOpenChallenges, maxBondsWei, disprove } = file.watch;
  if (mode !== "manual" && !challengerKey) {
    throw new RelayerError(
      "MT-CFG-006",
      `watch.challengerKey: mode ${mode} sends transactions, which needs a key`,
      "Add the key or set mode to manual.",
      { path: "watch.challengerKey" },
    );
  }
  return {
    chain: resolveChain(file.chain),
    ledger: resolveLedger(file.ledger, path, environment),
    leaseMilliseconds: leaseMilliseconds(file.ledger),
    models: file.models.map((model, at) => resolveModel(model, `models.${at}`, path, environment)),
    fees: file.fees,
    withdraw: optional(file.withdraw, resolveWithdraw),
    prover: resolveProver(file.prover, path),
    watch: {
      ...{ mode, maxOpenChallenges, disprove, maxBondsWei: optional(maxBondsWei, BigInt) },
      challengerKey: optional(challengerKey, (entry) =>
        resolveKey(entry, "watch.challengerKey", { chainId, environment, path }),
      ),
      allowPrivateAddresses: file.watch.allowPrivateAddresses || chainId === DEVELOPMENT_CHAIN_ID,
      receiptsFolder: optional(file.watch.receiptsFolder, path),
      blobs: resolveBlobPlaces(file.watch.blobs, path),
    },
    log: file.log,
  };
}

/** What the commands beside a running watchtower need, of its own file or of a relayer's that watches. */
export function loadWatchedPlaces(
  file: string,
  flags: readonly string[] = [],
): Pick<WatchtowerConfig, "chain" | "ledger" | "watch"> {
  const json = readConfigFile(resolve(file), file);
  const isRelayer = typeof json === "object" && json !== null && "operator" in json;
  return isRelayer ? loadConfig(file, { flags }) : loadWatchtowerConfig(file, { flags });
}
