// SPDX-License-Identifier: MIT
import { concatBytes } from "@meantime/sdk/hex";
import { head } from "../../relayer/src/attest/simulated/pki/cbor.ts";

/**
 * An item of CBOR or an element of DER, with what is inside it, also where that is wrapped into a string of octets: a
 * payload, a certificate, an extension. What it says of itself can be made to contradict what it has.
 */
export interface Node {
  format: "cbor" | "der";
  /** The tag of DER, the major type of CBOR. */
  tag: number;
  /** A number, of CBOR's major types 0, 1, 6 and 7. */
  value: number;
  /** Inside: of a map, keys and values in turn. Undefined: `content` has it. */
  children: Node[] | undefined;
  content: Uint8Array;
  /** In front of the children of a BIT STRING: no unused bits. */
  prefix: Uint8Array;
  isIndefinite: boolean;
  /** How much longer it says it is than it is. */
  lengthLie: number;
  /** Octets in its head beyond the needed ones. */
  surplusOctets: number;
}

const [UINT, BYTES, TEXT, ARRAY, MAP, SIMPLE] = [0, 2, 3, 4, 5, 7];
const CONSTRUCTED = 0x20;
const [BIT_STRING, OCTET_STRING, SEQUENCE] = [0x03, 0x04, 0x30];
const BREAK = 0xff;

/** Takes bytes apart, or gives undefined where they are not of this format from first to last. */
export function parse(format: "cbor" | "der", bytes: Uint8Array): Node | undefined {
  try {
    const { node, end } = format === "cbor" ? cborAt(bytes, 0) : derAt(bytes, 0);
    return end === bytes.length ? node : undefined;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

export function encode(node: Node): Uint8Array {
  const inside = node.children ? concatBytes(node.prefix, ...node.children.map(encode)) : node.content;
  return node.format === "der" ? encodeDer(node, inside) : encodeCbor(node, inside);
}

function cborAt(bytes: Uint8Array, at: number): { node: Node; end: number } {
  const initial = byteAt(bytes, at);
  const tag = initial >> 5;
  const info = initial & 0x1f;
  if (info === 0x1f && (tag === MAP || tag === ARRAY)) {
    const node = blank("cbor", tag, { isIndefinite: true, children: [] });
    let end = at + 1;
    while (byteAt(bytes, end) !== BREAK) end = pushChild(node, cborAt(bytes, end));
    return { node, end: end + 1 };
  }
  if (info > 27) throw new RangeError("a reserved length");
  const octets = info < 24 ? 0 : 2 ** (info - 24);
  const value =
    octets === 0
      ? info
      : bytes.subarray(at + 1, at + 1 + octets).reduce((sum, octet) => sum * 256 + octet, 0);
  const content = at + 1 + octets;
  if (tag === BYTES || tag === TEXT) {
    const end = content + value;
    if (end > bytes.length) throw new RangeError("cut short");
    const inner = bytes.slice(content, end);
    const child = tag === BYTES ? wrapped(inner) : undefined;
    return { node: blank("cbor", tag, { content: inner, children: child && [child] }), end };
  }
  const node = blank("cbor", tag, {
    value,
    children: tag === ARRAY || tag === MAP || tag === 6 ? [] : undefined,
  });
  const count = tag === ARRAY ? value : tag === MAP ? 2 * value : tag === 6 ? 1 : 0;
  let end = content;
  for (let index = 0; index < count; index++) end = pushChild(node, cborAt(bytes, end));
  return { node, end };
}

function derAt(bytes: Uint8Array, at: number): { node: Node; end: number } {
  const tag = byteAt(bytes, at);
  const first = byteAt(bytes, at + 1);
  if (first === 0x80 || first > 0x82) throw new RangeError("a length that is not read here");
  const octets = first < 0x80 ? 0 : first - 0x80;
  const content = at + 2 + octets;
  const length =
    octets === 0 ? first : bytes.subarray(at + 2, content).reduce((sum, octet) => sum * 256 + octet, 0);
  const end = content + length;
  if (end > bytes.length) throw new RangeError("cut short");
  const inner = bytes.slice(content, end);
  const skip = tag === BIT_STRING && inner[0] === 0 ? 1 : 0;
  const mayHold = tag & CONSTRUCTED || tag === OCTET_STRING || skip === 1;
  const children = mayHold && inner.length > skip ? derList(inner.subarray(skip)) : undefined;
  return { node: blank("der", tag, { content: inner, children, prefix: inner.slice(0, skip) }), end };
}

function derList(bytes: Uint8Array): Node[] | undefined {
  const nodes: Node[] = [];
  try {
    for (let at = 0; at < bytes.length; ) {
      const { node, end } = derAt(bytes, at);
      nodes.push(node);
      at = end;
    }
    return nodes;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function wrapped(bytes: Uint8Array): Node | undefined {
  const first = bytes[0] ?? 0;
  if (bytes.length > 4 && first === SEQUENCE) return parse("der", bytes);
  return bytes.length > 4 && first >> 5 === MAP ? parse("cbor", bytes) : undefined;
}

function encodeCbor(node: Node, inside: Uint8Array): Uint8Array {
  const { tag, children, isIndefinite, lengthLie, surplusOctets } = node;
  if (isIndefinite) {
    return concatBytes(Uint8Array.of((tag << 5) | 0x1f), inside, Uint8Array.of(BREAK));
  }
  const said =
    tag === BYTES || tag === TEXT
      ? inside.length
      : tag === ARRAY
        ? (children?.length ?? 0)
        : tag === MAP
          ? (children?.length ?? 0) >> 1
          : node.value;
  const number = Math.max(0, said + lengthLie);
  const least = number < 24 ? 0 : number < 256 ? 1 : number < 65_536 ? 2 : number < 2 ** 32 ? 4 : 8;
  const octets = surplusOctets === 0 ? least : Math.min(8, Math.max(1, 2 * least));
  return concatBytes(head(tag, number, octets), tag === UINT || tag === SIMPLE ? new Uint8Array() : inside);
}

function encodeDer({ tag, lengthLie, surplusOctets, isIndefinite }: Node, inside: Uint8Array): Uint8Array {
  if (isIndefinite) return concatBytes(Uint8Array.of(tag, 0x80), inside, Uint8Array.of(0, 0));
  const length = Math.min(0xffffff, Math.max(0, inside.length + lengthLie));
  const least = length < 0x80 ? 0 : length < 0x100 ? 1 : length < 0x10000 ? 2 : 3;
  const octets = least + surplusOctets;
  const digits = Uint8Array.from(
    { length: octets },
    (_, index) => (length / 256 ** (octets - 1 - index)) & 0xff,
  );
  return concatBytes(Uint8Array.of(tag, octets === 0 ? length : 0x80 | octets), digits, inside);
}

function pushChild(parent: Node, { node, end }: { node: Node; end: number }): number {
  parent.children?.push(node);
  return end;
}

function blank(format: Node["format"], tag: number, parts: Partial<Node>): Node {
  const [content, prefix] = [new Uint8Array(), new Uint8Array()];
  const usual = { value: 0, children: undefined, content, prefix, isIndefinite: false };
  return { format, tag, ...usual, lengthLie: 0, surplusOctets: 0, ...parts };
}

function byteAt(bytes: Uint8Array, at: number): number {
  const byte = bytes[at];
  if (byte === undefined) throw new RangeError("cut short");
  return byte;
}
