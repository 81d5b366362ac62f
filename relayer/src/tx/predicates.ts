// SPDX-License-Identifier: GPL-3.0-or-later

import { STATUS } from "@meantime/sdk/status";
import type { ChainClock } from "../chain/clock.ts";
import type { Contracts } from "../chain/contracts.ts";
import type { IntentKind, Subject } from "./intents.ts";
import type { Predicate } from "./outbox.ts";

/**
 * For each kind of transaction, the question whether the chain still needs it. Asked before the first send and after a
 * restart, so that nothing is done twice whatever happened in between, or whoever did it first.
 */
export function createPredicates(
  { settlement }: Contracts,
  clock: ChainClock,
): Record<IntentKind, Predicate> {
  const now = () => BigInt(clock.nowSeconds());
  const batchOf = (subject: Subject) => settlement.batchOf(field(subject, "batchId"));
  const claimOf = (subject: Subject) =>
    settlement.claimOf(field(subject, "batchId"), field(subject, "index"), field(subject, "claimId"));
  const isChallenged = (status: bigint) => Number(status) === STATUS.Challenged;
  return {
    async commit(subject) {
      return (await batchOf(subject)).committedAt === 0n ? "needed" : "done";
    },
    async attest(subject) {
      const batch = await batchOf(subject);
      if (batch.attestedAt !== 0n) return "done";
      return now() >= batch.finalAt_ ? "moot" : "needed";
    },
    async prove(subject) {
      const [claim, batch] = await Promise.all([claimOf(subject), batchOf(subject)]);
      if ((Number(claim.kinds) & Number(field(subject, "kind"))) !== 0) return "done";
      // A challenged claim is answered, not proven: that is another intent.
      return Number(claim.status) !== STATUS.Unknown || now() >= batch.finalAt_ ? "moot" : "needed";
    },
    async answer(subject) {
      const claim = await claimOf(subject);
      if (!isChallenged(claim.status)) return Number(claim.status) === STATUS.Rejected ? "moot" : "done";
      return now() >= claim.proveBy ? "moot" : "needed";
    },
    async challenge(subject) {
      const [claim, batch] = await Promise.all([claimOf(subject), batchOf(subject)]);
      if (BigInt(claim.challenger) !== 0n) return "done";
      return now() >= batch.finalAt_ ? "moot" : "needed";
    },
    async resolve(subject) {
      return isChallenged((await claimOf(subject)).status) ? "needed" : "done";
    },
    async release(subject) {
      const batchIds = field(subject, "batchIds").split(",");
      const batches = await Promise.all(batchIds.map((batchId) => settlement.batchOf(batchId)));
      const released = batches.filter((batch) => batch.released).length;
      if (released === batches.length) return "done";
      // One freed batch makes the whole call revert; the finaliser asks again for the others.
      return released > 0 ? "moot" : "needed";
    },
    async announce() {
      return "needed";
    },
  };
}

function field(subject: Subject, name: string): string {
  const value = subject[name];
  if (value === undefined) throw new TypeError(`the intent's subject has no ${name}`);
  return value;
}
