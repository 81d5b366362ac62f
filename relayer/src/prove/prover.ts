// SPDX-License-Identifier: GPL-3.0-or-later

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { encodeGroth16Proof, type SnarkjsProof } from "@meantime/sdk/evidence";
import { verifyGroth16 } from "@meantime/sdk/groth16";
import type { Hex } from "@meantime/sdk/hex";
import { RelayerError } from "../errors.ts";
import { traced } from "../ops/tracing/trace.ts";
import { aborted, rapidsnarkUnusable, timedOut, wrongProof } from "./errors.ts";
import { proveWithRapidsnark, type Rapidsnark } from "./rapidsnark.ts";
import { WorkerProcess } from "./worker-process.ts";

/** What to prove. Signals are decimal text or lists of it; paths are absolute. */
export interface ProofJob {
  signals: Record<string, string | string[]>;
  wasm: string;
  zkey: string;
  /** The encoded key that the proof must verify under. */
  verificationKey: Hex;
}

/** A proof that verifies under the job's key. */
export interface Proof {
  proof: SnarkjsProof;
  publicSignals: bigint[];
}

/** Where a job is, in this order. */
export type ProofStage = "queued" | "witness" | "proving" | "verifying" | "done";

/** How one job is followed and given up. */
export interface ProofFollowing {
  signal?: AbortSignal;
  onProgress?: (stage: ProofStage) => void;
}

/** How proofs are computed. */
export interface ProverOptions {
  /** Proofs at the same time. snarkjs uses every core for one proof. */
  workers: number;
  /** For one proof, without waiting for its turn. */
  timeoutMilliseconds: number;
  /** Resident memory of one process. */
  memoryMegabytes: number;
  /** Used in place of snarkjs' prover, until it fails for the first time. */
  rapidsnark?: Rapidsnark;
  /** Told of every proof that was begun: "ok", or the code of what ended it. */
  onEnd?: (outcome: string, seconds: number) => void;
  /** Told why the external prover is not used any more. */
  onFault?: (error: RelayerError) => void;
}

const DEFAULTS: ProverOptions = { workers: 1, timeoutMilliseconds: 120_000, memoryMegabytes: 4_096 };

/** A pool of warm proving processes. Nothing leaves it that does not verify. */
export class Prover {
  readonly #options: ProverOptions;
  readonly #workers: WorkerProcess[];
  readonly #idle: WorkerProcess[];
  readonly #waiting: ((worker: WorkerProcess) => void)[] = [];
  readonly #closed = new AbortController();
  #rapidsnark: Rapidsnark | undefined;

  constructor(options: Partial<ProverOptions> = {}) {
    this.#options = { ...DEFAULTS, ...options };
    this.#rapidsnark = this.#options.rapidsnark;
    const { workers, memoryMegabytes } = this.#options;
    this.#workers = Array.from({ length: workers }, () => new WorkerProcess(memoryMegabytes));
    this.#idle = [...this.#workers];
  }

  /** Starts the processes before the first job. */
  warmUp(): void {
    for (const worker of this.#workers) worker.start();
  }

  /**
   * Computes a proof, after those that were asked for before, and verifies it.
   *
   * @throws RelayerError `MT-PRV-001` the witness or the proof failed; `MT-PRV-005` the proof does not verify; `MT-PRV-007`
   * it took too long; `MT-PRV-008` it was aborted or the prover closed; `MT-PRV-009` it took too much memory
   * @throws TemporaryError `MT-PRV-006` the process died; the next job gets a new one
   */
  prove(job: ProofJob, following: ProofFollowing = {}): Promise<Proof> {
    return traced("proof", { zkey: basename(job.zkey) }, () => this.#prove(job, following));
  }

  async #prove(job: ProofJob, { signal, onProgress = () => undefined }: ProofFollowing): Promise<Proof> {
    const ended = [this.#closed.signal, ...(signal ? [signal] : [])];
    onProgress("queued");
    const worker = await this.#turn(AbortSignal.any(ended));
    const start = performance.now();
    let outcome = "ok";
    const timeout = AbortSignal.timeout(this.#options.timeoutMilliseconds);
    const end = AbortSignal.any([...ended, timeout]);
    try {
      const proof = await this.#compute(worker, job, end, onProgress);
      onProgress("done");
      return proof;
    } catch (error) {
      const fault = this.#faultOf(error, ended, timeout);
      outcome = fault instanceof RelayerError ? fault.code : "other";
      throw fault;
    } finally {
      this.#release(worker);
      this.#options.onEnd?.(outcome, (performance.now() - start) / 1_000);
    }
  }

  /** How many jobs wait for their turn. */
  get waiting(): number {
    return this.#waiting.length;
  }

  #faultOf(error: unknown, ended: readonly AbortSignal[], timeout: AbortSignal): unknown {
    if (error instanceof RelayerError) return error;
    if (ended.some(({ aborted }) => aborted)) return aborted();
    return timeout.aborted ? timedOut(this.#options.timeoutMilliseconds) : error;
  }

  /** Gives up every job and ends the processes. What was lost is computed again after a restart. */
  close(): void {
    this.#closed.abort();
    for (const worker of this.#workers) worker.stop();
  }

  async #compute(
    worker: WorkerProcess,
    job: ProofJob,
    signal: AbortSignal,
    onProgress: (stage: ProofStage) => void,
  ): Promise<Proof> {
    if (this.#rapidsnark) {
      try {
        return await this.#computeExternally(this.#rapidsnark, worker, job, signal, onProgress);
      } catch (error) {
        if (!isFault(error)) throw error;
        this.#rapidsnark = undefined;
        this.#options.onFault?.(error);
      }
    }
    onProgress("witness");
    const made = await worker.run(withoutKey(job), signal, () => onProgress("proving"));
    if (made.stage !== "proven") throw new TypeError("the worker did not prove");
    return verified(made, job, onProgress);
  }

  async #computeExternally(
    rapidsnark: Rapidsnark,
    worker: WorkerProcess,
    job: ProofJob,
    signal: AbortSignal,
    onProgress: (stage: ProofStage) => void,
  ): Promise<Proof> {
    // The witness holds the input, which is nobody's business: a folder that only this user reads, for this job alone.
    const folder = await mkdtemp(join(tmpdir(), "meantime-proof-"));
    try {
      onProgress("witness");
      const witnessFile = join(folder, "witness.wtns");
      await worker.run({ ...withoutKey(job), witnessFile }, signal, () => undefined);
      onProgress("proving");
      const { memoryMegabytes } = this.#options;
      const made = await proveWithRapidsnark(rapidsnark, { zkey: job.zkey, folder, memoryMegabytes }, signal);
      return externallyVerified(rapidsnark, made, job, onProgress);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  #turn(signal: AbortSignal): Promise<WorkerProcess> {
    if (signal.aborted) return Promise.reject(aborted());
    const worker = this.#idle.pop();
    if (worker) return Promise.resolve(worker);
    return new Promise((resolve, reject) => {
      const take = (free: WorkerProcess) => {
        signal.removeEventListener("abort", leave);
        resolve(free);
      };
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(take), 1);
        reject(aborted());
      };
      signal.addEventListener("abort", leave, { once: true });
      this.#waiting.push(take);
    });
  }

  #release(worker: WorkerProcess): void {
    const next = this.#waiting.shift();
    if (next) next(worker);
    else this.#idle.push(worker);
  }
}

function verified(
  { proof, publicSignals }: { proof: SnarkjsProof; publicSignals: string[] },
  { zkey, verificationKey }: ProofJob,
  onProgress: (stage: ProofStage) => void,
): Proof {
  onProgress("verifying");
  const signals = publicSignals.map(BigInt);
  if (!verifyGroth16(verificationKey, signals, encodeGroth16Proof(proof))) throw wrongProof(zkey);
  return { proof, publicSignals: signals };
}

// Whatever an external program writes is not to be believed: a text that is no proof is as bad as a wrong proof.
function externallyVerified(
  { binary }: Rapidsnark,
  made: { proof: SnarkjsProof; publicSignals: string[] },
  job: ProofJob,
  onProgress: (stage: ProofStage) => void,
): Proof {
  try {
    return verified(made, job, onProgress);
  } catch (error) {
    throw rapidsnarkUnusable(binary, `its proof is none: ${error instanceof Error ? error.message : error}`);
  }
}

function isFault(error: unknown): error is RelayerError {
  return error instanceof RelayerError && error.code === "MT-PRV-010";
}

function withoutKey({ signals, wasm, zkey }: ProofJob): Omit<ProofJob, "verificationKey"> {
  return { signals, wasm, zkey };
}
