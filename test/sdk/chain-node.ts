// SPDX-License-Identifier: MIT
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import receiptsAbi from "@meantime/sdk/abi/Receipts" with { type: "json" };
import settlementAbi from "@meantime/sdk/abi/Settlement" with { type: "json" };
import { Interface } from "ethers";
import { testDomain } from "./samples.ts";

/** What the contracts say, by function; each is given the call's arguments. */
export type Answers = Record<string, (...args: unknown[]) => unknown[]>;

const abi = new Interface([...settlementAbi, ...receiptsAbi].filter(({ type }) => type !== "constructor"));

/** A node over HTTP whose contracts answer as they are told, encoded by ethers. */
export async function startNode(
  answers: Answers,
  nowSeconds: () => bigint,
): Promise<{ url: string; close(): void }> {
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const { id, method, params } = JSON.parse(Buffer.concat(parts).toString());
    response.end(JSON.stringify({ jsonrpc: "2.0", id, result: resultOf(method, params) }));
  });
  const resultOf = (method: string, params: { data: string }[]): unknown => {
    if (method === "eth_chainId") return `0x${testDomain.chainId.toString(16)}`;
    if (method === "eth_getBlockByNumber") return { timestamp: `0x${nowSeconds().toString(16)}` };
    const call = abi.parseTransaction({ data: params[0]?.data ?? "0x" });
    const answer = answers[call?.name ?? ""];
    return answer && call ? abi.encodeFunctionResult(call.name, answer(...call.args)) : "0x";
  };
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
