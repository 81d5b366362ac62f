// SPDX-License-Identifier: GPL-3.0-or-later

import { hexToBytes } from "@meantime/sdk/hex";
import { z } from "zod";
import { redactUrl } from "../config/redact.ts";
import { TemporaryError } from "../errors.ts";
import type { BlobSource } from "./blob-source.ts";

const TIMEOUT_MILLISECONDS = 20_000;
/** Over what the blobs of a block of the largest schedule take as JSON. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const NOT_FOUND = 404;

const genesisSchema = z.object({ data: z.object({ genesis_time: z.coerce.number() }) });
const specSchema = z.object({
  data: z.object({ SECONDS_PER_SLOT: z.coerce.number(), SLOT_DURATION_MS: z.coerce.number() }).partial(),
});
const blobsSchema = z.object({ data: z.array(z.string()) });
const sidecarsSchema = z.object({ data: z.array(z.object({ blob: z.string() })) });

/**
 * The beacon API of a consensus node: `/eth/v1/beacon/blobs/{slot}`, where that is not known the older `blob_sidecars`. The
 * slot is computed from the block's time. A node that has no `/eth/v1/config/spec` is taken for a development chain, whose
 * slots are the numbers of its blocks (Anvil).
 */
export function beaconNode(url: string): BlobSource {
  const base = url.endsWith("/") ? url : `${url}/`;
  const ask = (path: string) => getJson(new URL(`eth/v1/${path}`, base));
  let slots: Promise<SlotClock | undefined> | undefined;
  const slotClock = () => {
    slots ??= readSlotClock(ask);
    slots.catch(() => {
      slots = undefined;
    });
    return slots;
  };
  return {
    name: `the beacon node ${redactUrl(url)}`,
    async blobsAt({ hashes, blockNumber, timestamp }) {
      const clock = await slotClock();
      const slot = clock ? Math.floor((timestamp - clock.genesisTime) / clock.slotSeconds) : blockNumber;
      const query = hashes.map((hash) => `versioned_hashes=${hash}`).join("&");
      const blobs = await ask(`beacon/blobs/${slot}?${query}`);
      if (blobs !== undefined) return blobsSchema.parse(blobs).data.map(hexToBytes);
      const sidecars = await ask(`beacon/blob_sidecars/${slot}`);
      return sidecars === undefined
        ? []
        : sidecarsSchema.parse(sidecars).data.map(({ blob }) => hexToBytes(blob));
    },
  };
}

interface SlotClock {
  genesisTime: number;
  slotSeconds: number;
}

async function readSlotClock(ask: (path: string) => Promise<unknown>): Promise<SlotClock | undefined> {
  const spec = await ask("config/spec");
  if (spec === undefined) return undefined;
  const { SECONDS_PER_SLOT, SLOT_DURATION_MS } = specSchema.parse(spec).data;
  const slotSeconds = SLOT_DURATION_MS === undefined ? SECONDS_PER_SLOT : SLOT_DURATION_MS / 1_000;
  const { genesis_time: genesisTime } = genesisSchema.parse(await ask("beacon/genesis")).data;
  return slotSeconds === undefined ? undefined : { genesisTime, slotSeconds };
}

/** @returns the answer; undefined where there is none at this path */
async function getJson(url: URL): Promise<unknown> {
  const response = await fetch(url, {
    headers: { accept: "application/json" },
    signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS),
  });
  if (response.status === NOT_FOUND) {
    await response.body?.cancel();
    return undefined;
  }
  if (!response.ok) {
    await response.body?.cancel();
    throw unusable(`HTTP ${response.status}`);
  }
  return JSON.parse(await readLimited(response));
}

async function readLimited(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) throw unusable(`it sends more than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function unusable(reason: string): TemporaryError {
  return new TemporaryError(
    "MT-DA-002",
    `the beacon node gives no blobs: ${reason}`,
    "Check watch.blobs.beaconUrl; a full node keeps blobs for about 18 days.",
  );
}
