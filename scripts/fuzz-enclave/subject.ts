// SPDX-License-Identifier: MIT
import type { Address, Hex } from "@meantime/sdk/hex";

export const KINDS = ["nitro", "tdx", "sgx", "collateral"] as const;
export type Kind = (typeof KINDS)[number];

/** How a part is written; `raw` has no structure that a mutation could respect, but fields at fixed places. */
export type Format = "cbor" | "der" | "json" | "raw";

export interface Part {
  bytes: Uint8Array;
  format: Format;
  /** Of a `raw` part: where its fields begin, the first at 0. */
  fields?: readonly number[];
  /** How often this part is the one that is changed, beside the others. */
  weight: number;
  /** The same part of other documents. */
  donors: readonly Uint8Array[];
}

/** A document that a verifier accepts, on a chain at a moment at which it does. */
export interface Subject {
  kind: Kind;
  name: string;
  parts: readonly Part[];
  /** The verifier. */
  target: Address;
  /** The call that shows the verifier these parts; `ending` is still to come. */
  callOf(parts: readonly Uint8Array[]): Hex;
  /** What all calls end with, or have behind their own end. */
  ending: Hex;
  /** Whether these parts differ from the document's in nothing that anybody signed, so that they may be accepted. */
  isSame(parts: readonly Uint8Array[]): boolean;
  chain: ProbedChain;
}

/** How a call ended: the first four octets of its error, or `ACCEPTED`. */
export interface Outcome {
  refusal: Hex;
  gas: number;
}

/** A chain of this process that makes many calls at once. */
export interface ProbedChain {
  outcomesOf(target: Address, calls: readonly Hex[], ending: Hex): Promise<Outcome[]>;
  close(): Promise<void>;
}

export const ACCEPTED: Hex = "0x00000000";
export const NO_REASON: Hex = "0xffffffff";
