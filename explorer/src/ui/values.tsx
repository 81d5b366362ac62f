// SPDX-License-Identifier: MIT

import type { Address } from "@meantime/sdk/hex";
import type { StatusName } from "@meantime/sdk/status";
import { amount, duration, relative, utc } from "../format.ts";
import { chainNow } from "../state/clock.ts";
import { STATUS_WORDS, type StatedStatus } from "../status.ts";

/** A time as seen from now; pointed at or focused it says when exactly. */
export function Time({ at }: { at: number | null | undefined }) {
  if (at === null || at === undefined) return <span class="quiet">none</span>;
  const exact = utc(at);
  return (
    <time
      class="time"
      dateTime={exact.replace(" UTC", "Z").replace(" ", "T")}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: the exact time shows on focus
      tabIndex={0}
      data-exact={exact}
    >
      {relative(at, chainNow.value)}
      <span class="sr">, {exact}</span>
    </time>
  );
}

/** How long something took or takes. */
export function Duration({ seconds }: { seconds: number | null }) {
  return seconds === null ? (
    <span class="quiet">none yet</span>
  ) : (
    <span class="number">{duration(seconds)}</span>
  );
}

/** An amount with its unit; pointed at it is exact. */
export function Amount({ wei, token }: { wei: bigint; token?: Address | undefined }) {
  return (
    <span class="number" title={`${wei} in the smallest unit`}>
      {amount(wei, token)}
    </span>
  );
}

/** How a claim is said to stand. Never in green: nobody has checked it yet. */
export function StatusTag({ status }: { status: StatedStatus | StatusName }) {
  const words = status === "Unknown" ? "The chain does not know it." : STATUS_WORDS[status];
  return (
    <span class={`tag status-${status.toLowerCase()}`} title={words}>
      {status}
    </span>
  );
}

const REQUEST_STATE_WORDS: Record<string, string> = {
  Open: "The contract waits for an answer; its fee is in escrow.",
  Delivered: "An answer was handed to the contract; its fee is paid once the answer is final.",
  Settled: "The answer is final, and its operator has the fee.",
  Refunded: "The answer fell, and whoever asked has the fee back.",
  Expired: "Nobody answered in time, and whoever asked has the fee back.",
};

/** What an index says that a request has come to. */
export function RequestTag({ state }: { state: string }) {
  return (
    <span
      class={`tag request-${state.toLowerCase().replace(/[^a-z]/g, "")}`}
      title={REQUEST_STATE_WORDS[state]}
    >
      {state}
    </span>
  );
}
