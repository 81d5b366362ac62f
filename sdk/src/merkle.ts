// SPDX-License-Identifier: MIT
import { MeantimeError } from "./errors.ts";
import { asHex32, bytesToHex, type Hex, hexToBytes, keccak256Bytes, ZERO_HASH } from "./hex.ts";

/** A tree over some leaves. */
export interface MerkleTree {
  root: Hex;
  count: number;
  /** The siblings from the leaf at `index` up to the root. Throws MT-SDK-011 beyond the last leaf. */
  proof(index: number): Hex[];
}

/** That `leaf` stands at `index` of the tree with this root and number of leaves. */
export interface MerkleStatement {
  root: Hex;
  count: number;
  index: number;
  leaf: Hex;
  proof: Hex[];
}

const NODE_BYTES = 32;
const HASHES_PER_STEP = 32;

/**
 * Builds the complete binary tree of OpenZeppelin's `merkle-tree` package: an array of `2 * count - 1` nodes, leaf `i`
 * at place `2 * count - 2 - i`, node `p` = keccak256(node `2p + 1` || node `2p + 2`), in that order. Pairs are not
 * sorted, so that a position holds exactly one leaf (see `contracts/types/PositionTree.sol`).
 * Throws MT-SDK-010 without leaves, MT-SDK-002 naming a leaf that is not 32 bytes.
 */
export function buildMerkleTree(leaves: readonly Hex[]): MerkleTree {
  for (const [index, leaf] of leaves.entries()) asHex32(leaf, `leaves.${index}`);
  const steps = merkleTreeSteps(leaves.length, (index) => hexToBytes(leaves[index] ?? ZERO_HASH));
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/**
 * The same tree, a few hashes at a time: for programs that have other things to do meanwhile.
 *
 * @param leafAt the leaf at an index, asked once for each, from the first on: 32 bytes
 */
export function* merkleTreeSteps(
  count: number,
  leafAt: (index: number) => Uint8Array,
): Generator<undefined, MerkleTree> {
  if (count === 0) {
    throw new MeantimeError("MT-SDK-010", "a tree needs at least one leaf", {
      hint: "Commit no empty batch.",
    });
  }
  const nodes = new Uint8Array((2 * count - 1) * NODE_BYTES);
  for (let index = 0; index < count; index++) {
    nodes.set(leafAt(index), placeOf(index, count) * NODE_BYTES);
    if (index % HASHES_PER_STEP === 0) yield;
  }
  for (let place = count - 2; place >= 0; place--) {
    const children = nodes.subarray((2 * place + 1) * NODE_BYTES, (2 * place + 3) * NODE_BYTES);
    nodes.set(keccak256Bytes(children), place * NODE_BYTES);
    if (place % HASHES_PER_STEP === 0) yield;
  }

  const nodeAt = (place: number): Hex =>
    bytesToHex(nodes.subarray(place * NODE_BYTES, (place + 1) * NODE_BYTES));
  return {
    root: nodeAt(0),
    count,
    proof(index) {
      if (!Number.isInteger(index) || index < 0 || index >= count) {
        throw new MeantimeError("MT-SDK-011", `no leaf at ${index} of ${count}`, {
          hint: "Count from zero.",
        });
      }
      const siblings: Hex[] = [];
      for (let place = placeOf(index, count); place > 0; place = parentOf(place)) {
        siblings.push(nodeAt(place % 2 === 1 ? place + 1 : place - 1));
      }
      return siblings;
    },
  };
}

/**
 * Whether the statement holds. False, never an error, for a proof too short or too long, an index out of range, a count
 * that is no whole number, and a leaf or sibling that is not 32 bytes of hexadecimal.
 */
export function verifyMerkleProof({ root, count, index, leaf, proof }: MerkleStatement): boolean {
  if (!Number.isSafeInteger(2 * count) || !Number.isInteger(index) || index < 0 || index >= count)
    return false;
  // A longer sibling would write over the leaf beside it, and any leaf would pass.
  if (![leaf, ...proof].every(isNode)) return false;
  let place = placeOf(index, count);
  let node = hexToBytes(leaf);
  for (const sibling of proof) {
    if (place === 0) return false;
    const pair = new Uint8Array(2 * NODE_BYTES);
    // Odd places are left children.
    pair.set(node, place % 2 === 1 ? 0 : NODE_BYTES);
    pair.set(hexToBytes(sibling), place % 2 === 1 ? NODE_BYTES : 0);
    node = keccak256Bytes(pair);
    place = parentOf(place);
  }
  return place === 0 && bytesToHex(node) === root;
}

function placeOf(index: number, count: number): number {
  return 2 * count - 2 - index;
}

// By division: shifts see the low 32 bits alone, and the tree would hold for `count + 2^31` as well.
function parentOf(place: number): number {
  return Math.floor((place - 1) / 2);
}

function isNode(hex: Hex): boolean {
  return /^0x[0-9a-fA-F]{64}$/.test(hex);
}
