// SPDX-License-Identifier: GPL-3.0-or-later

import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { SnarkjsProof } from "@meantime/sdk/evidence";
import { crashed, noProof, tooMuchMemory } from "./errors.ts";
import { watchMemory } from "./memory-watch.ts";

/** One job of a proving process. Signals are decimal text or lists of it; paths are absolute. */
export interface WorkerJob {
  id: number;
  signals: Record<string, string | string[]>;
  wasm: string;
  zkey: string;
  /** Where to write the witness; then the process does not prove. */
  witnessFile?: string;
}

/** What the process says. All but `proving` end the job. */
export type WorkerAnswer =
  | { id: number; stage: "proving" | "witnessed" }
  | { id: number; stage: "proven"; proof: SnarkjsProof; publicSignals: string[] }
  | { id: number; stage: "failed"; error: string };

const WORKER = fileURLToPath(new URL("./worker.ts", import.meta.url));

/**
 * Runs snarkjs in a process of its own, one job at a time, so that answers keep flowing while a proof is computed. A
 * process and not a worker thread: snarkjs spreads its work over threads by the package `web-worker`, which takes any
 * worker thread that loads it for one of its own and fails there. It stays warm between jobs, and is started anew after
 * it died or was killed.
 */
export class WorkerProcess {
  readonly #memoryMegabytes: number;
  #child: ChildProcess | undefined;
  #nextId = 1;

  constructor(memoryMegabytes: number) {
    this.#memoryMegabytes = memoryMegabytes;
  }

  /** Starts the process, so that the first job need not wait for it. */
  start(): ChildProcess {
    if (this.#child) return this.#child;
    const child = fork(WORKER, {
      // snarkjs writes to the console; what matters of it comes back as the error's text.
      stdio: ["ignore", "ignore", "ignore", "ipc"],
      execArgv: [...process.execArgv, `--max-old-space-size=${this.#memoryMegabytes}`],
    });
    // One that dies between two jobs costs neither of them.
    child.once("exit", () => this.#forget(child));
    this.#child = child;
    return child;
  }

  /** Ends the process. A job that is running is lost. */
  stop(): void {
    this.#child?.kill("SIGKILL");
    this.#child = undefined;
  }

  /**
   * Runs one job. An abort kills the process: nothing else stops a computation.
   *
   * @throws RelayerError `MT-PRV-001` snarkjs failed; `MT-PRV-006` the process ended; `MT-PRV-009` it took too much memory;
   * the signal's reason where that fires
   */
  run(
    job: Omit<WorkerJob, "id">,
    signal: AbortSignal,
    onProving: () => void,
  ): Promise<Extract<WorkerAnswer, { stage: "witnessed" | "proven" }>> {
    const child = this.start();
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const stopListening = () => {
        stopWatch();
        signal.removeEventListener("abort", onAbort);
        child.off("message", onMessage).off("error", onError).off("exit", onExit);
      };
      const fail = (error: unknown) => {
        stopListening();
        reject(error);
      };
      const abandon = (error: unknown) => {
        this.#forget(child);
        child.kill("SIGKILL");
        fail(error);
      };
      const onMessage = (message: unknown) => {
        const answer = message as WorkerAnswer;
        if (answer.id !== id) return;
        if (answer.stage === "proving") return onProving();
        if (answer.stage === "failed") return fail(noProof(answer.error));
        stopListening();
        resolve(answer as Extract<WorkerAnswer, { stage: "witnessed" | "proven" }>);
      };
      const onAbort = () => abandon(signal.reason);
      const onError = (error: Error) => abandon(crashed(error.message));
      const onExit = (code: number | null, killedBy: string | null) =>
        abandon(crashed(killedBy ?? `exit code ${code}`));
      const stopWatch = watchMemory(child.pid ?? 0, this.#memoryMegabytes, () =>
        abandon(tooMuchMemory(this.#memoryMegabytes)),
      );
      child.on("message", onMessage).on("error", onError).on("exit", onExit);
      signal.addEventListener("abort", onAbort);
      if (signal.aborted) return onAbort();
      child.send({ ...job, id }, (error) => error && onError(error));
    });
  }

  #forget(child: ChildProcess): void {
    if (this.#child === child) this.#child = undefined;
  }
}
