// SPDX-License-Identifier: GPL-3.0-or-later

import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Address, Hex } from "@meantime/sdk/hex";
import type { z } from "zod";
import { RelayerError } from "../errors.ts";
import { type ConfigFile, configSchema, type SecretSource } from "./schema.ts";

/** The only chain on which keys may stand in the file: Hardhat's and Anvil's development chain. */
export const DEVELOPMENT_CHAIN_ID = 31_337;

/** A configuration that is ready to use: paths absolute, keys resolved, hex in lower case. */
export interface RelayerConfig {
  chain: Omit<ConfigFile["chain"], "settlement" | "enclaveEvidence"> & {
    settlement: Address;
    enclaveEvidence?: Address | undefined;
  };
  operator: { address: Address; senderKey: Hex; receiptKey: Hex; enclaveKey?: Hex | undefined };
  gateway: ConfigFile["gateway"];
  ledger: { file: string };
  models: ModelConfig[];
  policies: PolicyConfig[];
  commit: ConfigFile["commit"];
  prover: ProverConfig;
  watch: { mode: ConfigFile["watch"]["mode"]; challengerKey?: Hex | undefined; maxOpenChallenges: number };
  log: ConfigFile["log"];
}

/** One model of the configuration. Paths are absolute. */
export interface ModelConfig {
  spec: string;
  verificationKey?: string | undefined;
  wasm?: string | undefined;
  zkey?: string | undefined;
  measurement?: Hex | undefined;
  version?: number | undefined;
}

/** How proofs are computed. The external prover's path is absolute. */
export type ProverConfig = Omit<ConfigFile["prover"], "rapidsnark"> & {
  rapidsnark?: { path: string; sha256?: string | undefined };
};

/** One policy of the configuration. */
export interface PolicyConfig {
  name: string;
  id: Hex;
  prove: ConfigFile["policies"][number]["prove"];
}

/**
 * Reads and checks a configuration file.
 *
 * @throws RelayerError `MT-CFG-001` unreadable, `MT-CFG-002` not JSON, and those of {@link parseConfig}.
 */
export function loadConfig(file: string, environment: NodeJS.ProcessEnv = process.env): RelayerConfig {
  const path = resolve(file);
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw new RelayerError(
        "MT-CFG-002",
        `${file} is not JSON: ${error.message}`,
        "Fix the syntax at that place.",
      );
    }
    throw new RelayerError(
      "MT-CFG-001",
      `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      "Give the path of a readable configuration file with --config.",
    );
  }
  return parseConfig(json, dirname(path), environment);
}

/**
 * Checks a configuration and resolves its paths (against `baseFolder`) and keys (from `environment`).
 *
 * @throws RelayerError `MT-CFG-003` a key is missing, unknown or of the wrong form; `MT-CFG-004` a private key in the file
 * off the development chain; `MT-CFG-005` an environment variable without a private key; `MT-CFG-006` keys that
 * contradict each other. `details.path` is the path of the bad key.
 */
export function parseConfig(
  json: unknown,
  baseFolder: string,
  environment: NodeJS.ProcessEnv = process.env,
): RelayerConfig {
  const parsed = configSchema.safeParse(json);
  if (!parsed.success) throw schemaError(parsed.error);
  const file = parsed.data;
  const path = (relative: string) => resolve(baseFolder, relative);
  const { rapidsnark, ...limits } = file.prover;
  const key = (source: SecretSource, at: string) => resolveKey(source, at, file.chain.chainId, environment);
  const config: RelayerConfig = {
    chain: {
      ...file.chain,
      settlement: lower(file.chain.settlement),
      enclaveEvidence: optional(file.chain.enclaveEvidence, lower),
    },
    operator: {
      address: lower(file.operator.address),
      senderKey: key(file.operator.senderKey, "operator.senderKey"),
      receiptKey: key(file.operator.receiptKey, "operator.receiptKey"),
      enclaveKey: optional(file.operator.enclaveKey, (source) => key(source, "operator.enclaveKey")),
    },
    gateway: file.gateway,
    ledger: { file: file.ledger.file === ":memory:" ? ":memory:" : path(file.ledger.file) },
    models: file.models.map((model) => ({
      spec: path(model.spec),
      verificationKey: optional(model.verificationKey, path),
      wasm: optional(model.wasm, path),
      zkey: optional(model.zkey, path),
      measurement: optional(model.measurement, lower),
      version: model.version,
    })),
    policies: file.policies.map((policy) => ({ ...policy, id: lower(policy.id) })),
    commit: file.commit,
    prover: {
      ...limits,
      ...(rapidsnark ? { rapidsnark: { ...rapidsnark, path: path(rapidsnark.path) } } : {}),
    },
    watch: {
      mode: file.watch.mode,
      maxOpenChallenges: file.watch.maxOpenChallenges,
      challengerKey: optional(file.watch.challengerKey, (source) => key(source, "watch.challengerKey")),
    },
    log: file.log,
  };
  refuseContradictions(config);
  return config;
}

function refuseContradictions(config: RelayerConfig): void {
  const contradict = (path: string, message: string, hint: string): never => {
    throw new RelayerError("MT-CFG-006", `${path}: ${message}`, hint, { path });
  };
  if (config.ledger.file === ":memory:") {
    contradict("ledger.file", "a ledger in memory loses receipts", "Name a file on a durable disk.");
  }
  if (config.watch.mode === "auto" && !config.watch.challengerKey) {
    contradict(
      "watch.challengerKey",
      "mode auto challenges, which needs a key",
      "Add the key or set mode to manual.",
    );
  }
  if (config.watch.challengerKey === config.operator.senderKey) {
    contradict(
      "watch.challengerKey",
      "is the sender's key",
      "Use a key of its own: two senders may not share nonces.",
    );
  }
  if (config.commit.maxAgeSeconds >= config.commit.commitHorizonSeconds) {
    contradict(
      "commit.maxAgeSeconds",
      "is not under commitHorizonSeconds",
      "Leave time to commit before commitBy.",
    );
  }
  for (const [index, model] of config.models.entries()) {
    const proving = [model.verificationKey, model.wasm, model.zkey];
    if (proving.some(Boolean) && !model.verificationKey) {
      contradict(
        `models.${index}.verificationKey`,
        "is missing",
        "wasm and zkey need the verification key they fit.",
      );
    }
    if (Boolean(model.wasm) !== Boolean(model.zkey)) {
      contradict(`models.${index}`, "names only one of wasm and zkey", "Name both to prove, or neither.");
    }
  }
  for (const key of ["name", "id"] as const) {
    const values = config.policies.map((policy) => policy[key]);
    const twice = values.findIndex((value, index) => values.indexOf(value) !== index);
    if (twice >= 0) contradict(`policies.${twice}.${key}`, "occurs twice", "Give each policy once.");
  }
}

function resolveKey(
  source: SecretSource,
  path: string,
  chainId: number,
  environment: NodeJS.ProcessEnv,
): Hex {
  if (typeof source === "string") {
    if (chainId !== DEVELOPMENT_CHAIN_ID) {
      throw new RelayerError(
        "MT-CFG-004",
        `${path}: a private key in the file is allowed on chain ${DEVELOPMENT_CHAIN_ID} only, not on ${chainId}`,
        'Put the key into an environment variable and write { "env": "NAME" } here.',
        { path },
      );
    }
    return lower(source);
  }
  const value = environment[source.env];
  if (value === undefined || !/^0x[0-9a-fA-F]{64}$/.test(value)) {
    throw new RelayerError(
      "MT-CFG-005",
      `${path}: the environment variable ${source.env} ${value === undefined ? "is not set" : "holds no private key"}`,
      `Set ${source.env} to 0x followed by 64 hex digits.`,
      { path },
    );
  }
  return lower(value);
}

function schemaError(error: z.ZodError): RelayerError {
  const issue = error.issues[0];
  const at = (issue?.path ?? []).map(String);
  if (issue?.code === "unrecognized_keys") at.push(issue.keys[0] ?? "");
  const path = at.join(".") || "(the whole file)";
  const known =
    issue?.code === "unrecognized_keys" ? "there is no such key" : (issue?.message ?? "is not valid");
  return new RelayerError(
    "MT-CFG-003",
    `${path}: ${known}`,
    "`meantime config schema` prints every key; relayer/README.md explains them.",
    { path, problems: error.issues.length },
  );
}

function optional<Value, Result>(
  value: Value | undefined,
  map: (value: Value) => Result,
): Result | undefined {
  return value === undefined ? undefined : map(value);
}

function lower(value: string): Hex {
  return value.toLowerCase() as Hex;
}
