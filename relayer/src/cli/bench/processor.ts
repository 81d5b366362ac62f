// SPDX-License-Identifier: GPL-3.0-or-later

import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Claim } from "@meantime/sdk/claim";
import { type Address, randomBytes32 } from "@meantime/sdk/hex";
import { treeOfClaims } from "../../ledger/trees.ts";
import { curve } from "../../signers/curve.ts";
import { signReceiptWith } from "../../signers/receipt.ts";
import { localSigner } from "../../signers/signer.ts";
import { median, tenths } from "./samples.ts";

const SIGNING_MILLISECONDS = 1_000;
const WARM_UP_SIGNATURES = 200;
const LEAVES = 4_096;
const TREES = 5;
const ADDRESS: Address = `0x${"0b".repeat(20)}`;

/** Receipts signed a second by a key of this process, claim id included; the key is made for this. */
export async function timeSignatures(): Promise<Record<string, unknown>> {
  const signer = localSigner(randomBytes32());
  const domain = { chainId: 1n, settlement: ADDRESS };
  const sign = () => signReceiptWith(signer, anyClaim(), domain);
  for (let made = 0; made < WARM_UP_SIGNATURES; made++) await sign();
  const start = performance.now();
  let signed = 0;
  for (; performance.now() - start < SIGNING_MILLISECONDS; signed++) await sign();
  const { implementation, reason } = curve();
  return {
    perSecond: Math.round((signed * 1_000) / (performance.now() - start)),
    implementation,
    ...(reason === undefined ? {} : { reason }),
  };
}

/** The tree of a full batch, and how long it holds up the event loop. */
export async function timeTree(): Promise<Record<string, unknown>> {
  const claimIds = Array.from({ length: LEAVES }, randomBytes32);
  await treeOfClaims(claimIds);
  const blocks = monitorEventLoopDelay({ resolution: 1 });
  blocks.enable();
  const milliseconds: number[] = [];
  for (let tree = 0; tree < TREES; tree++) {
    const start = performance.now();
    await treeOfClaims(claimIds);
    milliseconds.push(performance.now() - start);
  }
  blocks.disable();
  return {
    leaves: LEAVES,
    milliseconds: tenths(median(milliseconds)),
    longestBlockMilliseconds: tenths(blocks.max / 1e6),
  };
}

function anyClaim(): Claim {
  const hash = randomBytes32();
  return {
    ...{ modelId: hash, policyId: hash, requestId: hash, inputHash: hash, outputHash: hash },
    ...{ operator: ADDRESS, requester: ADDRESS, servedAt: 1_700_000_000n, commitBy: 1_700_000_600n },
  };
}
