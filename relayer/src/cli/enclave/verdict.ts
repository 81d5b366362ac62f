// SPDX-License-Identifier: GPL-3.0-or-later

import type { TcbStatusName } from "@meantime/sdk/dcap/tcb-status";
import type { Hex } from "@meantime/sdk/hex";
import type { Refusal } from "../../attest/explain.ts";

/** What the contracts say of an attestation document. */
export interface Judgement {
  /** Absent: accepted. */
  refusal?: Refusal | undefined;
  /** By the names of the platform's documents, and `hash`, by which contracts know the software. As the document says. */
  measurement: Record<string, Hex>;
  publicKey: Hex | null;
  /** Nitro's `user_data`, or a quote's 64 bytes of report data. */
  userData: Hex | null;
  nonce: Hex | null;
  /** Of Intel platforms, where the contracts got as far. */
  tcbStatus: TcbStatusName | null;
  /** When the first certificate or document behind it runs out, unix seconds; of accepted ones. */
  expiresAt: number | null;
  transactions: { name: string; gas: number }[];
}

/** A judgement before anything was asked. */
export const NOTHING_KNOWN: Judgement = {
  measurement: {},
  publicKey: null,
  userData: null,
  nonce: null,
  tcbStatus: null,
  expiresAt: null,
  transactions: [],
};

/** A refusal that no contract has to say: the document cannot even be given to one. */
export function malformed(error: { code: string; message: string; hint: string }): Refusal {
  return { check: error.code, values: {}, what: error.message, remedy: error.hint };
}
