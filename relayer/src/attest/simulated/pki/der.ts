// SPDX-License-Identifier: GPL-3.0-or-later
import { concatBytes, hexToBytes } from "@meantime/sdk/hex";

/** One DER element: a tag, the shortest length and the parts as content. */
export function der(tag: number, ...parts: Uint8Array[]): Uint8Array {
  const content = concatBytes(...parts);
  const { length } = content;
  const octets =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return concatBytes(Uint8Array.of(tag, ...octets), content);
}

export const sequence = (...parts: Uint8Array[]): Uint8Array => der(0x30, ...parts);
export const octetString = (...parts: Uint8Array[]): Uint8Array => der(0x04, ...parts);
export const bitString = (content: Uint8Array, unusedBits = 0): Uint8Array =>
  der(0x03, Uint8Array.of(unusedBits), content);
export const boolean = (value: boolean): Uint8Array => der(0x01, Uint8Array.of(value ? 0xff : 0));

/** A positive INTEGER. */
export function integer(value: bigint | number): Uint8Array {
  const digits = BigInt(value).toString(16);
  const bytes = hexToBytes(`0x${digits.length % 2 === 0 ? digits : `0${digits}`}`);
  return der(0x02, (bytes[0] ?? 0) >= 0x80 ? concatBytes(Uint8Array.of(0), bytes) : bytes);
}

/** An OBJECT IDENTIFIER of dotted numbers. */
export function oid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const octets = [40 * first + second, ...rest].flatMap((arc) => {
    const groups: number[] = [arc & 0x7f];
    for (let left = arc >> 7; left > 0; left >>= 7) groups.unshift((left & 0x7f) | 0x80);
    return groups;
  });
  return der(0x06, Uint8Array.from(octets));
}

/** A time as RFC 5280 wants it: UTCTime through 2049, GeneralizedTime from 2050 on. */
export function time(unixSeconds: number): Uint8Array {
  const digits = `${new Date(unixSeconds * 1000).toISOString().replace(/[-:T]/g, "").slice(0, 14)}Z`;
  return digits < "2050" ? der(0x17, ascii(digits.slice(2))) : der(0x18, ascii(digits));
}

export function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** A DER signature of r and s, one after the other. */
export function ecdsaSignature(compact: Uint8Array): Uint8Array {
  const limb = (part: Uint8Array) => integer(BigInt(`0x${Buffer.from(part).toString("hex")}`));
  const half = compact.length / 2;
  return sequence(limb(compact.slice(0, half)), limb(compact.slice(half)));
}
