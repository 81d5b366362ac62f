// SPDX-License-Identifier: MIT
import { MeantimeError } from "../errors.ts";

/** One element of DER: places of its first byte, its content and what follows it. */
export interface DerElement {
  tag: number;
  start: number;
  content: number;
  end: number;
}

/** The element that begins at a place. Throws MT-SDK-650 where none of at most 65,535 bytes does. */
export function elementAt(der: Uint8Array, start: number, limit: number = der.length): DerElement {
  const tag = der[start];
  const first = der[start + 1];
  if (tag === undefined || first === undefined) throw malformed(start);
  const lengthBytes = first < 0x80 ? 0 : first - 0x80;
  if (first === 0x80 || lengthBytes > 2) throw malformed(start);
  const content = start + 2 + lengthBytes;
  const length =
    lengthBytes === 0 ? first : der.slice(start + 2, content).reduce((sum, byte) => 256 * sum + byte, 0);
  const end = content + length;
  if (end > limit) throw malformed(start);
  return { tag, start, content, end };
}

/** The elements inside an element, in order. Throws MT-SDK-650. */
export function childrenOf(der: Uint8Array, { content, end }: DerElement): DerElement[] {
  const children: DerElement[] = [];
  for (let at = content; at < end; ) {
    const child = elementAt(der, at, end);
    children.push(child);
    at = child.end;
  }
  return children;
}

/** The element's place in a list, which it must have. Throws MT-SDK-650. */
export function childAt(children: readonly DerElement[], place: number): DerElement {
  const child = children.at(place);
  if (!child) throw malformed(place);
  return child;
}

function malformed(place: number): MeantimeError {
  return new MeantimeError("MT-SDK-650", `malformed DER at byte ${place}`, {
    hint: "Pass the DER of one certificate or revocation list, whole and nothing else.",
    details: { place },
  });
}
