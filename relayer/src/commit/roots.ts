// SPDX-License-Identifier: GPL-3.0-or-later

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { type Hex, ZERO_HASH } from "@meantime/sdk/hex";
import type { WaitingLeaf } from "../ledger/receipts.ts";
import { treeOfClaims, treeOfOpenings } from "../ledger/trees.ts";
import type { Logger } from "../ops/logger.ts";

/** What a batch's header says of its claims. */
export interface Roots {
  root: Hex;
  /** Zero where the policy keeps data private. */
  dataRoot: Hex;
}

/** The leaves of a batch, packed: thousands of small objects take longer to hand over than to hash. */
export interface PackedLeaves {
  count: number;
  /** One after the other, without 0x. */
  claimIds: string;
  /** Undefined where no data root is asked for. */
  openings: PackedOpenings | undefined;
}

/** What opens the claims, packed. */
export interface PackedOpenings {
  /** One after the other, without 0x. */
  salts: string;
  /** Input and output of each claim, one after the other. */
  bytes: Uint8Array<ArrayBuffer>;
  /** Their lengths in the same order. */
  lengths: Uint32Array<ArrayBuffer>;
}

/** Fewer are hashed sooner than a thread has begun. */
const WORTH_A_THREAD = 256;
/** Many times what the largest batch takes: a thread that says nothing for so long has hung. */
export const THREAD_MILLISECONDS = 10_000;

let thread: Worker | undefined;
let isBusy = false;

/**
 * The roots over claims and what opens them, in the order given. Large batches are hashed by another thread, so that this one
 * goes on answering requests; where that fails or takes too long, here.
 *
 * @param logger is told why the thread did not do it
 */
export async function rootsOf(
  leaves: readonly WaitingLeaf[],
  isPublic: boolean,
  logger: Pick<Logger, "warn">,
): Promise<Roots> {
  if (leaves.length >= WORTH_A_THREAD && !isBusy) {
    try {
      return await inThread(packLeaves(leaves, isPublic));
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      logger.warn(
        { code: "MT-OPS-011", claims: leaves.length, message },
        "a batch is hashed without the thread",
      );
    }
  }
  return {
    root: (await treeOfClaims(leaves.map(({ claimId }) => claimId))).root,
    dataRoot: isPublic ? (await treeOfOpenings(leaves)).root : ZERO_HASH,
  };
}

async function inThread(packed: PackedLeaves): Promise<Roots> {
  isBusy = true;
  const listening = new AbortController();
  const { signal } = listening;
  let timer: NodeJS.Timeout | undefined;
  let worker: Worker | undefined;
  try {
    worker = thread ??= startThread();
    worker.ref();
    const { openings } = packed;
    worker.postMessage(packed, openings ? [openings.bytes.buffer, openings.lengths.buffer] : []);
    const ended = once(worker, "exit", { signal }).then(() => {
      throw new Error("the thread has ended");
    });
    const late = new Promise<never>((_, reject) => {
      const silent = () => reject(new Error(`the thread has said nothing for ${THREAD_MILLISECONDS} ms`));
      timer = setTimeout(silent, THREAD_MILLISECONDS);
    });
    // Rejects with the thread's error.
    const [roots] = (await Promise.race([once(worker, "message", { signal }), ended, late])) as [Roots];
    // It holds up no end of the process.
    worker.unref();
    return roots;
  } catch (error) {
    thread = undefined;
    void worker?.terminate();
    throw error;
  } finally {
    clearTimeout(timer);
    listening.abort();
    isBusy = false;
  }
}

function startThread(): Worker {
  const worker = new Worker(new URL("roots-thread.ts", import.meta.url), {
    resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 8 },
  });
  const forget = () => {
    if (thread === worker) thread = undefined;
  };
  // One that ends between two batches would never answer the next; its error, unheard, would end the process.
  worker.on("error", forget);
  worker.on("exit", forget);
  return worker;
}

/** What the thread is sent. */
export function packLeaves(leaves: readonly WaitingLeaf[], isPublic: boolean): PackedLeaves {
  return {
    count: leaves.length,
    claimIds: leaves.map(({ claimId }) => claimId.slice(2)).join(""),
    openings: isPublic ? packOpenings(leaves) : undefined,
  };
}

function packOpenings(leaves: readonly WaitingLeaf[]): PackedOpenings {
  const parts = leaves.flatMap(({ opening: { input, output } }) => [input, output]);
  const lengths = Uint32Array.from(parts, ({ length }) => length);
  const bytes = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return { salts: leaves.map(({ opening: { salt } }) => salt.slice(2)).join(""), bytes, lengths };
}
