// SPDX-License-Identifier: GPL-3.0-or-later

import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { SnarkjsProof } from "@meantime/sdk/evidence";
import { RelayerError } from "../errors.ts";

/** One job of the proving process. Signals are decimal text or lists of it; paths are absolute. */
export interface ProofJob {
  id: number;
  signals: Record<string, string | string[]>;
  wasm: string;
  zkey: string;
}

/** What the process answers. */
export type ProofResult =
  | { id: number; proof: SnarkjsProof; publicSignals: string[] }
  | { id: number; error: string };

/** A proof, not yet verified. */
export interface Proof {
  proof: SnarkjsProof;
  publicSignals: bigint[];
}

const PROOF_TIMEOUT_MILLISECONDS = 120_000;
const WORKER = fileURLToPath(new URL("./worker.ts", import.meta.url));

/**
 * Runs snarkjs in a process of its own, one proof at a time, so that answers keep flowing while a proof is computed. A
 * process and not a worker thread: snarkjs spreads its work over threads by the package `web-worker`, which takes any
 * worker thread that loads it for one of its own and fails there. The process is started with the first proof, and anew
 * after it died.
 */
export class Prover {
  #worker: ChildProcess | undefined;
  #nextId = 1;
  #queue: Promise<unknown> = Promise.resolve();

  /**
   * Computes a proof, after those that were asked for before.
   *
   * @throws RelayerError `MT-PRV-001` the witness or the proof failed, the process died, or it took too long
   */
  prove(job: Omit<ProofJob, "id">): Promise<Proof> {
    const turn = this.#queue.then(() => this.#run({ ...job, id: this.#nextId++ }));
    // The next in line waits for this one, however it ends; its own caller gets the error.
    this.#queue = turn.then(
      () => undefined,
      () => undefined,
    );
    return turn;
  }

  /** Ends the process. A proof that is being computed is lost; it is computed again after a restart. */
  close(): void {
    this.#worker?.kill("SIGKILL");
    this.#worker = undefined;
  }

  #run(job: ProofJob): Promise<Proof> {
    // snarkjs writes to the console; what matters of it comes back as the error's text.
    this.#worker ??= fork(WORKER, { stdio: ["ignore", "ignore", "ignore", "ipc"] });
    const worker = this.#worker;
    return new Promise((resolve, reject) => {
      const fail = (reason: string) => {
        stopListening();
        reject(
          new RelayerError(
            "MT-PRV-001",
            `no proof: ${reason}`,
            "Check that wasm, zkey and input fit the model.",
          ),
        );
      };
      const abandon = (reason: string) => {
        this.#worker = undefined;
        worker.kill("SIGKILL");
        fail(reason);
      };
      const onMessage = (message: unknown) => {
        const result = message as ProofResult;
        if (result.id !== job.id) return;
        if ("error" in result) return fail(result.error);
        stopListening();
        resolve({ proof: result.proof, publicSignals: result.publicSignals.map(BigInt) });
      };
      const onError = (error: Error) => abandon(error.message);
      const onExit = () => abandon("the proving process ended");
      const timer = setTimeout(() => abandon("it took too long"), PROOF_TIMEOUT_MILLISECONDS);
      const stopListening = () => {
        clearTimeout(timer);
        worker.off("message", onMessage).off("error", onError).off("exit", onExit);
      };
      worker.on("message", onMessage).on("error", onError).on("exit", onExit);
      worker.send(job);
    });
  }
}
