// SPDX-License-Identifier: MIT
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import hre from "hardhat";
import type { LocalChain } from "./chain.ts";

const require = createRequire(import.meta.url);
const ACCOUNTS = 20;
/** Hardhat's node fills its blocks up to this. */
const BLOCK_GAS_LIMIT = 60_000_000;

/** Starts Anvil, of Foundry, in a process of its own: a chain that shares no code with Hardhat's. */
export async function startAnvil(port = 0): Promise<LocalChain> {
  await hre.tasks.getTask("build").run({ quiet: true });
  const child = spawn(anvilPath(), anvilArguments(port), { stdio: ["ignore", "pipe", "inherit"] });
  const killChild = () => child.kill("SIGKILL");
  process.once("exit", killChild);
  child.once("exit", () => process.off("exit", killChild));
  const url = await listeningUrl(child);
  const connection = await hre.network.create<"l1">({ network: "local", override: { url } });
  const { provider } = connection.ethers;
  const now = async () => (await provider.getBlock("latest"))?.timestamp ?? 0;
  return {
    url,
    connection,
    now,
    async moveTo(timestampSeconds) {
      if (timestampSeconds <= (await now())) return;
      await provider.send("evm_setNextBlockTimestamp", [timestampSeconds]);
      await provider.send("evm_mine", []);
    },
    async close() {
      await connection.close();
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, "exit");
      killChild();
      await exited;
    },
  };
}

/** Whether the optional package with the binary is installed. */
export function hasAnvil(): boolean {
  try {
    anvilPath();
    return true;
  } catch {
    return false;
  }
}

function anvilPath(): string {
  return require.resolve("@foundry-rs/anvil-linux-amd64/bin/anvil");
}

function anvilArguments(port: number): string[] {
  return [
    ...["--port", String(port), "--chain-id", "31337", "--accounts", String(ACCOUNTS)],
    // The cap of EIP-7825, which Anvil leaves out by default even under the fork that brought it.
    ...["--hardfork", "osaka", "--enable-tx-gas-limit", "--gas-limit", String(BLOCK_GAS_LIMIT)],
  ];
}

async function listeningUrl(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error("anvil has no pipe");
  const lines = createInterface(child.stdout);
  const ended = once(child, "exit").then(([code]) => {
    throw new Error(`anvil ended with ${code} before it listened`);
  });
  const url = (async () => {
    for await (const line of lines) {
      const found = /^Listening on (\S+)/.exec(line)?.[1];
      if (found) return `http://${found}`;
    }
    return await ended;
  })();
  const found = await Promise.race([url, ended]);
  // What it says later is of no use, and must not fill the pipe.
  child.stdout.resume();
  return found;
}
