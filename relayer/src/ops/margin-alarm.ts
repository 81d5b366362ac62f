// SPDX-License-Identifier: GPL-3.0-or-later

import type { Address } from "@meantime/sdk/hex";
import type { ChainClock } from "../chain/clock.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { type Margin, openMargins } from "../ledger/margins.ts";
import type { Logger } from "./logger.ts";

/** Less than this share of an obligation's time left is alarming. */
export const ALARM_RATIO = 0.2;

/** What the alarm looks at. */
export interface AlarmContext {
  ledger: Ledger;
  clock: ChainClock;
  logger: Logger;
  operator: Address;
}

/** Says in the log, once for each obligation, that its deadline is near: for operators whom no metric reaches. */
export function createMarginAlarm({ ledger, clock, logger, operator }: AlarmContext): () => Promise<void> {
  let told = new Set<string>();
  return async () => {
    const nowSeconds = clock.nowSeconds();
    const near = (await openMargins(ledger, operator)).filter((margin) => isNear(margin, nowSeconds));
    for (const margin of near.filter((each) => !told.has(nameOf(each)))) {
      const { obligation, subject, deadline } = margin;
      logger.error(
        { code: "MT-OPS-009", obligation, subject, secondsLeft: deadline - nowSeconds },
        "less than a fifth of the time is left for an obligation",
      );
    }
    told = new Set(near.map(nameOf));
  };
}

function isNear({ openedAt, deadline }: Margin, nowSeconds: number): boolean {
  return deadline - nowSeconds < ALARM_RATIO * (deadline - openedAt);
}

function nameOf({ obligation, subject, deadline }: Margin): string {
  return `${obligation}:${subject}:${deadline}`;
}
