// SPDX-License-Identifier: GPL-3.0-or-later
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { randomBytes32 } from "@meantime/sdk/hex";
import { treeOfClaims } from "../relayer/src/ledger/trees.ts";
import { useFastKeccak } from "../relayer/src/signers/keccak.ts";

/** What the relayer's tree over 4,096 claims takes. */
export interface TreeFigures {
  /** From call to root, the middlemost of some. */
  treeMs: number;
  treeCpuMs: number;
  /** The longest that the event loop was held up meanwhile. */
  treeBlockMs: number;
}

const LEAVES = 4_096;
const RUNS = 9;
const WARM_UP_RUNS = 3;

/** Times it in this process, which hashes as the relayer does and does nothing else meanwhile. */
export async function timeTree(): Promise<TreeFigures> {
  await useFastKeccak();
  const claimIds = Array.from({ length: LEAVES }, randomBytes32);
  for (let run = 0; run < WARM_UP_RUNS; run++) await treeOfClaims(claimIds);
  const blocks = monitorEventLoopDelay({ resolution: 1 });
  blocks.enable();
  const [wall, cpu]: [number[], number[]] = [[], []];
  for (let run = 0; run < RUNS; run++) {
    await delay(5);
    const [startedAt, before] = [performance.now(), process.cpuUsage()];
    await treeOfClaims(claimIds);
    wall.push(performance.now() - startedAt);
    const { user, system } = process.cpuUsage(before);
    cpu.push((user + system) / 1_000);
  }
  blocks.disable();
  return { treeMs: median(wall), treeCpuMs: median(cpu), treeBlockMs: round(blocks.max / 1e6) };
}

function median(values: number[]): number {
  return round(values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN);
}

function round(milliseconds: number): number {
  return Math.round(milliseconds * 10) / 10;
}
