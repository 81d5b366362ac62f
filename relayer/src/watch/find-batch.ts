// SPDX-License-Identifier: GPL-3.0-or-later

import type { Address } from "@meantime/sdk/hex";
import { describeError, RelayerError } from "../errors.ts";
import { headerFromRow } from "../ledger/batches.ts";
import { announcedEndpoint, type ChainBatch } from "../ledger/chain-facts.ts";
import type { BatchData } from "./batch-data.ts";
import { batchInBlobs } from "./batch-in-blobs.ts";
import { fetchBatch } from "./fetch-batch.ts";
import type { WatchServices } from "./services.ts";

/**
 * The data of a batch: from its blobs, where it has them and `watch.blobs` says where blobs are; otherwise, or where those
 * cannot be had or hold something else, from its operator. Either way it is known to be what the chain commits to.
 *
 * @throws RelayerError `MT-WATCH-001`, `-002`, `-005` or `-008`: neither has it
 */
export async function findBatch(services: WatchServices, batch: ChainBatch): Promise<BatchData> {
  const { ledger, domain, config } = services;
  const header = headerFromRow(batch.operator, batch);
  const fromBlobs = await fromBlobsIfAny(services, batch);
  if (fromBlobs) return fromBlobs;
  const endpoint = await announcedEndpoint(ledger, batch.operator);
  if (!endpoint) throw noEndpoint(batch.operator);
  return fetchBatch(endpoint, header, domain, config.watch.allowPrivateAddresses);
}

async function fromBlobsIfAny(services: WatchServices, batch: ChainBatch): Promise<BatchData | undefined> {
  if (services.blobs.sources.length === 0) return undefined;
  try {
    return await batchInBlobs(services, {
      batchId: batch.batch_id,
      header: headerFromRow(batch.operator, batch),
      committedTx: batch.committed_tx,
      committedAt: batch.committed_at,
    });
  } catch (error) {
    services.logger.warn(
      { ...describeError(error), batchId: batch.batch_id, operator: batch.operator },
      "a batch could not be read from its blobs; asking its operator",
    );
    return undefined;
  }
}

function noEndpoint(operator: Address): RelayerError {
  return new RelayerError(
    "MT-WATCH-005",
    `the operator ${operator} has announced no endpoint`,
    "Its batches cannot be checked until it announces where their data is.",
  );
}
