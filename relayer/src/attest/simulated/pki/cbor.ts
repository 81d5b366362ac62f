// SPDX-License-Identifier: GPL-3.0-or-later
import { concatBytes } from "@meantime/sdk/hex";
import { ascii } from "./der.ts";

type Pair = [key: Uint8Array, value: Uint8Array];

const BREAK = Uint8Array.of(0xff);

export const NULL = Uint8Array.of(0xf6);

export function uint(value: number): Uint8Array {
  return head(0, value);
}

export function bytes(content: Uint8Array): Uint8Array {
  return concatBytes(head(2, content.length), content);
}

export function text(content: string): Uint8Array {
  return concatBytes(head(3, content.length), ascii(content));
}

export function array(items: Uint8Array[]): Uint8Array {
  return concatBytes(head(4, items.length), ...items);
}

export function indefiniteArray(items: Uint8Array[]): Uint8Array {
  return concatBytes(Uint8Array.of(0x9f), ...items, BREAK);
}

export function map(pairs: Pair[]): Uint8Array {
  return concatBytes(head(5, pairs.length), ...pairs.flat());
}

export function indefiniteMap(pairs: Pair[]): Uint8Array {
  return concatBytes(Uint8Array.of(0xbf), ...pairs.flat(), BREAK);
}

/** The head of an item, the shortest one unless more octets for its number are asked for. */
export function head(major: number, value: number, octets = shortest(value)): Uint8Array {
  if (octets === 0) return Uint8Array.of((major << 5) | value);
  const digits = value.toString(16).padStart(2 * octets, "0");
  return concatBytes(
    Uint8Array.of((major << 5) | (24 + Math.log2(octets))),
    Uint8Array.from(Buffer.from(digits, "hex")),
  );
}

function shortest(value: number): number {
  if (value < 24) return 0;
  return [1, 2, 4, 8].find((octets) => value < 256 ** octets) ?? 8;
}
