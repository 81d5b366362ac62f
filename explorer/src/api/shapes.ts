// SPDX-License-Identifier: MIT
import type { Address, Hex } from "@meantime/sdk/hex";
import { STATED_STATUSES, type StatedStatus } from "../status.ts";
import {
  address,
  anything,
  counts,
  flag,
  id,
  list,
  oneOf,
  orNull,
  quantity,
  type Reader,
  shape,
  text,
  wei,
  whole,
} from "./read.ts";

/** What an index says of itself. */
export interface About {
  chainId: number;
  settlement: Address;
  startBlock: number;
  head: { number: number; hash: Hex; timestamp: number } | null;
  readUpTo: number | null;
  synced: boolean;
}

export const about: Reader<About> = shape<About>({
  chainId: whole,
  settlement: address,
  startBlock: whole,
  head: orNull(shape({ number: whole, hash: id, timestamp: whole })),
  readUpTo: orNull(whole),
  synced: flag,
});

/** The gap now, of one operator and bond token. */
export interface OperatorGap {
  operator: Address;
  token: Address;
  openClaims: number;
  exposureWei: bigint;
  stakeWei: bigint;
  lockedWei: bigint;
  oldestServedAt: number | null;
}

/** The gap now. */
export interface Gap {
  at: number;
  open: {
    claims: number;
    exposure: { token: Address; wei: bigint; stakeWei: bigint }[];
    oldestServedAt: number | null;
  };
  byOperator: OperatorGap[];
  byStatus: ReadonlyMap<string, number>;
}

export const gap: Reader<Gap> = shape<Gap>({
  at: whole,
  open: shape<Gap["open"]>({
    claims: whole,
    exposure: list(shape({ token: address, wei, stakeWei: wei })),
    oldestServedAt: orNull(whole),
  }),
  byOperator: list(
    shape<OperatorGap>({
      operator: address,
      token: address,
      openClaims: whole,
      exposureWei: wei,
      stakeWei: wei,
      lockedWei: wei,
      oldestServedAt: orNull(whole),
    }),
  ),
  byStatus: counts,
});

/** Seconds that a half, 19 of 20 and 99 of 100 claims stayed below. */
export interface Percentiles {
  p50: number;
  p95: number;
  p99: number;
}

/** The gap in one span of time, of everything with one key. */
export interface GapBucket {
  start: number;
  key: string | null;
  claims: number;
  servedToCommitted: Percentiles | null;
  servedToEvidence: Percentiles | null;
  servedToFinal: Percentiles | null;
}

const percentiles = orNull(shape<Percentiles>({ p50: quantity, p95: quantity, p99: quantity }));

export const gapHistory: Reader<{ buckets: GapBucket[] }> = shape<{ buckets: GapBucket[] }>({
  buckets: list(
    shape<GapBucket>({
      start: whole,
      key: orNull(text),
      claims: whole,
      servedToCommitted: percentiles,
      servedToEvidence: percentiles,
      servedToFinal: percentiles,
    }),
  ),
});

/** Something that happened to a claim, or will. */
export interface Moment {
  what: string;
  at: number;
  block: number | null;
  tx: Hex | null;
}

const status: Reader<StatedStatus> = oneOf(...STATED_STATUSES);
export const moment: Reader<Moment> = shape<Moment>({
  what: text,
  at: whole,
  block: orNull(whole),
  tx: orNull(id),
});

/** One claim with everything known of it; claim, receipt, header, proof and opening are parsed where they are judged. */
export interface ClaimAnswer {
  claimId: Hex;
  claim: unknown;
  receipt: unknown;
  batchId: Hex | null;
  index: number | null;
  header: unknown;
  proof: unknown;
  opening: unknown;
  status: StatedStatus;
  /** When it becomes final unless something happens; null: it never does, or nobody can say. */
  finalAt: number | null;
  /** Until when an open dispute has to be answered. */
  deadline: number | null;
  timeline: Moment[];
  evidence: { kind: string; tx: Hex; block: number; at: number }[];
}

export const claimAnswer: Reader<ClaimAnswer> = shape<ClaimAnswer>({
  claimId: id,
  claim: anything,
  receipt: anything,
  batchId: orNull(id),
  index: orNull(whole),
  header: anything,
  proof: anything,
  opening: anything,
  status,
  finalAt: orNull(whole),
  deadline: orNull(whole),
  timeline: list(moment),
  evidence: list(shape({ kind: text, tx: id, block: whole, at: whole })),
});
