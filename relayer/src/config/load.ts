// SPDX-License-Identifier: GPL-3.0-or-later

import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Address, Hex } from "@meantime/sdk/hex";
import type { OpenAiModel } from "@meantime/sdk/openai/model";
import type { z } from "zod";
import type { BlobPlaces } from "../availability/blob-reader.ts";
import { RelayerError } from "../errors.ts";
import type { LedgerSource } from "../ledger/ledger.ts";
import type { KeySource, SenderKeys } from "../signers/open.ts";
import { type AuthConfig, resolveAuth } from "./access.ts";
import { DEVELOPMENT_CHAIN_ID } from "./development-chain.ts";
import { type EnclaveConfig, resolveEnclave } from "./enclave.ts";
import { layerConfig, type Origin, type Overrides } from "./layers.ts";
import { type ConfigFile, configSchema, type KeyEntry, type SecretSource } from "./schema.ts";
import { resolveWithdraw, type WithdrawConfig } from "./withdraw.ts";

/** A configuration that is ready to use: paths absolute, keys resolved, hex in lower case. */
export interface RelayerConfig {
  chain: Omit<
    ConfigFile["chain"],
    "settlement" | "enclaveEvidence" | "inferenceRequests" | "rpcUrl" | "rpcUrls"
  > & {
    /** At least one, none twice. */
    rpcUrls: string[];
    settlement: Address;
    enclaveEvidence?: Address | undefined;
    inferenceRequests?: Address | undefined;
  };
  operator: {
    address: Address;
    senderKey: KeySource;
    senderKeys: SenderKeys;
    receiptKey: KeySource;
    enclaveKey?: Hex | undefined;
  };
  gateway: Omit<ConfigFile["gateway"], "auth"> & { auth: AuthConfig; requester?: Address | undefined };
  ledger: LedgerSource;
  /** How long this worker's leases last without being renewed. */
  leaseMilliseconds: number;
  models: ModelConfig[];
  policies: PolicyConfig[];
  commit: ConfigFile["commit"];
  fees: ConfigFile["fees"];
  withdraw?: WithdrawConfig | undefined;
  prover: ProverConfig;
  watch: WatchConfig;
  enclave?: EnclaveConfig | undefined;
  index: ConfigFile["index"];
  breaker: ConfigFile["breaker"];
  admin: { socket?: string | undefined };
  telemetry?: ConfigFile["telemetry"];
  log: ConfigFile["log"];
}

/** Where a batch's data is beside its operator's own server. */
export type Availability = ConfigFile["commit"]["availability"];

/** How others are watched, and what that may cost. The folder is absolute. */
export interface WatchConfig {
  mode: ConfigFile["watch"]["mode"];
  challengerKey?: KeySource | undefined;
  maxOpenChallenges: number;
  maxBondsWei?: bigint | undefined;
  allowPrivateAddresses: boolean;
  receiptsFolder?: string | undefined;
  blobs: BlobPlaces;
  disprove: boolean;
}

/** One model of the configuration. */
export type ModelConfig = NetworkConfig | UpstreamModelConfig;

/** A network that this process runs. Paths are absolute. */
export interface NetworkConfig {
  spec: string;
  verificationKey?: string | undefined;
  wasm?: string | undefined;
  zkey?: string | undefined;
  measurement?: Hex | undefined;
  version?: number | undefined;
}

/** A model behind an OpenAI-compatible server. */
export interface UpstreamModelConfig extends OpenAiModel {
  upstream?: UpstreamConfig | undefined;
}

/** Where a model is asked. */
export interface UpstreamConfig {
  /** Ends in no slash; the routes begin after it. */
  url: string;
  apiKey?: string | undefined;
  /** What the upstream calls the model. */
  model: string;
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
  /** Default: `commit.availability`. */
  availability?: Availability | undefined;
}

/** How a configuration is read, and what lies over the file. */
export interface LoadOptions extends Partial<Overrides> {
  /** Told which value came from where. */
  onOrigins?: (origins: ReadonlyMap<string, Origin>) => void;
}

/**
 * Reads and checks a configuration: the file, over it the environment, over that the flags.
 *
 * @throws RelayerError `MT-CFG-001` unreadable, `MT-CFG-002` not JSON, `MT-CFG-013` a flag or variable that is no value,
 * and those of {@link parseConfig}.
 */
export function loadConfig(file: string, options: LoadOptions = {}): RelayerConfig {
  const { environment = process.env, flags = [], onOrigins } = options;
  const path = resolve(file);
  const { json, origins } = layerConfig(readConfigFile(path, file), { environment, flags });
  const config = parseConfig(json, dirname(path), environment);
  onOrigins?.(origins);
  return config;
}

/** @throws RelayerError `MT-CFG-001` unreadable, `MT-CFG-002` not JSON */
export function readConfigFile(path: string, file: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
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
      "Give the path of a readable configuration file with --config; `meantime init` writes one.",
    );
  }
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
  const secret = (source: SecretSource, at: string) =>
    resolveSecret(source, at, file.chain.chainId, environment);
  const key = (entry: KeyEntry, at: string) =>
    resolveKey(entry, at, { chainId: file.chain.chainId, environment, path });
  const ledger = resolveLedger(file.ledger, path, environment);
  const config: RelayerConfig = {
    chain: resolveChain(file.chain),
    operator: {
      address: lower(file.operator.address),
      senderKey: key(file.operator.senderKey, "operator.senderKey"),
      senderKeys: senderKeys(file.operator.senderKeys, key),
      receiptKey: key(file.operator.receiptKey, "operator.receiptKey"),
      enclaveKey: optional(file.operator.enclaveKey, (source) => secret(source, "operator.enclaveKey")),
    },
    gateway: {
      ...file.gateway,
      requester: optional(file.gateway.requester, lower),
      auth: resolveAuth(file.gateway.auth, environment, contradict),
    },
    ledger,
    leaseMilliseconds: leaseMilliseconds(file.ledger),
    models: file.models.map((model, at) => resolveModel(model, `models.${at}`, path, environment)),
    policies: file.policies.map((policy) => ({ ...policy, id: lower(policy.id) })),
    commit: file.commit,
    fees: file.fees,
    withdraw: optional(file.withdraw, resolveWithdraw),
    prover: resolveProver(file.prover, path),
    watch: {
      mode: file.watch.mode,
      maxOpenChallenges: file.watch.maxOpenChallenges,
      maxBondsWei: optional(file.watch.maxBondsWei, BigInt),
      allowPrivateAddresses: file.watch.allowPrivateAddresses || file.chain.chainId === DEVELOPMENT_CHAIN_ID,
      receiptsFolder: optional(file.watch.receiptsFolder, path),
      blobs: resolveBlobPlaces(file.watch.blobs, path),
      disprove: file.watch.disprove,
      challengerKey: optional(file.watch.challengerKey, (entry) => key(entry, "watch.challengerKey")),
    },
    index: {
      ...file.index,
      allowPrivateAddresses: file.index.allowPrivateAddresses || file.chain.chainId === DEVELOPMENT_CHAIN_ID,
    },
    breaker: file.breaker,
    admin: { socket: optional(file.admin.socket, path) ?? besideLedger(ledger) },
    telemetry: file.telemetry,
    log: file.log,
  };
  refuseContradictions(config);
  config.enclave = optional(file.enclave, ({ registrarKey, ...section }) =>
    resolveEnclave(section, surroundings(config, secret(registrarKey, "enclave.registrarKey")), contradict),
  );
  return config;
}

function senderKeys(
  { answer, finalise, commit }: ConfigFile["operator"]["senderKeys"],
  key: (entry: KeyEntry, at: string) => KeySource,
): SenderKeys {
  const own = (lane: string) => (entry: KeyEntry) => key(entry, `operator.senderKeys.${lane}`);
  return {
    answer: optional(answer, own("answer")),
    finalise: optional(finalise, own("finalise")),
    commit: optional(commit, own("commit")),
  };
}

function surroundings({ chain, operator, watch, models }: RelayerConfig, registrarKey: Hex) {
  return {
    ...{ chainId: chain.chainId, enclaveEvidence: chain.enclaveEvidence },
    ...{ enclaveKey: operator.enclaveKey, registrarKey },
    senders: [operator.senderKey, ...Object.values(operator.senderKeys), watch.challengerKey].map(plainKeyOf),
    measurements: models.flatMap(({ measurement }) => measurement ?? []),
  };
}

/** The addresses of other kinds of keys are compared once they are open. */
function plainKeyOf(source: KeySource | undefined): Hex | undefined {
  return source?.kind === "plain" ? source.privateKey : undefined;
}

function contradict(path: string, message: string, hint: string): never {
  throw new RelayerError("MT-CFG-006", `${path}: ${message}`, hint, { path });
}

/** Where claims settle, every endpoint once. */
export function resolveChain({
  rpcUrl,
  rpcUrls = [],
  ...chain
}: ConfigFile["chain"]): RelayerConfig["chain"] {
  return {
    ...chain,
    rpcUrls: [...new Set([...(rpcUrl ? [rpcUrl] : []), ...rpcUrls])],
    settlement: lower(chain.settlement),
    enclaveEvidence: optional(chain.enclaveEvidence, lower),
    inferenceRequests: optional(chain.inferenceRequests, lower),
  };
}

/** How proofs are computed, its path resolved. */
export function resolveProver(
  { rapidsnark, ...limits }: ConfigFile["prover"],
  path: (relative: string) => string,
): ProverConfig {
  return { ...limits, ...(rapidsnark ? { rapidsnark: { ...rapidsnark, path: path(rapidsnark.path) } } : {}) };
}

/** Where blobs are read from, the path resolved. */
export function resolveBlobPlaces(
  { beaconUrl, archiveFolder }: ConfigFile["watch"]["blobs"],
  path: (relative: string) => string,
): BlobPlaces {
  return { beaconUrl, archiveFolder: optional(archiveFolder, path) };
}

/**
 * A model of the configuration, its paths and its upstream's key resolved.
 *
 * @param at the model's path in the file
 * @throws RelayerError `MT-CFG-006` the key's variable is not set, or nothing could prove a claim about the model
 */
export function resolveModel(
  model: ConfigFile["models"][number],
  at: string,
  path: (relative: string) => string,
  environment: NodeJS.ProcessEnv,
): ModelConfig {
  if ("weights" in model) return resolveUpstreamModel(model, at, environment);
  return {
    spec: path(model.spec),
    verificationKey: optional(model.verificationKey, path),
    wasm: optional(model.wasm, path),
    zkey: optional(model.zkey, path),
    measurement: optional(model.measurement, lower),
    version: model.version,
  };
}

function resolveUpstreamModel(
  { upstream, measurement, ...model }: Extract<ConfigFile["models"][number], { weights: string }>,
  at: string,
  environment: NodeJS.ProcessEnv,
): UpstreamModelConfig {
  if (measurement === undefined && !model.reexecutable) {
    contradict(
      at,
      `nothing could prove a claim about ${model.name}`,
      "Give the measurement of the enclave that runs it, or say reexecutable where re-executors can vouch for it.",
    );
  }
  return {
    ...{ ...model, measurement: optional(measurement, lower) },
    upstream: optional(upstream, ({ url, apiKey, model: called }) => ({
      url: url.replace(/\/+$/, ""),
      apiKey: optional(apiKey, ({ env }) => apiKeyOf(env, `${at}.upstream.apiKey`, environment)),
      model: called ?? model.name,
    })),
  };
}

function apiKeyOf(name: string, at: string, environment: NodeJS.ProcessEnv): string {
  const value = environment[name];
  // Anything else has no place in a header.
  if (value !== undefined && /^[\x21-\x7e]+$/.test(value)) return value;
  return contradict(
    at,
    `the environment variable ${name} ${value === undefined ? "is not set" : "holds no key"}`,
    `Set ${name} to the key that the upstream gave you.`,
  );
}

/** How long the leases of a worker last without being renewed. */
export function leaseMilliseconds({ leaseSeconds }: ConfigFile["ledger"]): number {
  return leaseSeconds * 1_000;
}

/** The one place that the ledger is in: named twice or nowhere, it could be another one than its operator believes. */
export function resolveLedger(
  { file, url }: ConfigFile["ledger"],
  path: (relative: string) => string,
  environment: NodeJS.ProcessEnv,
): LedgerSource {
  if (file !== undefined && url !== undefined) {
    contradict("ledger", "names both a file and a database", "Keep one of file and url.");
  }
  if (file === ":memory:") {
    contradict("ledger.file", "a ledger in memory loses receipts", "Name a file on a durable disk.");
  }
  if (file !== undefined) return { file: path(file) };
  if (typeof url === "string") return { url };
  const name = url?.env ?? "DATABASE_URL";
  const value = environment[name];
  if (value !== undefined && /^postgres(ql)?:\/\//.test(value)) return { url: value };
  if (url !== undefined || value !== undefined) {
    contradict(
      "ledger.url",
      `the environment variable ${name} ${value === undefined ? "is not set" : "holds no PostgreSQL URL"}`,
      `Set ${name} to postgres://user:password@host/database.`,
    );
  }
  contradict("ledger.file", "is missing", "Name a SQLite file, or set DATABASE_URL.");
}

function besideLedger(ledger: LedgerSource): string | undefined {
  return "file" in ledger ? `${ledger.file}.sock` : undefined;
}

function refuseContradictions(config: RelayerConfig): void {
  if (["auto", "oversight"].includes(config.watch.mode) && !config.watch.challengerKey) {
    contradict(
      "watch.challengerKey",
      `mode ${config.watch.mode} challenges, which needs a key`,
      "Add the key or set mode to manual.",
    );
  }
  if (config.commit.maxAgeSeconds >= config.commit.commitHorizonSeconds) {
    contradict(
      "commit.maxAgeSeconds",
      "is not under commitHorizonSeconds",
      "Leave time to commit before commitBy.",
    );
  }
  const inBlobs = [config.commit.availability, ...config.policies.map((policy) => policy.availability)];
  if (inBlobs.includes("blob") && !config.operator.senderKeys.commit) {
    contradict(
      "operator.senderKeys.commit",
      "is missing, and an answer would wait behind a commit that carries blobs",
      "Give commits a sender of their own: nodes take nothing else of a sender whose blobs wait.",
    );
  }
  for (const [index, model] of config.models.entries()) {
    if ("weights" in model) {
      if (model.upstream) continue;
      contradict(`models.${index}.upstream`, "is missing", "Say where the model is asked.");
    }
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

/** What a key of a configuration is resolved with. */
export interface KeyContext {
  chainId: number;
  environment: NodeJS.ProcessEnv;
  path: (relative: string) => string;
}

/** Where a key is. @throws RelayerError `MT-CFG-004` or `MT-CFG-005` */
export function resolveKey(
  entry: KeyEntry,
  at: string,
  { chainId, environment, path }: KeyContext,
): KeySource {
  if (typeof entry === "object" && "remote" in entry) {
    const { remote, address, timeoutMilliseconds } = entry;
    return { kind: "remote", url: remote, address: lower(address), timeoutMilliseconds };
  }
  if (typeof entry === "object" && "keystore" in entry) {
    const password =
      "passwordFile" in entry ? { file: path(entry.passwordFile) } : { env: entry.passwordEnv };
    return { kind: "keystore", file: path(entry.keystore), password };
  }
  if (chainId !== DEVELOPMENT_CHAIN_ID) throw plainKey(at, chainId);
  return { kind: "plain", privateKey: resolveSecret(entry, at, chainId, environment) };
}

function resolveSecret(
  source: SecretSource,
  path: string,
  chainId: number,
  environment: NodeJS.ProcessEnv,
): Hex {
  if (typeof source === "string") {
    if (chainId !== DEVELOPMENT_CHAIN_ID) throw plainKey(path, chainId);
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

function plainKey(path: string, chainId: number): RelayerError {
  return new RelayerError(
    "MT-CFG-004",
    `${path}: an unencrypted private key is allowed on chain ${DEVELOPMENT_CHAIN_ID} only, not on ${chainId}`,
    'Write { "keystore": FILE, "passwordFile": FILE } (see `meantime keys import`) or { "remote": URL, "address": ADDRESS }.',
    { path },
  );
}

/** The first thing that is wrong with a file, with its path. */
export function schemaError(error: z.ZodError): RelayerError {
  const [first] = error.issues;
  const issue = first?.code === "invalid_union" && first.path[0] === "models" ? closest(first) : first;
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

/** Of entries of several forms, what is wrong with the form that the least is wrong with. */
function closest(issue: z.core.$ZodIssueInvalidUnion): z.core.$ZodIssue {
  const [inner] = issue.errors.toSorted((a, b) => a.length - b.length)[0] ?? [];
  return inner ? { ...inner, path: [...issue.path, ...inner.path] } : issue;
}

/** Maps what is there. */
export function optional<Value, Result>(
  value: Value | undefined,
  map: (value: Value) => Result,
): Result | undefined {
  return value === undefined ? undefined : map(value);
}

/** Hex as everything compares it. */
export function lower(value: string): Hex {
  return value.toLowerCase() as Hex;
}
