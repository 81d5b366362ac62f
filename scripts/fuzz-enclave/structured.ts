// SPDX-License-Identifier: MIT
import { BLIND } from "./blind.ts";
import type { Random } from "./random.ts";
import { encode, type Node, parse } from "./tree.ts";

const EDGE_NUMBERS = [0, 1, 23, 24, 31, 32, 255, 256, 65_535, 65_536, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 63];
const CBOR_MAP = 5;

const STOP_SHARE = 0.15;
/** So often all stays well formed, for what checks signatures to refuse. */
const GENTLE_SHARE = 0.5;

type NodeMutator = (node: Node, random: Random, donor: Node | undefined) => void;

/**
 * Changes what a document says and writes it so that lengths and counts around the change are right again, but for the
 * one that is made to lie. Undefined where the bytes are not of the format.
 */
export function mutateStructure(
  format: "cbor" | "der",
  bytes: Uint8Array,
  random: Random,
  donor: Uint8Array,
): Uint8Array | undefined {
  const tree = parse(format, bytes);
  if (!tree) return undefined;
  if (random.chance(GENTLE_SHARE)) {
    changeLeaf(wander(tree, random, undefined, 0).node, random);
    return encode(tree);
  }
  const { node, twin } = wander(tree, random, parse(format, donor), STOP_SHARE);
  const mutators = node.children && node.children.length > 0 ? INNER : LEAF;
  random.pick([...mutators, ...ANY])(node, random, twin);
  return encode(tree);
}

const INNER: NodeMutator[] = [
  function repeatChild({ children = [], ...node }, random) {
    const { at, count } = groupOf(node.tag, children, random);
    children.splice(random.chance(0.5) ? at : children.length, 0, ...children.slice(at, at + count));
  },
  function removeChild({ children = [], ...node }, random) {
    const { at, count } = groupOf(node.tag, children, random);
    children.splice(at, count);
  },
  function exchangeChildren({ children = [], ...node }, random) {
    const [one, other] = [groupOf(node.tag, children, random), groupOf(node.tag, children, random)];
    for (let index = 0; index < one.count; index++) {
      const [a, b] = [children[one.at + index], children[other.at + index]];
      if (a && b) [children[one.at + index], children[other.at + index]] = [b, a];
    }
  },
  function oddChild({ children = [] }, random) {
    children.splice(random.below(children.length), 1);
  },
  function adoptChild({ children = [] }, random, donor) {
    const others = donor?.children ?? [];
    if (others.length > 0) children[random.below(children.length)] = random.pick(others);
  },
];

const LEAF: NodeMutator[] = [
  function edgeNumber(node, random) {
    node.value = random.pick(EDGE_NUMBERS);
    node.content = random.pick([new Uint8Array(), Uint8Array.of(0), new Uint8Array(node.content.length)]);
  },
  function blindly(node, random, donor) {
    const { content } = node;
    if (content.length === 0) node.value ^= 1;
    else node.content = random.pick(Object.values(BLIND))(content, random, donor?.content ?? content);
  },
  function countOne(node, random) {
    node.value = Math.max(0, node.value + random.pick([-1, 1]));
    const content = node.content.slice();
    const last = content.length - 1;
    if (last >= 0) content[last] = ((content[last] ?? 0) + random.pick([1, 255])) & 0xff;
    node.content = content;
  },
  function adopt(node, _random, donor) {
    if (!donor) return;
    node.value = donor.value;
    node.content = donor.content;
  },
];

const ANY: NodeMutator[] = [
  function lie(node, random) {
    node.lengthLie = random.pick([-1, 1, -2, 2, 128, 65_536, 2 ** 31, -(2 ** 31)]);
  },
  function waste(node) {
    node.surplusOctets = 1;
  },
  function leaveOpen(node) {
    node.isIndefinite = !node.isIndefinite;
  },
  function retag(node, random) {
    node.tag =
      node.format === "cbor"
        ? random.below(8)
        : random.pick([1, 2, 3, 4, 5, 6, 0x17, 0x18, 0x30, 0x31, 0xa0]);
  },
];

// Down from the root, as likely to stop at every level; the twin is what stands in the same place of the donor.
function wander(
  root: Node,
  random: Random,
  donor: Node | undefined,
  stopShare: number,
): { node: Node; twin: Node | undefined } {
  let [node, twin] = [root, donor];
  while (node.children && node.children.length > 0 && !random.chance(stopShare)) {
    const index = random.below(node.children.length);
    const child: Node | undefined = node.children[index];
    if (!child) break;
    node = child;
    twin = twin?.children?.[index];
  }
  return { node, twin };
}

function changeLeaf(leaf: Node, random: Random): void {
  const content = leaf.content.slice();
  const place = random.below(content.length);
  if (content.length === 0) leaf.value += 1;
  else content[place] = (content[place] ?? 0) ^ (1 + random.below(255));
  leaf.content = content;
}

function groupOf(tag: number, children: readonly Node[], random: Random): { at: number; count: number } {
  if (tag !== CBOR_MAP) return { at: random.below(children.length), count: 1 };
  return { at: 2 * random.below(children.length >> 1), count: 2 };
}
