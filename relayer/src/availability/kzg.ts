// SPDX-License-Identifier: GPL-3.0-or-later

import { Worker } from "node:worker_threads";
import { RelayerError } from "../errors.ts";
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
  resolve(answer: { commitment: Uint8Array; proofs: Uint8Array }): void;
  reject(error: RelayerError): void;
}

const WORKER = new URL("./kzg-worker.ts", import.meta.url);

/**
 * KZG commitments and proofs of blobs, in a thread of their own: in plain JavaScript one blob takes seconds
 * (`npm run bench -- blobs`). The thread starts with the first blob and keeps no process alive.
 */
export class Kzg {
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #nextId = 1;

  /** 48 bytes. @throws RelayerError `MT-DA-003` the bytes are no blob, or the thread died */
  async commitmentOf(blob: Uint8Array): Promise<Uint8Array> {
    return (await this.#run(blob, "none")).commitment;
  }

  /** Commitment and proofs. @throws RelayerError `MT-DA-003` the bytes are no blob, or the thread died */
  async seal(blob: Uint8Array, proofKind: ProofKind): Promise<SealedBlob> {
    return { blob, ...(await this.#run(blob, proofKind)) };
  }

  /** Ends the thread. What it was computing is lost. */
  close(): void {
    void this.#worker?.terminate();
    this.#end("the thread was closed");
  }

  #run(blob: Uint8Array, proofKind: KzgJob["proofKind"]) {
    const id = this.#nextId++;
    const worker = this.#start();
    return new Promise<{ commitment: Uint8Array; proofs: Uint8Array }>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      // Only while there is work does it hold the process.
      worker.ref();
      worker.postMessage({ id, blob, proofKind } satisfies KzgJob);
    });
  }

  #start(): Worker {
    if (this.#worker) return this.#worker;
    const worker = new Worker(WORKER);
    worker.on("message", (answer: KzgAnswer) => this.#settle(answer));
    worker.on("error", (error) => worker === this.#worker && this.#end(error.message));
    worker.on("exit", () => worker === this.#worker && this.#end("the thread ended"));
    this.#worker = worker;
    return worker;
  }

  #settle(answer: KzgAnswer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (this.#waiting.size === 0) this.#worker?.unref();
    if ("error" in answer) waiting?.reject(failed(answer.error));
    else waiting?.resolve(answer);
  }

  #end(reason: string): void {
    this.#worker = undefined;
    for (const { reject } of this.#waiting.values()) reject(failed(reason));
    this.#waiting.clear();
  }
}

function failed(reason: string): RelayerError {
  return new RelayerError(
    "MT-DA-003",
    `the commitment of a blob could not be computed: ${reason}`,
    "It is tried again. If it stays, set commit.availability to http.",
  );
}
