// SPDX-License-Identifier: GPL-3.0-or-later

import { JsonRpcApiProvider, type JsonRpcPayload, type JsonRpcResult, Network } from "ethers";
import { DEVELOPMENT_CHAIN_ID } from "../config/development-chain.ts";
import { redactUrl } from "../config/redact.ts";
import { RelayerError, TemporaryError } from "../errors.ts";
import { createLogger, type Logger } from "../ops/logger.ts";
import { createEndpointPool, type EndpointPool } from "./endpoints/pool.ts";
import { RequestFailure } from "./endpoints/transport.ts";

const REQUEST_TIMEOUT_MILLISECONDS = 10_000;
const PATIENCE_MILLISECONDS = 30_000;
/** Development chains are taken back to snapshots at will. */
const DEVELOPMENT_PATIENCE_MILLISECONDS = 500;

/** What the relayer uses of the chain's nodes: what ethers offers, answered by a pool of endpoints. */
export class Rpc extends JsonRpcApiProvider {
  readonly #pool: EndpointPool;

  constructor(pool: EndpointPool, network: Network) {
    super(network, { staticNetwork: network, batchMaxCount: 1, cacheTimeout: -1 });
    this.#pool = pool;
  }

  /** How each endpoint is doing. */
  endpoints(): ReturnType<EndpointPool["endpoints"]> {
    return this.#pool.endpoints();
  }

  /** Asks at once: the queue in which ethers collects requests to batch them is of no use here. */
  override async send(method: string, parameters: unknown[] | Record<string, unknown>): Promise<unknown> {
    try {
      return await this.#pool.request(method, Array.isArray(parameters) ? parameters : [parameters]);
    } catch (error) {
      if (!(error instanceof RequestFailure) || !error.rpcError) throw error;
      // What ethers makes of a node's answer: errors that its functions, and isCallException, know.
      const payload: JsonRpcPayload = { id: 0, jsonrpc: "2.0", method, params: parameters };
      throw this.getRpcError(payload, { id: 0, error: error.rpcError });
    }
  }

  /** What ethers' queue would call; {@link send} leaves it empty. */
  override async _send(payload: JsonRpcPayload | JsonRpcPayload[]): Promise<JsonRpcResult[]> {
    return Promise.all(
      [payload]
        .flat()
        .map(async ({ id, method, params }) => ({ id, result: await this.send(method, params) })),
    );
  }
}

/**
 * Connects to one or several nodes of a chain.
 *
 * ethers' defaults do not suit a daemon: network detection that retries for ever, calls answered from a cache, many
 * calls in one body so that one failure fails all. All three are off. No filters are used anywhere: a node forgets them.
 */
export function connectRpc(
  urls: string | readonly string[],
  chainId: number,
  logger: Logger = createLogger("silent"),
  timeoutMilliseconds = REQUEST_TIMEOUT_MILLISECONDS,
): Rpc {
  const pool = createEndpointPool({
    urls: [urls].flat(),
    chainId,
    logger,
    timeoutMilliseconds,
    patienceMilliseconds:
      chainId === DEVELOPMENT_CHAIN_ID ? DEVELOPMENT_PATIENCE_MILLISECONDS : PATIENCE_MILLISECONDS,
  });
  return new Rpc(pool, Network.from(chainId));
}

/**
 * Makes sure that a node answers, follows the right chain and knows the contracts.
 *
 * @throws TemporaryError `MT-CHAIN-001` no answer
 * @throws RelayerError `MT-CHAIN-002` another chain; `MT-CHAIN-003` no contract at an address
 */
export async function checkChain(
  rpc: Rpc,
  urls: string | readonly string[],
  chainId: number,
  contracts: Record<string, string>,
) {
  try {
    await rpc.send("eth_chainId", []);
  } catch (error) {
    if (rpc.endpoints().every(({ state }) => state === "wrongChain" || state === "wrongGenesis")) {
      throw new RelayerError(
        "MT-CHAIN-002",
        `${describe(error)}; the configuration says chain ${chainId}`,
        "Correct chain.rpcUrls or chain.chainId.",
      );
    }
    throw new TemporaryError(
      "MT-CHAIN-001",
      `the node at ${[urls].flat().map(redactUrl).join(" and ")} does not answer: ${describe(error)}`,
      "Start the node or correct chain.rpcUrls.",
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

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
