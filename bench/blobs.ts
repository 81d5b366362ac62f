// SPDX-License-Identifier: GPL-3.0-or-later
import { randomBytes } from "node:crypto";
import { type BatchHeader, type Opening, openingLeaf } from "@meantime/sdk/batch";
import { bytesToHex, type Hex, ZERO_HASH } from "@meantime/sdk/hex";
import { buildMerkleTree } from "@meantime/sdk/merkle";
import { decodeBatch, encodeBatch, type PublishedClaim } from "../relayer/src/availability/batch-codec.ts";
import { packBlobs, unpackBlobs } from "../relayer/src/availability/blob-packing.ts";
import { Kzg } from "../relayer/src/availability/kzg.ts";

const CLAIMS = 1_024;
const INPUT_BYTES = 196;
const PIXEL_VALUES = 16;
const MODEL_ID = random(32);

/** A batch of the digit model in blobs: how many it takes, and the seconds of sealing and reading one that is full. */
export async function benchBlobs(): Promise<Record<string, unknown>> {
  const claims = Array.from({ length: CLAIMS }, (_, at) => claimOf(at));
  const header = headerOf(claims);
  const packed = await timed(() => encodeBatch(header, claims));
  const blobs = packBlobs(packed.result);
  const unpacked = await timed(() => decodeBatch(header, unpackBlobs(blobs)));
  const [full = new Uint8Array()] = blobs;
  const kzg = new Kzg();
  // The first job waits for the thread and its tables.
  await kzg.commitmentOf(new Uint8Array(full.length));
  const read = await timed(() => kzg.commitmentOf(full));
  const cell = await timed(() => kzg.seal(full, "cell"));
  const whole = await timed(() => kzg.seal(full, "blob"));
  kzg.close();
  return {
    claims: unpacked.result.length,
    bytes: packed.result.length,
    blobs: blobs.length,
    encodeSeconds: packed.seconds,
    decodeSeconds: unpacked.seconds,
    perBlob: { sealCellSeconds: cell.seconds, sealBlobSeconds: whole.seconds, readSeconds: read.seconds },
  };
}

async function timed<Result>(work: () => Promise<Result>): Promise<{ result: Result; seconds: number }> {
  const start = performance.now();
  const result = await work();
  return { result, seconds: Math.round(performance.now() - start) / 1_000 };
}

function claimOf(at: number): PublishedClaim {
  const opening: Opening = {
    input: Uint8Array.from({ length: INPUT_BYTES }, (_, place) => (place * 7 + at * 13) % PIXEL_VALUES),
    ...{ salt: random(32), output: new Uint8Array(randomBytes(32)) },
  };
  const servedAt = 1_700_000_000n + BigInt(at >> 5);
  return {
    claim: {
      ...{ modelId: MODEL_ID, policyId: ZERO_HASH, operator: `0x${"0a".repeat(20)}`, requester: random(20) },
      ...{ requestId: random(32), inputHash: random(32), outputHash: random(32) },
      ...{ servedAt, commitBy: servedAt + 600n },
    },
    signature: random(65),
    opening,
  };
}

function headerOf(claims: readonly PublishedClaim[]): BatchHeader {
  const leaves = claims.flatMap(({ opening }, at) => (opening ? [openingLeaf(at, opening)] : []));
  return {
    ...{ operator: `0x${"0a".repeat(20)}`, policyId: ZERO_HASH, modelId: MODEL_ID, root: ZERO_HASH },
    dataRoot: buildMerkleTree(leaves).root,
    ...{ count: claims.length, oldestServedAt: 1_700_000_000n, nonce: 0n },
  };
}

function random(bytes: number): Hex {
  return bytesToHex(randomBytes(bytes));
}
