// SPDX-License-Identifier: GPL-3.0-or-later

import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { exportBatches } from "../../availability/export.ts";
import { bindContracts } from "../../chain/contracts.ts";
import { readEvents } from "../../chain/follow.ts";
import { checkChain, connectRpc } from "../../chain/rpc.ts";
import { loadConfig, type RelayerConfig } from "../../config/load.ts";
import { RelayerError, TemporaryError } from "../../errors.ts";
import { backUp, restore } from "../../ledger/backup.ts";
import { acquireLease, fencedLedger, LONGEST_LEASE_MILLISECONDS, releaseLease } from "../../ledger/leases.ts";
import { type LedgerSource, nameOf, openLedger } from "../../ledger/ledger.ts";
import { MIGRATIONS } from "../../ledger/migrations.ts";
import { forgetDerived } from "../../ledger/rebuild.ts";
import { openSnapshot, type Snapshot } from "../../ledger/snapshot.ts";
import { identityOf, type LedgerProblem, type Verification, verifyLedger } from "../../ledger/verify.ts";
import { signerProblems } from "../../ledger/verify-signers.ts";
import { createLogger } from "../../ops/logger.ts";

/** Which ledger, and how to answer. */
export interface DbOptions {
  config?: string;
  ledger?: string;
  json?: true;
}

/** Problems that are printed; all are counted. */
const PROBLEMS_SHOWN = 100;

/** `meantime db migrate`: creates the ledger or brings its schema up to date. */
export async function dbMigrate(options: DbOptions): Promise<void> {
  const source = sourceOf(options);
  const ledger = await openLedger(source);
  const { kind, migrated } = ledger;
  await ledger.close();
  const steps = migrated.length === 0 ? "was up to date" : `applied ${migrated.join(", ")}`;
  say(options, { kind, schema: MIGRATIONS.length, applied: migrated }, `${nameOf(source)}: ${steps}`);
}

/** `meantime db backup`: everything as of one moment, also of a ledger that is in use. */
export async function dbBackup(file: string, options: DbOptions): Promise<void> {
  const snapshot = await openSnapshot(sourceOf(options));
  try {
    const summary = await backUp(snapshot, resolve(file));
    say(
      options,
      { file: resolve(file), ...summary },
      `${file}: ${summary.rows} rows, SHA-256 ${summary.sha256}`,
    );
  } finally {
    await snapshot.close();
  }
}

/** `meantime db restore`: fills an empty ledger, of either kind. */
export async function dbRestore(file: string, options: DbOptions): Promise<void> {
  if (!existsSync(file)) {
    throw new RelayerError(
      "MT-LED-011",
      `${file} is not there`,
      "Give the path of a file of `meantime db backup`.",
    );
  }
  const source = sourceOf(options);
  const ledger = await openLedger(source);
  try {
    const summary = await restore(ledger, resolve(file));
    say(options, { ...summary }, `${nameOf(source)}: ${summary.rows} rows restored`);
  } finally {
    await ledger.close();
  }
}

/**
 * `meantime db verify`: computes again what can be; with `rpc` the receipts' signers are compared with the keys on chain.
 *
 * @returns whether nothing is wrong
 */
export async function dbVerify(options: DbOptions & { rpc?: string | true }): Promise<boolean> {
  const source = sourceOf(options);
  const snapshot = await openSnapshot(source);
  try {
    const { problems: inside, signed, ...found } = await verifyLedger(snapshot);
    const problems = [...inside, ...(await problemsOfSigners(options, snapshot, signed))];
    const shown = problems.slice(0, PROBLEMS_SHOWN);
    const ok = problems.length === 0;
    say(
      options,
      { ok, ...found, problemCount: problems.length, problems: shown },
      [
        `${nameOf(source)}: ${found.receipts} receipts in ${found.batches} batches and waiting, ${problems.length} problems`,
        ...found.signers.map((signer) => `signed by ${signer}`),
        ...shown.map(({ about, message }) => `${about}: ${message}`),
      ].join("\n"),
    );
    return ok;
  } finally {
    await snapshot.close();
  }
}

/** `meantime db export-batches`: what `/v1/batches/{id}` serves, as files; also beside a relayer that runs. */
export async function dbExport(
  folder: string,
  { config: file, json }: DbOptions & { config: string },
): Promise<void> {
  const { ledger, operator } = loadConfig(file);
  const snapshot = await openSnapshot(ledger);
  try {
    const summary = await exportBatches(snapshot, operator.address, resolve(folder));
    const { written, kept } = summary;
    say(json ? { json } : {}, { ...summary }, `${folder}: ${written} batches written, ${kept} were there`);
  } finally {
    await snapshot.close();
  }
}

async function problemsOfSigners(
  { rpc: endpoint, config }: DbOptions & { rpc?: string | true },
  snapshot: Snapshot,
  signed: Verification["signed"],
): Promise<LedgerProblem[]> {
  if (endpoint === undefined) return [];
  const identity = await identityOf(snapshot);
  if (!identity) return [];
  const { chainId, settlement } = identity.domain;
  const urls = endpoint === true ? endpointsOf(config) : [endpoint];
  const rpc = connectRpc(urls, Number(chainId));
  try {
    await checkChain(rpc, urls, Number(chainId), { "chain.settlement": settlement });
    return await signerProblems(await bindContracts(rpc, settlement), identity.operator, signed);
  } finally {
    rpc.destroy();
  }
}

function endpointsOf(config: string | undefined): string[] {
  if (config !== undefined) return loadConfig(config).chain.rpcUrls;
  throw new RelayerError(
    "MT-CLI-002",
    "--rpc without a URL takes the endpoints of --config, which is not given",
    "Give --rpc a URL, or name the configuration.",
  );
}

/** `meantime db rebuild`: reads the chain again, from its first block, beside the receipts that are stored. */
export async function dbRebuild({ config: file, json }: DbOptions & { config: string }): Promise<void> {
  const config = loadConfig(file);
  const rpc = connectRpc(config.chain.rpcUrls, config.chain.chainId);
  try {
    const { rpcUrls, chainId, settlement } = config.chain;
    await checkChain(rpc, rpcUrls, chainId, { "chain.settlement": settlement });
    const readUpTo = await rebuildFrom(config, rpc);
    say(json ? { json } : {}, { readUpTo }, `${nameOf(config.ledger)}: read again up to block ${readUpTo}`);
  } finally {
    rpc.destroy();
  }
}

async function rebuildFrom(config: RelayerConfig, rpc: ReturnType<typeof connectRpc>): Promise<number> {
  const ledger = await openLedger(config.ledger);
  try {
    // Longer than any chain takes to be read again; it is given back at the end.
    const lease = await acquireLease(ledger, "operator", randomUUID(), LONGEST_LEASE_MILLISECONDS);
    if (!lease) {
      throw new TemporaryError(
        "MT-LED-001",
        `a relayer works with the ledger ${nameOf(config.ledger)}`,
        "Stop every relayer that shares it first.",
      );
    }
    const own = fencedLedger(ledger, lease.name, () => lease);
    const contracts = await bindContracts(rpc, config.chain.settlement);
    const logger = createLogger(config.log.level);
    await forgetDerived(own);
    const target = (await rpc.getBlockNumber()) - (config.chain.confirmations - 1);
    const readUpTo = await readEvents({ config, rpc, contracts, ledger: own, logger }, target);
    await releaseLease(ledger, lease);
    return readUpTo;
  } finally {
    await ledger.close();
  }
}

function sourceOf({ config, ledger }: DbOptions): LedgerSource {
  if (config !== undefined && ledger === undefined) return loadConfig(config).ledger;
  if (ledger !== undefined && config === undefined) {
    return /^postgres(ql)?:\/\//.test(ledger) ? { url: ledger } : { file: resolve(ledger) };
  }
  throw new RelayerError(
    "MT-CLI-002",
    "the ledger is named by --config or by --ledger, one of them",
    "Give the relayer's configuration file, or a SQLite file or PostgreSQL URL.",
  );
}

function say({ json }: Pick<DbOptions, "json">, facts: object, text: string): void {
  process.stdout.write(`${json ? JSON.stringify(facts) : text}\n`);
}
