// SPDX-License-Identifier: GPL-3.0-or-later

import { z } from "zod";
import type { FeeLimits } from "../tx/fee-caps.ts";

const WEI_IN_GWEI = 1e9;

/** What may be spent on transactions. */
export function feesSchema() {
  const share = (preset: number, what: string) => z.number().gt(0).max(10).default(preset).describe(what);
  const gwei = (preset: number, what: string) => z.number().gt(0).max(1e6).default(preset).describe(what);
  return z.prefault(
    z.strictObject({
      answerShare: share(1, "of the bond that an answer protects, at its deadline; a quarter of it at once"),
      challengeShare: share(0.5, "of what a challenge can win, at the end of its window"),
      commitShare: share(0.5, "of the bonds of a batch's claims, at their nearest commitBy"),
      patientMaxFeeGwei: gwei(
        30,
        "for a unit of gas of what can wait; ten times that at the end of its time",
      ),
      maxFeeGwei: gwei(5_000, "for a unit of gas of anything"),
      floorTransactions: z
        .int()
        .min(0)
        .max(100_000)
        .default(20)
        .describe("a sender that can pay for fewer is poor: what can wait waits, and no new work is taken"),
    }),
    {},
  );
}

/** The limits in the outbox's words. */
export function feeLimits(fees: z.output<ReturnType<typeof feesSchema>>): FeeLimits {
  const { answerShare, challengeShare, commitShare, patientMaxFeeGwei, maxFeeGwei } = fees;
  return {
    shares: { answer: answerShare, challenge: challengeShare, commit: commitShare },
    patientMaxFeeWei: BigInt(Math.round(patientMaxFeeGwei * WEI_IN_GWEI)),
    maxFeeWei: BigInt(Math.round(maxFeeGwei * WEI_IN_GWEI)),
  };
}
