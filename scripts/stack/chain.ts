// SPDX-License-Identifier: MIT
import hre from "hardhat";
import type { Connection } from "../chain/deployment.ts";

/** A Hardhat node of this process, reached over HTTP like any other chain. */
export interface LocalChain {
  url: string;
  connection: Connection;
  /** The latest block's time, unix seconds. */
  now(): Promise<number>;
  /** Lets time pass: the next block is mined at `timestampSeconds`. Does nothing for a time that has passed. */
  moveTo(timestampSeconds: number): Promise<void>;
  close(): Promise<void>;
}

/** Compiles the contracts and starts a chain on `port` (0: any free one). */
export async function startChain(port = 0): Promise<LocalChain> {
  await hre.tasks.getTask("build").run({ quiet: true });
  const server = await hre.network.createServer<"l1">("node", "127.0.0.1", port);
  const { address, port: boundPort } = await server.listen();
  const url = `http://${address}:${boundPort}`;
  const connection = await hre.network.create<"l1">({ network: "local", override: { url } });
  const now = async () => (await connection.ethers.provider.getBlock("latest"))?.timestamp ?? 0;
  return {
    url,
    connection,
    now,
    async moveTo(timestampSeconds) {
      if (timestampSeconds > (await now())) await connection.networkHelpers.time.increaseTo(timestampSeconds);
    },
    async close() {
      await connection.close();
      await server.close();
    },
  };
}
