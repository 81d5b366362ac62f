// SPDX-License-Identifier: GPL-3.0-or-later

import type { Logger } from "../ops/logger.ts";
import type { ChainView } from "./follow.ts";

/** Says, when it happens, that the operator was suspended: what was promised cannot be committed until it resumes. */
export function reportSuspension(before: ChainView | undefined, now: ChainView, logger: Logger): void {
  for (const [token, { suspended }] of now.accounts) {
    const wasSuspended = before?.accounts.get(token)?.suspended ?? false;
    if (suspended && !wasSuspended) {
      logger.error(
        { code: "MT-CHAIN-006", token },
        "the operator lost a bond and is suspended: nothing is committed until its owner calls Settlement.resume",
      );
    } else if (wasSuspended && !suspended) {
      logger.info({ token }, "the operator's owner has resumed: committing again");
    }
  }
}
