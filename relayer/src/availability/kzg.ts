// SPDX-License-Identifier: GPL-3.0-or-later

import { Worker } from "node:worker_threads";
import { describeError, RelayerError } from "../errors.ts";
import type { ProofKind, SealedBlob } from "./sidecar.ts";

/** One blob for the thread. */
export interface KzgJob {
  id: number;
  blob: Uint8Array;
  proofKind: ProofKind | "none";
}

/** What the thread says of it. */
export type KzgAnswer =
  | { id: number; commitment: Uint8Array; proofs: Uint8Array }
  | { id: number; error: string };

interface Waiting {
  job: KzgJob;
  resolve(answer: { commitment: Uint8Array; proofs: Uint8Array }): void;
  reject(error: RelayerError): void;
}

const WORKER = new URL("./kzg-worker.ts", import.meta.url);
/** About ten times what a full blob takes on two cores: a thread that computes for longer has hung. */
export const JOB_MILLISECONDS: Readonly<Record<KzgJob["proofKind"], number>> = {
  none: 20_000,
  blob: 30_000,
  cell: 120_000,
};

/**
 * KZG commitments and proofs of blobs, in a thread of their own: in plain JavaScript one blob takes seconds
 * (`npm run bench -- blobs`). The thread starts with the first blob, is given one at a time, and keeps no process alive. One
 * that dies or hangs costs the blob that it had; those that wait get a new thread.
 */
export class Kzg {
  readonly #queue: Waiting[] = [];
  /** What the thread computes. */
  #current: Waiting | undefined;
  #timer: NodeJS.Timeout | undefined;
  #worker: Worker | undefined;
  #nextId = 1;

  /** 48 bytes. @throws RelayerError `MT-DA-003` the bytes are no blob, or the thread died or hung */
  async commitmentOf(blob: Uint8Array): Promise<Uint8Array> {
    return (await this.#run(blob, "none")).commitment;
  }

  /** Commitment and proofs. @throws RelayerError `MT-DA-003` the bytes are no blob, or the thread died or hung */
  async seal(blob: Uint8Array, proofKind: ProofKind): Promise<SealedBlob> {
    return { blob, ...(await this.#run(blob, proofKind)) };
  }

  /** Ends the thread. What it was computing is lost, and so is what waits. */
  close(): void {
    const lost = this.#queue.splice(0);
    this.#fail("the thread was closed");
    for (const { reject } of lost) reject(failed("the thread was closed"));
    void this.#worker?.terminate();
    this.#worker = undefined;
  }

  #run(blob: Uint8Array, proofKind: KzgJob["proofKind"]) {
    return new Promise<{ commitment: Uint8Array; proofs: Uint8Array }>((resolve, reject) => {
      this.#queue.push({ job: { id: this.#nextId++, blob, proofKind }, resolve, reject });
      this.#next();
    });
  }

  #next(): void {
    if (this.#current) return;
    this.#current = this.#queue.shift();
    if (!this.#current) {
      // Only while there is work does it hold the process.
      this.#worker?.unref();
      return;
    }
    const { job } = this.#current;
    try {
      const worker = this.#start();
      worker.ref();
      const bound = JOB_MILLISECONDS[job.proofKind];
      this.#timer = setTimeout(() => this.#giveUp(worker, `it took over ${bound / 1_000} seconds`), bound);
      worker.postMessage(job);
    } catch (error) {
      this.#fail(describeError(error).message);
    }
  }

  #start(): Worker {
    if (this.#worker) return this.#worker;
    const worker = new Worker(WORKER);
    worker.on("message", (answer: KzgAnswer) => worker === this.#worker && this.#settle(answer));
    worker.on("error", (error) => this.#giveUp(worker, error.message));
    worker.on("exit", () => this.#giveUp(worker, "the thread ended"));
    this.#worker = worker;
    return worker;
  }

  #settle(answer: KzgAnswer): void {
    const settled = this.#finish();
    if ("error" in answer) settled?.reject(failed(answer.error));
    else settled?.resolve(answer);
    this.#next();
  }

  /** What the thread has is lost with it. */
  #giveUp(worker: Worker, reason: string): void {
    if (worker !== this.#worker) return;
    this.#worker = undefined;
    void worker.terminate();
    this.#fail(reason);
  }

  #fail(reason: string): void {
    this.#finish()?.reject(failed(reason));
    this.#next();
  }

  #finish(): Waiting | undefined {
    clearTimeout(this.#timer);
    const finished = this.#current;
    this.#current = undefined;
    return finished;
  }
}

function failed(reason: string): RelayerError {
  return new RelayerError(
    "MT-DA-003",
    `the commitment of a blob could not be computed: ${reason}`,
    "It is tried again. If it stays, set commit.availability to http.",
  );
}
