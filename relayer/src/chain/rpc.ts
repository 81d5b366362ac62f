// SPDX-License-Identifier: GPL-3.0-or-later

import { FetchRequest, JsonRpcProvider, Network } from "ethers";
import { RelayerError, TemporaryError } from "../errors.ts";

const REQUEST_TIMEOUT_MILLISECONDS = 10_000;

/** What the relayer uses of a node. */
export type Rpc = JsonRpcProvider;

/**
 * Connects to a node.
 *
 * ethers' defaults do not suit a daemon: network detection that retries for ever, calls answered from a cache, many
 * calls in one body so that one failure fails all. All three are off. No filters are used anywhere: a node forgets them.
 */
export function connectRpc(url: string, chainId: number): Rpc {
  const request = new FetchRequest(url);
  request.timeout = REQUEST_TIMEOUT_MILLISECONDS;
  const network = Network.from(chainId);
  return new JsonRpcProvider(request, network, {
    staticNetwork: network,
    batchMaxCount: 1,
    cacheTimeout: -1,
  });
}

/**
 * Makes sure that the node answers, follows the right chain and knows the contracts.
 *
 * @throws TemporaryError `MT-CHAIN-001` no answer
 * @throws RelayerError `MT-CHAIN-002` another chain; `MT-CHAIN-003` no contract at an address
 */
export async function checkChain(rpc: Rpc, url: string, chainId: number, contracts: Record<string, string>) {
  let actual: number;
  try {
    actual = Number(await rpc.send("eth_chainId", []));
  } catch (error) {
    throw new TemporaryError(
      "MT-CHAIN-001",
      `the node at ${url} does not answer: ${error instanceof Error ? error.message : String(error)}`,
      "Start the node or correct chain.rpcUrl.",
    );
  }
  if (actual !== chainId) {
    throw new RelayerError(
      "MT-CHAIN-002",
      `the node at ${url} follows chain ${actual}, the configuration says ${chainId}`,
      "Correct chain.rpcUrl or chain.chainId.",
    );
  }
  for (const [name, address] of Object.entries(contracts)) {
    if ((await rpc.getCode(address)) === "0x") {
      throw new RelayerError(
        "MT-CHAIN-003",
        `there is no contract at ${address} (${name})`,
        "Correct the address in the configuration, or deploy first.",
        { path: name },
      );
    }
  }
}
