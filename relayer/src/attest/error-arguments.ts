// SPDX-License-Identifier: GPL-3.0-or-later

import { tcbStatusName } from "@meantime/sdk/dcap/tcb-status";
import type { Result } from "ethers";

/** What is known beside the error. */
export interface RefusalContext {
  /** What the signature that does not verify is on, such as "certificate 3 of the chain". */
  badSignature?: string | undefined;
  /** The moment of the judgement, unix seconds. */
  at?: number | undefined;
}

/** An error's arguments by place, read as what they are. */
export class ErrorArguments {
  readonly badSignature: string | undefined;
  readonly at: number | undefined;
  readonly #args: Result;

  constructor(args: Result, { badSignature, at }: RefusalContext) {
    this.#args = args;
    this.badSignature = badSignature;
    this.at = at;
  }

  /** NaN where the error has no such argument. */
  number(place: number): number {
    return place < this.#args.length ? Number(this.#args[place]) : Number.NaN;
  }

  hex(place: number): string {
    const value: unknown = this.#args[place];
    return typeof value === "bigint" ? `0x${value.toString(16)}` : String(value);
  }

  /** A moment in unix seconds as ISO text. */
  time(place: number): string {
    return timeText(this.number(place));
  }

  status(place: number): string {
    return tcbStatusName(this.number(place)) ?? `status ${this.number(place)}`;
  }

  /** A text that `NitroDocuments` packs with its length in the highest byte. */
  packedText(place: number): string {
    const word = BigInt(this.#args[place]).toString(16).padStart(64, "0");
    const length = Number.parseInt(word.slice(0, 2), 16);
    if (length > 31) return "(a text of more than 31 bytes)";
    return JSON.stringify(Buffer.from(word.slice(-2 * length || 64), "hex").toString("latin1"));
  }
}

/** Unix seconds as ISO text, and as they are where no calendar has them. */
export function timeText(unixSeconds: number): string {
  const date = new Date(unixSeconds * 1000);
  return Number.isNaN(date.getTime()) ? `${unixSeconds}` : date.toISOString().replace(".000Z", "Z");
}
