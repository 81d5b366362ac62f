// SPDX-License-Identifier: GPL-3.0-or-later

import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { pino } from "pino";
import { bindContracts, bindModelRegistries, type Contracts } from "../../chain/contracts.ts";
import { checkChain, connectRpc, type Rpc } from "../../chain/rpc.ts";
import { loadConfig, type RelayerConfig } from "../../config/load.ts";
import { describeError } from "../../errors.ts";
import { takeLock } from "../../ledger/lock.ts";
import { loadModels } from "../../registry/models.ts";
import { loadPolicies } from "../../registry/policies.ts";
import type { ServedPolicy } from "../../services.ts";
import { OPERATOR_LANES, openSigners, type Signers } from "../../signers/open.ts";
import type { ConfigFlags } from "../config/show.ts";
import { type CheckResult, Checkup, type Finding, ok, warn } from "./check.ts";
import { checkArtefacts, checkFiles, checkFsync, checkNode, checkSpace } from "./machine.ts";
import {
  type ChainChecks,
  checkAuthority,
  checkBalances,
  checkEnclave,
  checkStake,
  judgeClock,
} from "./on-chain.ts";

/** How a checkup ended: `temporary` where nothing failed that waiting could not mend. */
export type Health = "ok" | "failed" | "temporary";

const CHAIN_CHECKS = ["clock", "policies", "models", "keys", "authority", "balances", "stake", "enclave"];

/**
 * `meantime doctor`: looks at everything that a relayer needs, changes nothing, and says what to do about what is wrong.
 */
export async function doctor(flags: ConfigFlags & { json?: true }): Promise<Health> {
  const checkup = new Checkup();
  await checkup.run("node", async () => ({ finding: checkNode() }));
  const config = await checkup.run("config", async () => {
    const loaded = loadConfig(flags.config, { flags: flags.set ?? [] });
    return { finding: ok(flags.config), value: loaded };
  });
  if (config) {
    await examineMachine(checkup, config);
    await examineChain(checkup, config);
  } else {
    checkup.skip(["files", "artefacts", "disk", "ledger", "rpc", ...CHAIN_CHECKS], "config");
  }
  const { results } = checkup;
  const health = healthOf(results);
  process.stdout.write(flags.json ? `${JSON.stringify({ health, checks: results })}\n` : asText(results));
  return health;
}

async function examineMachine(checkup: Checkup, config: RelayerConfig): Promise<void> {
  await checkup.run("files", async () => ({ finding: await checkFiles(config) }));
  await checkup.run("artefacts", async () => ({ finding: await checkArtefacts(config) }));
  if (!("file" in config.ledger)) return;
  const { file } = config.ledger;
  const folder = dirname(file);
  await checkup.run("disk", async () => ({ finding: [await checkSpace(folder), checkFsync(folder)] }));
  await checkup.run("ledger", async () => ({ finding: lockState(file) }));
}

function lockState(file: string): Finding {
  if (!existsSync(file)) return ok(`${file} will be made`);
  try {
    takeLock(file).close();
    return ok(`${file} is free`);
  } catch (error) {
    if (describeError(error).code !== "MT-LED-001") throw error;
    return warn(
      `${file} is in use`,
      "Nothing, if that is this relayer at work; otherwise stop the other program.",
    );
  }
}

async function examineChain(checkup: Checkup, config: RelayerConfig): Promise<void> {
  const { chain } = config;
  const rpc = connectRpc(chain.rpcUrls, chain.chainId);
  try {
    const contracts = await checkup.run("rpc", async () => {
      await checkChain(rpc, chain.rpcUrls, chain.chainId, {
        "chain.settlement": chain.settlement,
        ...(chain.enclaveEvidence ? { "chain.enclaveEvidence": chain.enclaveEvidence } : {}),
      });
      const value = await bindContracts(rpc, chain.settlement);
      return { finding: ok(`chain ${chain.chainId}, Settlement at ${chain.settlement}`), value };
    });
    if (contracts) await examineStanding(checkup, config, rpc, contracts);
    else checkup.skip(CHAIN_CHECKS, "rpc");
  } finally {
    rpc.destroy();
  }
}

async function examineStanding(
  checkup: Checkup,
  config: RelayerConfig,
  rpc: Rpc,
  contracts: Contracts,
): Promise<void> {
  await checkup.run("clock", async () => {
    const head = await rpc.getBlock("latest");
    return { finding: judgeClock(Date.now() / 1_000, head?.timestamp ?? 0) };
  });
  const policies = await checkup.run("policies", async () => {
    const value = await loadPolicies(config.policies, contracts, pino({ level: "silent" }));
    return { finding: await Promise.all(value.map((policy) => policyState(contracts, policy))), value };
  });
  if (policies) {
    await checkup.run("models", async () => {
      const evidence = policies.flatMap(({ terms }) => [terms.zkEvidence, terms.teeEvidence]);
      const registries = await bindModelRegistries(
        rpc,
        evidence.filter((address) => BigInt(address) !== 0n),
      );
      const models = await loadModels(config.models, registries, new Map());
      return { finding: models.map(({ name, id }) => ok(`${name} ${id}: as registered, key and all`)) };
    });
  } else checkup.skip(["models"], "policies");
  const signers = await checkup.run("keys", async () => {
    const value = await openSigners(config);
    return { finding: ok(namesOf(value)), value };
  });
  if (policies && signers) await examineAuthority(checkup, { config, rpc, contracts, policies, signers });
  else checkup.skip(["authority", "balances", "stake"], "keys and policies");
  await checkup.run("enclave", async () => ({ finding: await checkEnclave({ config, rpc }) }));
}

async function examineAuthority(checkup: Checkup, checks: ChainChecks): Promise<void> {
  await checkup.run("authority", async () => ({ finding: await checkAuthority(checks) }));
  await checkup.run("balances", async () => ({ finding: await checkBalances(checks) }));
  await checkup.run("stake", async () => ({ finding: await checkStake(checks) }));
}

async function policyState({ settlement }: Contracts, { name, id }: ServedPolicy): Promise<Finding> {
  const closedAt = await settlement.closedAtOf(id);
  return closedAt === 0n
    ? ok(`${name} is registered and open`)
    : warn(
        `${name} was closed at ${closedAt}`,
        "It takes no new work; take it out when its claims are final.",
      );
}

function namesOf({ senders, receipts, challenger }: Signers): string {
  const lanes = OPERATOR_LANES.map((lane) => `${lane} ${senders[lane].address}`);
  const names = [...lanes, `receipts ${receipts.address}`];
  return [...names, ...(challenger ? [`challenger ${challenger.address}`] : [])].join(", ");
}

function healthOf(results: readonly CheckResult[]): Health {
  const failed = results.filter(({ status }) => status === "fail");
  if (failed.length === 0) return "ok";
  return failed.every(({ temporary }) => temporary) ? "temporary" : "failed";
}

function asText(results: readonly CheckResult[]): string {
  const marks = { ok: "ok  ", warn: "WARN", fail: "FAIL", skipped: "--  " };
  return results
    .map(({ name, status, detail, todo, code }) => {
      const line = `${marks[status]} ${name.padEnd(10)} ${code ? `${code}: ` : ""}${detail}\n`;
      return todo === undefined ? line : `${line}                -> ${todo}\n`;
    })
    .join("");
}
