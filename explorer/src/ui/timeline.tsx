// SPDX-License-Identifier: MIT

import type { Moment } from "../api/shapes.ts";
import { duration } from "../format.ts";
import { chainNow } from "../state/clock.ts";
import { ShortId } from "./ids.tsx";
import { Time } from "./values.tsx";

const WORDS: Record<string, [title: string, meaning: string]> = {
  served: ["Served", "The operator answered and signed a receipt."],
  committed: ["Committed", "The claim went onto the chain, in a batch, with a bond."],
  attested: ["Attested", "An enclave or a committee vouched for it."],
  proven: ["Proven", "A zero-knowledge proof of it was accepted."],
  challenged: ["Challenged", "Somebody disputed it."],
  demanded: ["Reveal demanded", "Somebody demanded to see input and output on the chain."],
  revealed: ["Revealed", "The operator showed input and output on the chain."],
  answered: ["Answered", "The operator brought evidence against the challenge."],
  disproven: ["Disproven", "A proof showed that the model answers otherwise."],
  rejected: ["Rejected", "The operator lost the dispute, and its bond."],
  voided: ["Voided", "The dispute ended without a verdict."],
  reopened: ["Reopened", "Evidence turned out to be worth nothing: it can be disputed again."],
  final: ["Final", "It is settled for good."],
  deadline: ["Deadline", "Without evidence by then the claim is rejected."],
  lengthened: ["Deadline moved", "The chain was too busy to act in time: everybody has longer."],
  recorded: ["Output recorded", "The answer was written where contracts read it."],
  "omission-reported": [
    "Omission reported",
    "Somebody says that the operator broke its promise to commit it.",
  ],
  "omission-refuted": ["Omission refuted", "The operator showed that it is on the chain."],
  "omission-upheld": ["Omission upheld", "The operator broke its promise, and lost a bond."],
  "omission-voided": ["Omission voided", "The report ended without a verdict."],
  InferenceRequested: ["Requested", "A contract asked for an answer and put a fee on it."],
  RequestDelivered: ["Delivered", "An answer was handed to the contract."],
  RequestSettled: ["Settled", "The answer is final, and the operator has its fee."],
  RequestRefunded: ["Refunded", "The answer fell, and the fee went back."],
  RequestExpired: ["Expired", "Nobody answered in time, and the fee went back."],
  CallbackFailed: ["Callback failed", "The contract refused the answer that it was handed."],
  CallbackRedelivered: ["Delivered again", "The contract took the answer on another try."],
  released: ["Released", "The operator's bond was freed."],
};

/** What happened to something and what lies ahead, oldest first. `since` says what the first moment was. */
export function Timeline({ moments, since = "serving" }: { moments: readonly Moment[]; since?: string }) {
  const sorted = moments.toSorted((a, b) => a.at - b.at);
  const [first] = sorted;
  return (
    <ol class="timeline">
      {sorted.map((moment) => {
        const [title, meaning] = WORDS[moment.what] ?? [moment.what, ""];
        const isAhead = moment.at > chainNow.value;
        const passed = first ? moment.at - first.at : 0;
        return (
          <li
            key={`${moment.what} ${moment.at} ${moment.tx}`}
            class={`moment is-${moment.what}${isAhead ? " ahead" : ""}`}
          >
            <p class="moment-title">
              {isAhead ? `${title} expected` : title}
              <span class="moment-time">
                <Time at={moment.at} />
                {passed > 0 && (
                  <span class="quiet">
                    {" "}
                    · {duration(passed)} after {since}
                  </span>
                )}
              </span>
            </p>
            <p class="quiet">{meaning}</p>
            {(moment.block !== null || moment.tx !== null) && (
              <p class="moment-where">
                {moment.block !== null && <span>block {moment.block}</span>}
                {moment.tx !== null && (
                  <span>
                    transaction <ShortId id={moment.tx} />
                  </span>
                )}
              </p>
            )}
          </li>
        );
      })}
    </ol>
  );
}
