// SPDX-License-Identifier: MIT
import { feeLimits, feesSchema } from "../../relayer/src/config/fees.ts";

/** What the outbox may spend where a test says nothing else: the defaults, and nothing known to be at stake. */
export const DEFAULT_SPENDING = {
  limits: feeLimits(feesSchema().parse({})),
  stakeOf: async () => undefined,
};
