// SPDX-License-Identifier: GPL-3.0-or-later

import { dirname, resolve } from "node:path";
import { z } from "zod";
import { streamsPerAddressSchema, trustedProxiesSchema } from "./access.ts";
import { DEVELOPMENT_CHAIN_ID } from "./development-chain.ts";
import {
  leaseMilliseconds,
  type RelayerConfig,
  readConfigFile,
  resolveChain,
  resolveLedger,
  schemaError,
} from "./load.ts";
import { configSchema } from "./schema.ts";

/** An indexer alone: no operator, no keys, no policies of its own. */
export interface IndexerConfig extends Pick<RelayerConfig, "chain" | "ledger" | "leaseMilliseconds" | "log"> {
  gateway: Pick<
    RelayerConfig["gateway"],
    "host" | "port" | "metrics" | "streamsPerAddress" | "trustedProxies"
  >;
  index: { allowPrivateAddresses: boolean };
}

/** The shape of an indexer's configuration file. `meantime index schema` prints it as JSON Schema. */
export const indexerSchema = z.strictObject({
  chain: configSchema.shape.chain,
  ledger: configSchema.shape.ledger,
  gateway: z.prefault(
    z.strictObject({
      host: z.string().min(1).default("127.0.0.1"),
      port: z.int().min(0).max(65_535).default(8080).describe("0: any free port"),
      metrics: z.boolean().default(true).describe("serve /metrics beside the API"),
      streamsPerAddress: streamsPerAddressSchema,
      trustedProxies: trustedProxiesSchema,
    }),
    {},
  ),
  index: z.prefault(
    z.strictObject({
      allowPrivateAddresses: z
        .boolean()
        .default(false)
        .describe("fetch from private and loopback addresses too; always so on chain 31337"),
    }),
    {},
  ),
  log: configSchema.shape.log,
});

/** What lies over the file, as the command line gives it. */
export interface IndexerFlags {
  rpcUrls?: string[];
  chainId?: number;
  settlement?: string;
  inferenceRequests?: string;
  startBlock?: number;
  confirmations?: number;
  host?: string;
  port?: number;
  /** A SQLite file, or a PostgreSQL database's URL. */
  ledger?: string;
}

const DEFAULT_LEDGER = "index.sqlite";

/**
 * Reads and checks the configuration of an indexer: the flags, over a file where one is named.
 *
 * @param askChainId asked where neither names the chain
 * @throws RelayerError those of `loadConfig`
 */
export async function loadIndexerConfig(
  file: string | undefined,
  flags: IndexerFlags,
  askChainId: (urls: readonly string[]) => Promise<number>,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<IndexerConfig> {
  const path = file === undefined ? undefined : resolve(file);
  const json = path === undefined ? {} : asObject(readConfigFile(path, file ?? ""));
  const { rpcUrls, host, port, ledger, ...chainFlags } = flags;
  const chain = {
    ...withoutUrls(asObject(json.chain), rpcUrls !== undefined),
    ...(rpcUrls ? { rpcUrls } : {}),
    ...chainFlags,
  };
  const urls = urlsOf(chain);
  if (chain.chainId === undefined && urls.length > 0) chain.chainId = await askChainId(urls);
  const merged = {
    ...json,
    chain,
    gateway: {
      ...asObject(json.gateway),
      ...(host === undefined ? {} : { host }),
      ...(port === undefined ? {} : { port }),
    },
    ledger: ledgerOf(ledger, json.ledger, environment),
  };
  const parsed = indexerSchema.safeParse(merged);
  if (!parsed.success) throw schemaError(parsed.error);
  const { data } = parsed;
  const folder = path === undefined ? process.cwd() : dirname(path);
  return {
    chain: resolveChain(data.chain),
    ledger: resolveLedger(data.ledger, (relative) => resolve(folder, relative), environment),
    leaseMilliseconds: leaseMilliseconds(data.ledger),
    gateway: data.gateway,
    index: {
      allowPrivateAddresses: data.index.allowPrivateAddresses || data.chain.chainId === DEVELOPMENT_CHAIN_ID,
    },
    log: data.log,
  };
}

function ledgerOf(flag: string | undefined, inFile: unknown, environment: NodeJS.ProcessEnv): unknown {
  if (flag === undefined) return inFile ?? (environment.DATABASE_URL ? {} : { file: DEFAULT_LEDGER });
  return /^postgres(ql)?:/.test(flag) ? { url: flag } : { file: resolve(flag) };
}

function withoutUrls(chain: Record<string, unknown>, replaced: boolean): Record<string, unknown> {
  if (!replaced) return { ...chain };
  const { rpcUrl: _, rpcUrls: __, ...rest } = chain;
  return rest;
}

function urlsOf({ rpcUrl, rpcUrls }: Record<string, unknown>): string[] {
  const listed = Array.isArray(rpcUrls) ? rpcUrls : [];
  return [rpcUrl, ...listed].filter((url) => typeof url === "string");
}

function asObject(json: unknown): Record<string, unknown> {
  return typeof json === "object" && json !== null ? { ...json } : {};
}
