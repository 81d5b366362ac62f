// SPDX-License-Identifier: GPL-3.0-or-later

import type { Hex } from "@meantime/sdk/hex";
import { RelayerError } from "../errors.ts";
import type { Services } from "../services.ts";
import { challengeFindings } from "./findings.ts";

/**
 * Challenges one claim that the watchtower found wrong, whatever its mode.
 *
 * @throws RelayerError `MT-WATCH-007` it found no such claim wrong, the claim is challenged already or its time is over
 */
export async function challengeByHand(
  services: Services,
  batchId: Hex,
  index: number,
): Promise<{ batchId: Hex; index: number; claimId: Hex }> {
  const finding = await services.ledger
    .selectFrom("findings")
    .select("claim_id")
    .where("batch_id", "=", batchId)
    .where("leaf_index", "=", index)
    .where("state", "=", "found")
    .executeTakeFirst();
  if (finding) await challengeFindings(services, { batchId, index });
  const challenged = await services.ledger
    .selectFrom("findings")
    .select("claim_id")
    .where("batch_id", "=", batchId)
    .where("leaf_index", "=", index)
    .where("state", "=", "challenging")
    .executeTakeFirst();
  if (finding && challenged) return { batchId, index, claimId: challenged.claim_id };
  throw new RelayerError(
    "MT-WATCH-007",
    `leaf ${index} of batch ${batchId} cannot be challenged`,
    "Only what the watchtower found wrong can be, once, while its window and the budget last, with a challenger's key.",
    { batchId, index },
  );
}
