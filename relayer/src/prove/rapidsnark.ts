// SPDX-License-Identifier: GPL-3.0-or-later

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { SnarkjsProof } from "@meantime/sdk/evidence";
import { rapidsnarkUnusable, tooMuchMemory } from "./errors.ts";
import { watchMemory } from "./memory-watch.ts";

/** The `prover` binary of iden3/rapidsnark: `prover ZKEY WITNESS PROOF PUBLIC`. */
export interface Rapidsnark {
  binary: string;
  sha256: string;
}

const HELP_MILLISECONDS = 10_000;

/**
 * Looks at an external binary before anything is entrusted to it: its hash, where one is pinned, and what it says of
 * itself. Whether it proves is shown by a proof.
 *
 * @throws RelayerError `MT-PRV-010` unreadable, another hash, or another program
 */
export async function findRapidsnark(binary: string, pinned?: string): Promise<Rapidsnark> {
  const sha256 = await hashOf(binary);
  if (pinned !== undefined && pinned.toLowerCase() !== sha256) {
    throw rapidsnarkUnusable(binary, `its SHA-256 is ${sha256}, not the pinned ${pinned}`);
  }
  // Without its four files it prints its usage and fails, as some versions do with --help.
  const { output } = await run(binary, ["--help"], AbortSignal.timeout(HELP_MILLISECONDS));
  if (!/usage.*zkey/is.test(output)) {
    throw rapidsnarkUnusable(binary, "its --help does not speak of a zkey: it is another program");
  }
  return { binary, sha256 };
}

/**
 * Proves a witness. The proof is not yet verified.
 *
 * @param folder holds `witness.wtns`, and gets the proof
 * @throws RelayerError `MT-PRV-010` it failed; `MT-PRV-009` it took too much memory; the signal's reason where that fires
 */
export async function proveWithRapidsnark(
  { binary }: Rapidsnark,
  { zkey, folder, memoryMegabytes }: { zkey: string; folder: string; memoryMegabytes: number },
  signal: AbortSignal,
): Promise<{ proof: SnarkjsProof; publicSignals: string[] }> {
  const file = (name: string) => join(folder, name);
  const files = [zkey, file("witness.wtns"), file("proof.json"), file("public.json")];
  const { failed, output } = await run(binary, files, signal, memoryMegabytes);
  signal.throwIfAborted();
  if (failed) throw rapidsnarkUnusable(binary, `it failed: ${output.trim() || "no output"}`);
  try {
    const [proof, publicSignals] = await Promise.all(["proof.json", "public.json"].map(readJson));
    return { proof: proof as SnarkjsProof, publicSignals: publicSignals as string[] };
  } catch (error) {
    throw rapidsnarkUnusable(binary, `it left no proof: ${error instanceof Error ? error.message : error}`);
  }

  async function readJson(name: string): Promise<unknown> {
    return JSON.parse(await readFile(file(name), "utf8"));
  }
}

function run(
  binary: string,
  args: string[],
  signal: AbortSignal,
  memoryMegabytes = Number.POSITIVE_INFINITY,
): Promise<{ failed: boolean; output: string }> {
  return new Promise((resolve, reject) => {
    const options = { signal, killSignal: "SIGKILL" } as const;
    const child = execFile(binary, args, options, (error, stdout, stderr) => {
      stopWatch();
      resolve({ failed: error !== null, output: `${stdout}${stderr}${error ? `\n${error.message}` : ""}` });
    });
    const stopWatch = watchMemory(child.pid ?? 0, memoryMegabytes, () => {
      child.kill("SIGKILL");
      reject(tooMuchMemory(memoryMegabytes));
    });
  });
}

async function hashOf(binary: string): Promise<string> {
  const hash = createHash("sha256");
  try {
    for await (const chunk of createReadStream(binary)) hash.update(chunk as Buffer);
  } catch (error) {
    throw rapidsnarkUnusable(binary, error instanceof Error ? error.message : String(error));
  }
  return hash.digest("hex");
}
