// SPDX-License-Identifier: GPL-3.0-or-later

import type { SettlementDomain } from "@meantime/sdk/domain";
import type { Address } from "@meantime/sdk/hex";
import { type ChainClock, createChainClock } from "../chain/clock.ts";
import { bindContracts, type Contracts } from "../chain/contracts.ts";
import { checkChain, connectRpc, type Rpc } from "../chain/rpc.ts";
import { claimIdentity } from "../ledger/facts.ts";
import { type Ledger, type LedgerSource, openLedger } from "../ledger/ledger.ts";
import { useFastKeccak } from "../signers/keccak.ts";
import type { LaneLease } from "./lane-lease.ts";
import type { Logger } from "./logger.ts";
import type { Task } from "./supervisor.ts";

/** What the configuration of every daemon says. */
export interface DaemonConfig {
  chain: { rpcUrls: readonly string[]; chainId: number; settlement: Address };
  ledger: LedgerSource;
}

/** Whose ledger it is, and which contracts must be there beside Settlement, by their keys in the configuration. */
export interface Belonging {
  /** Its operator; words where it has none. */
  operator: string;
  addresses?: Readonly<Record<string, Address>>;
}

/** What every daemon works with. */
export interface DaemonBase {
  rpc: Rpc;
  ledger: Ledger;
  contracts: Contracts;
  domain: SettlementDomain;
  clock: ChainClock;
  logger: Logger;
}

/**
 * Starts a daemon on its chain and its ledger, which belong together from then on. Where it does not come up, both are
 * closed; once it runs, that is for its own end.
 *
 * @throws MeantimeError with a code of `docs/ERRORS.md` when the configuration, the chain and the ledger do not fit together
 */
export async function startDaemon<Running>(
  config: DaemonConfig,
  belonging: Belonging,
  logger: Logger,
  start: (base: DaemonBase) => Promise<Running>,
): Promise<Running> {
  await useFastKeccak();
  const rpc = connectRpc(config.chain.rpcUrls, config.chain.chainId, logger);
  const ledger = await openLedger(config.ledger);
  try {
    const contracts = await bindLedger(config, belonging, rpc, ledger);
    const { chainId, settlement } = config.chain;
    const domain = { chainId: BigInt(chainId), settlement };
    return await start({ rpc, ledger, contracts, domain, clock: createChainClock(), logger });
  } catch (error) {
    await ledger.close();
    rpc.destroy();
    throw error;
  }
}

/** What stops a daemon, whoever asks and however often: once. */
export function stopOnce(stop: () => Promise<void>): () => Promise<void> {
  let stopped: Promise<void> | undefined;
  return () => {
    stopped ??= stop();
    return stopped;
  };
}

/** A task that is done while this worker holds the lease. */
export function whileHeld(lease: LaneLease, { run, ...task }: Task): Task {
  return {
    ...task,
    run: async (signal) => {
      if (lease.holds()) await run(signal);
    },
  };
}

async function bindLedger(
  { chain }: DaemonConfig,
  { operator, addresses }: Belonging,
  rpc: Rpc,
  ledger: Ledger,
): Promise<Contracts> {
  const { rpcUrls, chainId, settlement } = chain;
  await checkChain(rpc, rpcUrls, chainId, { "chain.settlement": settlement, ...addresses });
  // Before a new ledger is tied to the address for ever.
  const contracts = await bindContracts(rpc, settlement);
  const genesis = await rpc.getBlock(0);
  await claimIdentity(ledger, { chainId, settlement, operator, genesisHash: genesis?.hash ?? "unknown" });
  return contracts;
}
