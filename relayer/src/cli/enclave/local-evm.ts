// SPDX-License-Identifier: GPL-3.0-or-later

import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Address, type Hex, hexToBytes } from "@meantime/sdk/hex";
import { Interface, type InterfaceAbi, type Result } from "ethers";
import type { HardhatRuntimeEnvironment } from "hardhat/types/hre";
import { RelayerError } from "../../errors.ts";

/** A contract on a chain of this process. */
export interface LocalContract {
  address: Address;
  /** Asks, as of the chain's moment. Throws what the provider throws; see `explainRefusal`. */
  call(name: string, args: readonly unknown[]): Promise<Result>;
  /** Sends a transaction and returns its gas. Throws the same. */
  send(name: string, args: readonly unknown[]): Promise<number>;
}

/** A chain of this process whose blocks all have one moment as their time. */
export interface LocalEvm {
  account: Address;
  deploy(name: VerifierContract, args: readonly unknown[]): Promise<LocalContract>;
  close(): Promise<void>;
}

/** No transaction can have more from Osaka on (EIP-7825). */
export const TRANSACTION_GAS_LIMIT = 2 ** 24;

const ROOT = fileURLToPath(new URL("../../../..", import.meta.url));
const SOURCES = join(ROOT, "contracts/enclave");
const CONTRACTS = {
  P384: "crypto/P384.sol",
  Sha384: "crypto/Sha384.sol",
  NitroVerifier: "nitro/NitroVerifier.sol",
  IntelCollateral: "intel/IntelCollateral.sol",
  IntelQuoteVerifier: "intel/IntelQuoteVerifier.sol",
} as const;

/** What verifies attestations. */
export type VerifierContract = keyof typeof CONTRACTS;

/**
 * Starts an EVM in this process, at the rules of Osaka and at one moment. The contracts are those of this repository:
 * where they are not compiled, or were changed since, they are compiled first, which takes about a minute.
 *
 * @param atSeconds the time of every block, unix seconds
 * @throws RelayerError `MT-ENC-005` without the development packages, or when the contracts do not compile
 */
export async function startLocalEvm(atSeconds: number): Promise<LocalEvm> {
  const hardhat = await runtime();
  const connection = await hardhat.network.create({
    override: { initialDate: new Date(atSeconds * 1000), allowBlocksWithSameTimestamp: true },
  });
  const { provider } = connection;
  const request = <T>(method: string, params: unknown[] = []) =>
    provider.request({ method, params }) as Promise<T>;
  const [account = "0x"] = await request<Address[]>("eth_accounts");

  const mine = async (transaction: { to?: Address; data: string }) => {
    await request("evm_setNextBlockTimestamp", [atSeconds]);
    const hash = await request<Hex>("eth_sendTransaction", [{ from: account, gas: GAS, ...transaction }]);
    return request<{ gasUsed: Hex; contractAddress: Address | null }>("eth_getTransactionReceipt", [hash]);
  };
  return {
    account,
    async deploy(name, args) {
      const { abi, bytecode } = await hardhat.artifacts.readArtifact(name);
      const contract = new Interface(abi as InterfaceAbi);
      const data = bytecode + contract.encodeDeploy([...args]).slice(2);
      const { contractAddress: address } = await mine({ data });
      if (address === null) throw new TypeError(`${name} was not deployed`);
      return {
        address,
        async call(method, args) {
          const data = contract.encodeFunctionData(method, [...args]);
          const answer = await request<Hex>("eth_call", [
            { from: account, to: address, data, gas: GAS },
            "latest",
          ]);
          return contract.decodeFunctionResult(method, hexToBytes(answer));
        },
        async send(method, args) {
          const { gasUsed } = await mine({
            to: address,
            data: contract.encodeFunctionData(method, [...args]),
          });
          return Number(gasUsed);
        },
      };
    },
    close: () => connection.close(),
  };
}

const GAS = `0x${TRANSACTION_GAS_LIMIT.toString(16)}`;

let shared: Promise<HardhatRuntimeEnvironment> | undefined;

function runtime(): Promise<HardhatRuntimeEnvironment> {
  shared ??= createRuntime();
  return shared;
}

// The project's own, wherever the command is called from.
async function createRuntime(): Promise<HardhatRuntimeEnvironment> {
  try {
    const { createHardhatRuntimeEnvironment } = await import("hardhat/hre");
    const { default: config } = await import("../../../../hardhat.config.ts");
    const options = { config: join(ROOT, "hardhat.config.ts"), noTypechain: true };
    const hardhat = await createHardhatRuntimeEnvironment(config, options, ROOT);
    if (!areCompiled(hardhat.config.paths.artifacts)) await compile(hardhat);
    return hardhat;
  } catch (error) {
    throw new RelayerError(
      "MT-ENC-005",
      `the verifier contracts cannot be run: ${error instanceof Error ? error.message : String(error)}`,
      "Run `npm ci` with development packages, then `npm run build`.",
    );
  }
}

function areCompiled(artifacts: string): boolean {
  const files = Object.entries(CONTRACTS).map(([name, source]) =>
    join(artifacts, "contracts/enclave", source, `${name}.json`),
  );
  return files.every(existsSync) && Math.min(...files.map(changedAt)) >= newestSource();
}

function newestSource(): number {
  const names = readdirSync(SOURCES, { recursive: true, encoding: "utf8" });
  return Math.max(
    ...names.filter((name) => name.endsWith(".sol")).map((name) => changedAt(join(SOURCES, name))),
  );
}

function changedAt(file: string): number {
  return statSync(file).mtimeMs;
}

async function compile(hardhat: HardhatRuntimeEnvironment): Promise<void> {
  process.stderr.write("Compiling the verifier contracts; this happens once and takes about a minute.\n");
  const files = Object.values(CONTRACTS).map((source) => join(SOURCES, source));
  // The compiler's own words do not belong among the command's results.
  const { write } = process.stdout;
  process.stdout.write = process.stderr.write.bind(process.stderr);
  try {
    await hardhat.tasks.getTask("build").run({ quiet: true, files });
  } finally {
    process.stdout.write = write;
  }
}
