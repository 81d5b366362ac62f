// SPDX-License-Identifier: GPL-3.0-or-later

import { describeRevert } from "../chain/contracts.ts";
import { COMMIT_GRACE_SECONDS } from "../chain/pause.ts";
import { reportEquivocationIntent } from "../tx/watch-calls.ts";
import { propose } from "./actions.ts";
import { REPORT_WINDOW_SECONDS, receiptOf } from "./known-receipts.ts";
import type { WatchServices } from "./services.ts";

const CLAIMS_PER_RUN = 1_000;

/**
 * Reports operators that gave one request two answers, as far as both are known with a signature that binds: from
 * batches, or from receipts that are held. Costs no bond.
 */
export async function reportEquivocations(services: WatchServices): Promise<void> {
  const { ledger, challengerAddress } = services;
  if (!challengerAddress) return;
  const fresh = await ledger
    .selectFrom("watch_receipts")
    .selectAll()
    .where("compared", "=", 0)
    .limit(CLAIMS_PER_RUN)
    .execute();
  for (const row of fresh) {
    if (row.signature === null) continue;
    const others = await ledger
      .selectFrom("watch_receipts")
      .selectAll()
      .where("request_id", "=", row.request_id)
      .where("requester", "=", row.requester)
      .where("operator", "=", row.operator)
      .where("model_id", "=", row.model_id)
      .where("input_hash", "=", row.input_hash)
      .where("output_hash", "<>", row.output_hash)
      .where("signature", "is not", null)
      .execute();
    for (const other of others) await reportPair(services, receiptOf(row), receiptOf(other));
  }
  if (fresh.length === 0) return;
  const ids = fresh.map(({ claim_id }) => claim_id);
  const unsigned = fresh.filter(({ signature }) => signature === null).map(({ claim_id }) => claim_id);
  await ledger.transaction((tx) =>
    tx
      .updateTable("watch_receipts")
      .set({ compared: 1 })
      .where("claim_id", "in", ids)
      // One whose signature became known meanwhile is still to be compared.
      .$if(unsigned.length > 0, (query) =>
        query.where((eb) => eb.or([eb("signature", "is", null), eb("claim_id", "not in", unsigned)])),
      )
      .execute(),
  );
}

type Receipt = ReturnType<typeof receiptOf>;

async function reportPair(services: WatchServices, first: Receipt, second: Receipt): Promise<void> {
  const { ledger, contracts, clock, logger, rpc } = services;
  const { operator } = first.claim;
  const commitBy = Math.min(Number(first.claim.commitBy), Number(second.claim.commitBy));
  const dueBy = commitBy + COMMIT_GRACE_SECONDS + REPORT_WINDOW_SECONDS;
  if (clock.nowSeconds() >= dueBy) return;
  const intent = reportEquivocationIntent(contracts.receiptsAddress, first, second, dueBy);
  const about = { operator, claimId: first.claimId, secondClaimId: second.claimId };
  try {
    await rpc.call({ to: intent.to, data: intent.data });
  } catch (error) {
    const refusal = describeRevert(error);
    if (refusal === undefined) throw error;
    logger.info({ ...about, refusal }, "two answers to one request cannot be reported, or were");
    return;
  }
  const reason = "it gave one request two answers";
  await ledger.transaction((tx) => propose(tx, services, { intent, reason, operator, bondWei: 0n, dueBy }));
  logger.error({ code: "MT-WATCH-012", ...about }, "an operator gave one request two answers");
}
