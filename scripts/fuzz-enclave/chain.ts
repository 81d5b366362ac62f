// SPDX-License-Identifier: MIT
import { type Address, type Hex, hexToBytes } from "@meantime/sdk/hex";
import type { BaseContract } from "ethers";
import hre from "hardhat";
import { encodeArguments } from "./calldata.ts";
import type { Outcome, ProbedChain } from "./subject.ts";

/** A chain of this process whose verifiers are asked about mutants. */
export interface FuzzChain extends ProbedChain {
  deploy(name: string, args: readonly unknown[]): Promise<BaseContract>;
  addressOf(contract: BaseContract): Promise<Address>;
  /** Sends a transaction, which must succeed. */
  send(contract: BaseContract, method: string, args: readonly unknown[]): Promise<void>;
}

// Many calls are made in one, and what the chain lets one transaction do is no matter here.
const BLOCK_GAS = 20_000_000_000n;
const GAS = `0x${BLOCK_GAS.toString(16)}`;

/** Starts a chain whose first block has this time, Unix seconds; each of the next is a second later. */
export async function startChain(atSeconds: number): Promise<FuzzChain> {
  const connection = await hre.network.create<"l1">({
    override: {
      initialDate: new Date(atSeconds * 1000).toISOString(),
      blockGasLimit: BLOCK_GAS,
      transactionGasCap: false,
    },
  });
  const { ethers } = connection;
  const probe = (await ethers.deployContract("CallProbe")) as unknown as BaseContract;
  const probeAddress = await probe.getAddress();
  const selector = probe.interface.getFunction("outcomesOf")?.selector ?? "0x";
  const deploy = async (name: string, args: readonly unknown[]) =>
    (await ethers.deployContract(name, [...args])) as unknown as BaseContract;
  return {
    deploy,
    addressOf: async (contract) => (await contract.getAddress()) as Address,
    async send(contract, method, args) {
      await (await contract.getFunction(method)(...args, { gasLimit: 60_000_000n })).wait();
    },
    async outcomesOf(target: Address, calls: readonly Hex[], ending: Hex): Promise<Outcome[]> {
      const args = encodeArguments([0, calls.map(hexToBytes), hexToBytes(ending)]);
      const data = selector + target.slice(2).padStart(64, "0") + args.slice(64);
      const answer = await connection.provider.request({
        method: "eth_call",
        params: [{ to: probeAddress, data, gas: GAS }, "latest"],
      });
      const [refusals, gasUsed] = probe.interface.decodeFunctionResult("outcomesOf", String(answer));
      return (refusals as Hex[]).map((refusal, index) => ({
        refusal,
        gas: Number(gasUsed[index] ?? 0n),
      }));
    },
    close: () => connection.close(),
  };
}
