// SPDX-License-Identifier: MIT
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Hex } from "@meantime/sdk/hex";
import { DIGIT_MODEL, digitModelUrl } from "../chain/models.ts";
import { LOCAL_IMAGE, LOCAL_MEASUREMENT, type LocalOperator, localKey } from "./operators.ts";
import type { LocalPolicy } from "./policies.ts";

/** What a relayer of the local stack is told. */
export interface RelayerOptions {
  /** Where its ledger and configuration go. */
  folder: string;
  rpcUrl: string;
  settlement: string;
  enclaveEvidence: string;
  operator: LocalOperator;
  /** The key of its simulated enclave. */
  enclaveKey?: string;
  policyIds: Record<LocalPolicy, Hex>;
  /** Whether it watches and challenges other operators. */
  watches: boolean;
  /** Default: info, to standard error. */
  logLevel?: "info" | "silent";
  /** 0: any free port. */
  port?: number;
}

/** A relayer daemon in a process of its own. */
export interface RelayerProcess {
  url: string;
  pid: number | undefined;
  /** Kills it the hard way, at once. */
  kill(): Promise<void>;
  /** Asks it to drain and waits until it has. */
  stop(): Promise<void>;
}

/** Pays for the registration of enclaves' keys. */
const REGISTRAR_ACCOUNT = 17;
/** On a busy machine; a key's registration alone may wait for two minutes. */
const START_MILLISECONDS = 300_000;
const BIN = fileURLToPath(new URL("../../relayer/bin/meantime.js", import.meta.url));
const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Writes a relayer's configuration file and returns its path. */
export async function writeRelayerConfig(options: RelayerOptions): Promise<string> {
  await mkdir(options.folder, { recursive: true });
  const file = join(options.folder, "relayer.json");
  await writeFile(file, `${JSON.stringify(relayerConfig(options), null, 2)}\n`);
  return file;
}

/** Starts `meantime start` and waits until it says where it listens. Rejects with its log when it ends before that. */
export async function startRelayerProcess(configFile: string): Promise<RelayerProcess> {
  const child = spawn(process.execPath, [BIN, "start", "--config", configFile, "--json"], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
  });
  // Whatever ends this process, no daemon stays behind.
  const killChild = () => child.kill("SIGKILL");
  process.once("exit", killChild);
  child.once("exit", () => process.off("exit", killChild));
  const url = await readyUrl(child);
  return {
    url,
    pid: child.pid,
    kill: () => end(child, "SIGKILL"),
    stop: () => end(child, "SIGTERM"),
  };
}

function relayerConfig(options: RelayerOptions): object {
  const { operator, policyIds } = options;
  return {
    chain: {
      rpcUrl: options.rpcUrl,
      chainId: 31337,
      settlement: options.settlement,
      enclaveEvidence: options.enclaveEvidence,
      pollMilliseconds: 100,
    },
    operator: {
      address: operator.owner.address,
      senderKey: operator.sender.privateKey,
      receiptKey: operator.receiptKey.privateKey,
      ...(options.enclaveKey ? { enclaveKey: options.enclaveKey } : {}),
    },
    ...(options.enclaveKey
      ? {
          enclave: {
            attestor: { kind: "simulated", image: LOCAL_IMAGE },
            registrarKey: localKey(REGISTRAR_ACCOUNT).privateKey,
          },
        }
      : {}),
    gateway: { host: "127.0.0.1", port: options.port ?? 0 },
    ledger: { file: "ledger.sqlite" },
    models: [
      {
        spec: fileURLToPath(digitModelUrl("spec")),
        wasm: fileURLToPath(digitModelUrl("wasm")),
        zkey: fileURLToPath(digitModelUrl("zkey")),
        verificationKey: fileURLToPath(digitModelUrl("verificationKey")),
        measurement: LOCAL_MEASUREMENT,
      },
    ],
    policies: [
      { name: "window", id: policyIds.window, prove: "never" },
      { name: "enclave", id: policyIds.enclave, prove: "never" },
      { name: "proof", id: policyIds.proof, prove: "always" },
    ],
    commit: { maxAgeSeconds: 2, maxClaims: 256, commitHorizonSeconds: 600 },
    watch: options.watches
      ? { mode: "auto", challengerKey: operator.challenger.privateKey, maxOpenChallenges: 4 }
      : { mode: "off" },
    log: { level: options.logLevel ?? "info" },
  };
}

// The relayer logs to standard error and prints one JSON line to standard output once it listens.
async function readyUrl(child: ChildProcess): Promise<string> {
  const log: string[] = [];
  if (!child.stdout || !child.stderr) throw new Error("the relayer has no pipes");
  createInterface(child.stderr).on("line", (line) => {
    log.push(line);
    if (log.length > 200) log.shift();
  });
  const lines = createInterface(child.stdout);
  let isLate = false;
  const ready = once(lines, "line").then(([line]) => (JSON.parse(String(line)) as { url: string }).url);
  const ended = once(child, "exit").then(([code]) => {
    const how = isLate
      ? `was not ready in ${START_MILLISECONDS} ms`
      : `ended with ${code} before it was ready`;
    throw new Error(`the relayer ${how}:\n${log.join("\n")}`);
  });
  // One that hangs shall fail what waits for it, with its last words.
  const killLate = setTimeout(() => {
    isLate = child.kill("SIGKILL");
  }, START_MILLISECONDS);
  try {
    return await Promise.race([ready, ended]);
  } finally {
    clearTimeout(killLate);
  }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill(signal);
  await exited;
}

/** The model's name in the gateway's paths. */
export const MODEL_NAME = DIGIT_MODEL.name;
