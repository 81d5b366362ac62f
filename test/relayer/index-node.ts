// SPDX-License-Identifier: MIT
import type { Address, Hex } from "@meantime/sdk/hex";
import { SOURCE_INTERFACES } from "../../relayer/src/chain/event-sources.ts";
import { IndexDuty } from "../../relayer/src/indexer/duty.ts";
import type { IndexServices } from "../../relayer/src/indexer/services.ts";
import type { Ledger } from "../../relayer/src/ledger/ledger.ts";
import { addressOf, hashOfBlock, INDEX_DOMAIN, idOf, timeOf } from "./index-ledger.ts";
import { silentLogger } from "./local-relayer.ts";

const REGISTRY = addressOf(0xa1);
const MANAGER = addressOf(0xa2);

/** A log as a node tells it. */
export interface NodeLog {
  address: Address;
  blockNumber: number;
  index: number;
  blockHash: Hex;
  transactionHash: Hex;
  topics: readonly string[];
  data: string;
}

/** A log of the policy registry, the first of its block. */
export function registryLog(block: number, name: string, values: readonly unknown[]): NodeLog {
  return {
    ...{ address: REGISTRY, blockNumber: block, index: 0, blockHash: hashOfBlock(block) },
    transactionHash: idOf(block, 8),
    ...SOURCE_INTERFACES.PolicyRegistry.encodeEventLog(name, values),
  };
}

/** The duty of a process that was just started, on the made chain with these logs of contracts that are found late. */
export function startDuty(ledger: Ledger, logs: readonly NodeLog[], nowSeconds: number): IndexDuty {
  const rpc = {
    getBlock: async (block: number | Hex) => {
      const number = typeof block === "number" ? block : numberOf(block);
      return { number, hash: hashOfBlock(number), timestamp: timeOf(number) };
    },
    getLogs: async (filter: { address: readonly Address[]; fromBlock: number; toBlock: number }) =>
      logs.filter(
        ({ address, blockNumber }) =>
          filter.address.includes(address) &&
          blockNumber >= filter.fromBlock &&
          blockNumber <= filter.toBlock,
      ),
    // Contracts of evidence here judge by no models.
    call: async () => "0x",
  };
  const contracts = {
    settlement: { authority: async () => MANAGER },
    policies: { getAddress: async () => REGISTRY },
  };
  return new IndexDuty({
    ...{ ledger, domain: INDEX_DOMAIN, logger: silentLogger, startBlock: 0, rpc, contracts },
    clock: { nowSeconds: () => nowSeconds, observe: () => undefined },
  } as unknown as IndexServices);
}

/** See `hashOfBlock`. */
function numberOf(hash: Hex): number {
  return Number.parseInt(hash.slice(2, -2), 16);
}
