// SPDX-License-Identifier: MIT
import { leafHash } from "./batch.ts";
import { type Chain, chainSeconds, type Inclusion, statusOf } from "./chain/chain.ts";
import { type Gateway, getClaim } from "./client.ts";
import { MeantimeError } from "./errors.ts";
import type { Hex } from "./hex.ts";
import { pause } from "./http.ts";
import { verifyMerkleProof } from "./merkle.ts";
import type { Receipt } from "./receipt.ts";
import { type StatusName, stands } from "./status.ts";

/** Where to look how a claim stands. */
export interface SettlementSources {
  /** What is true. */
  chain: Chain;
  /** Where the claim's place in its batch is asked for; it is believed when the Merkle proof holds. */
  gateway?: Gateway;
  /** Another way to find the place: a bundle, a watchtower. Asked before the gateway. */
  findPlace?: (claimId: Hex) => Promise<Inclusion | undefined>;
  /** Between two looks at the chain. Default: 4,000. */
  pollMs?: number;
  /** Ends the wait, with MT-SDK-504. */
  signal?: AbortSignal;
}

/** How a claim stands by the chain. `Served`: it is in no batch that is known to be committed. */
export interface SettlementEvent {
  status: StatusName | "Served";
  /** Where in which batch, once it is. */
  place?: Inclusion;
}

/** How long after `commitBy` a claim may still be committed (`Limits.COMMIT_GRACE_SECONDS`). */
export const COMMIT_GRACE_SECONDS = 3_600n;

const DEFAULT_POLL_MS = 4_000;
/** A gateway that keeps silent must not end the watch over its claim. */
const GATEWAY_TIMEOUT_MS = 10_000;
const TERMINAL: readonly string[] = ["Final", "Rejected", "Voided"];

/**
 * Every change of a claim's status, read from the chain, up to `Final`, `Rejected` or `Voided`. Throws MT-SDK-522 when the
 * claim is in no batch that could be found though an hour has passed since its `commitBy`: see `reportOmission`; MT-SDK-504
 * when the signal is aborted; and what the chain's provider throws.
 */
export async function* settlementEvents(
  receipt: Receipt,
  sources: SettlementSources,
): AsyncGenerator<SettlementEvent> {
  const { chain, pollMs = DEFAULT_POLL_MS, signal } = sources;
  let place: Inclusion | undefined;
  let last: SettlementEvent["status"] | undefined;
  for (;;) {
    const seconds = await chainSeconds(chain);
    place ??= await placeOf(receipt, sources);
    const onChain = place ? await statusOf(chain, receipt.claim, place) : "Unknown";
    const status = onChain === "Unknown" ? "Served" : onChain;
    if (status !== last) yield { status, ...(place && status !== "Served" ? { place } : {}) };
    last = status;
    if (TERMINAL.includes(status)) return;
    // Asked for anew: a batch that is never committed must not hide another that is.
    if (status === "Served") place = undefined;
    if (status === "Served" && seconds > receipt.claim.commitBy + COMMIT_GRACE_SECONDS)
      throw omitted(receipt);
    await pause(pollMs, signal);
  }
}

/**
 * Waits until a claim stands at `atLeast` or higher by the chain. Throws MT-SDK-521 when it is rejected or voided first, with
 * the status in `details.status`; and as {@link settlementEvents} does.
 */
export async function settled(
  receipt: Receipt,
  { atLeast = "Final", ...sources }: SettlementSources & { atLeast?: StatusName },
): Promise<SettlementEvent> {
  for await (const event of settlementEvents(receipt, sources)) {
    if (event.status === "Served") continue;
    if (stands(event.status, atLeast)) return event;
    if (TERMINAL.includes(event.status)) throw fell(receipt, event.status);
  }
  throw fell(receipt, "Unknown");
}

/** Whether the claim of a receipt is at that place: the header is its operator's and policy's, and the proof holds. */
export function isPlaceOf({ claim, claimId }: Receipt, { header, index, proof }: Inclusion): boolean {
  const { root, count } = header;
  return (
    header.operator === claim.operator &&
    header.policyId === claim.policyId &&
    verifyMerkleProof({ root, count, index, leaf: leafHash(index, claimId), proof: [...proof] })
  );
}

// A source that fails or lies says nothing: what counts is on the chain, and the next look asks again.
async function placeOf(receipt: Receipt, sources: SettlementSources): Promise<Inclusion | undefined> {
  for (const find of [sources.findPlace, askGateway(sources)]) {
    const place = await find?.(receipt.claimId).catch(nothingUnlessAborted);
    if (place !== undefined && isPlaceOf(receipt, place)) return place;
  }
  return undefined;
}

function askGateway({ gateway, signal }: SettlementSources): SettlementSources["findPlace"] {
  if (gateway === undefined) return undefined;
  const patience = { timeoutMs: GATEWAY_TIMEOUT_MS, ...gateway.patience, ...(signal ? { signal } : {}) };
  return async (claimId) => (await getClaim({ ...gateway, patience }, claimId)).batch;
}

function nothingUnlessAborted(error: unknown): undefined {
  if (!(error instanceof MeantimeError) || error.code === "MT-SDK-504") throw error;
  return undefined;
}

function omitted({ claim, claimId }: Receipt): MeantimeError {
  return new MeantimeError(
    "MT-SDK-522",
    "the claim is in no batch that could be found, and its time is over",
    {
      hint: "Report the omission (`reportOmission`) within seven days: the operator has to show it or pays.",
      details: { claimId, commitBy: claim.commitBy },
    },
  );
}

function fell({ claimId }: Receipt, status: StatusName): MeantimeError {
  return new MeantimeError("MT-SDK-521", `the claim ended as ${status}`, {
    hint: "Undo what was done on the answer; a rejection credits the requester its share of the bond (`withdraw`).",
    details: { claimId, status },
  });
}
