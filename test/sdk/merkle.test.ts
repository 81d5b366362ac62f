// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MeantimeError } from "@meantime/sdk/errors";
import { type Hex, hexToBytes, keccak256 } from "@meantime/sdk/hex";
import { buildMerkleTree, merkleTreeSteps, verifyMerkleProof } from "@meantime/sdk/merkle";
import { SimpleMerkleTree } from "@openzeppelin/merkle-tree";
import { type BytesLike, toHex } from "@openzeppelin/merkle-tree/dist/bytes.js";
import { concat, keccak256 as ethersKeccak256 } from "ethers";

const SIZES = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 100, 4095, 4096, 4097];

describe("R-37 Merkle trees", () => {
  for (const count of SIZES) {
    it(`of ${count} leaves agree with OpenZeppelin's library, root and proofs`, () => {
      const leaves = leavesOf(count);
      const tree = buildMerkleTree(leaves);
      const theirs = SimpleMerkleTree.of(leaves, { sortLeaves: false, nodeHash: hashPair });
      assert.equal(tree.root, theirs.root);
      const nodes = theirs.dump().tree;
      for (const [index, leaf] of leaves.entries()) {
        const proof = tree.proof(index);
        assert.deepEqual(proof, siblingsAbove(nodes, nodes.length - 1 - index));
        assert.ok(verifyMerkleProof({ root: tree.root, count, index, leaf, proof }));
      }
    });
  }

  it("R-30 prove a leaf at its own index and count alone", () => {
    for (const count of SIZES.filter((size) => size <= 33)) {
      const leaves = leavesOf(count);
      const { root, proof } = buildMerkleTree(leaves);
      for (let index = 0; index < count; index++) {
        const leaf = leafAt(leaves, index);
        for (let at = -1; at <= count; at++) {
          const proven = verifyMerkleProof({ root, count, index: at, leaf, proof: proof(index) });
          assert.equal(proven, at === index, `${count}: ${index} at ${at}`);
        }
        const statement = { root, index, leaf, proof: proof(index) };
        assert.ok(
          !verifyMerkleProof({ ...statement, count: 2 * count + 1 }),
          `${count}: ${index} in a larger tree`,
        );
      }
    }
  });

  it("refuse proofs cut, extended or altered, and foreign leaves", () => {
    const leaves = leavesOf(9);
    const { root, proof } = buildMerkleTree(leaves);
    for (let index = 0; index < 9; index++) {
      const leaf = leafAt(leaves, index);
      const honest = proof(index);
      const altered = honest.map((node, at) => (at === 0 ? keccak256(node) : node));
      for (const bad of [
        honest.slice(1),
        honest.slice(0, -1),
        [...honest, root],
        [root, ...honest],
        altered,
      ]) {
        assert.ok(!verifyMerkleProof({ root, count: 9, index, leaf, proof: bad }));
      }
      assert.ok(!verifyMerkleProof({ root, count: 9, index, leaf: keccak256(leaf), proof: honest }));
    }
  });

  it("refuse nodes of any length but 32 bytes, which could write over the leaf they stand beside", () => {
    const leaves = leavesOf(9);
    const { root, proof } = buildMerkleTree(leaves);
    const foreign = keccak256("0xdeadbeef");
    for (let index = 0; index < 9; index++) {
      const leaf = leafAt(leaves, index);
      const [first, ...upper] = proof(index);
      assert.ok(first);
      const pairs = [`${first}${leaf.slice(2)}`, `${leaf}${first.slice(2)}`] as Hex[];
      for (const sibling of [...pairs, "0x", first.slice(0, -2), `${first}00`, "no hex"] as Hex[]) {
        for (const claimed of [foreign, leaf]) {
          const statement = { root, count: 9, index, leaf: claimed, proof: [sibling, ...upper] };
          assert.equal(verifyMerkleProof(statement), false, `${index} beside ${sibling}`);
        }
      }
      for (const long of [`${leaf}00`, `${leaf}${"00".repeat(32)}`, "0x", "no hex"] as Hex[]) {
        assert.equal(verifyMerkleProof({ root, count: 9, index, leaf: long, proof: proof(index) }), false);
      }
    }
  });

  it("hold for no count that is equal in its low bits alone, nor for a count that is none", () => {
    const leaves = leavesOf(9);
    const { root, proof } = buildMerkleTree(leaves);
    const counts = [31, 32, 33, 51, 52, 53].map((power) => 9 + 2 ** power);
    for (const count of [...counts, 9.5, Number.NaN, Number.POSITIVE_INFINITY, 0, -9]) {
      const statement = { root, count, index: 0, leaf: leafAt(leaves, 0), proof: proof(0) };
      assert.equal(verifyMerkleProof(statement), false, String(count));
    }
  });

  it("R-29 prove no inner node as a leaf", () => {
    for (const count of SIZES.filter((size) => size <= 33)) {
      const leaves = leavesOf(count);
      const { tree } = SimpleMerkleTree.of(leaves, { sortLeaves: false, nodeHash: hashPair }).dump();
      const { root } = buildMerkleTree(leaves);
      for (const [place, inner] of tree.slice(0, count - 1).entries()) {
        const proof = siblingsAbove(tree, place) as Hex[];
        for (let index = 0; index < count; index++) {
          const proven = verifyMerkleProof({ root, count, index, leaf: inner as Hex, proof });
          assert.equal(proven, false, `${count}: node ${place} at ${index}`);
        }
      }
    }
  });

  it("are the same when they are built step by step, in steps of a bounded number of leaves", () => {
    for (const count of SIZES) {
      const leaves = leavesOf(count);
      const asked: number[] = [];
      const steps = merkleTreeSteps(count, (index) => {
        asked.push(index);
        return hexToBytes(leaves[index] ?? "0x");
      });
      let [taken, step] = [1, steps.next()];
      for (; !step.done; step = steps.next()) taken += 1;
      assert.equal(step.value.root, buildMerkleTree(leaves).root);
      assert.deepEqual(step.value.proof(count - 1), buildMerkleTree(leaves).proof(count - 1));
      assert.deepEqual(asked, [...leaves.keys()]);
      assert.ok(taken >= (2 * count - 1) / 64, `${count} leaves in ${taken} steps`);
    }
  });

  it("need a leaf, and know no leaf beyond the last", () => {
    assert.throws(() => buildMerkleTree([]), isCode("MT-SDK-010"));
    for (const leaf of ["0x", `0x${"ab".repeat(31)}`, `0x${"ab".repeat(64)}`] as Hex[]) {
      assert.throws(() => buildMerkleTree([leaf, ...leavesOf(2)]), isCode("MT-SDK-002"));
    }
    const tree = buildMerkleTree(leavesOf(3));
    for (const index of [-1, 3, 0.5]) assert.throws(() => tree.proof(index), isCode("MT-SDK-011"));
  });
});

// The library refuses to hand out proofs that its own sorted check does not follow; its nodes it does hand out.
function siblingsAbove(nodes: string[], from: number): (string | undefined)[] {
  const siblings = [];
  for (let place = from; place > 0; place = Math.floor((place - 1) / 2)) {
    siblings.push(nodes[place % 2 === 1 ? place + 1 : place - 1]);
  }
  return siblings;
}

function leavesOf(count: number): Hex[] {
  return Array.from({ length: count }, (_, index) => keccak256(`0x${index.toString(16).padStart(8, "0")}`));
}

function leafAt(leaves: Hex[], index: number): Hex {
  const leaf = leaves[index];
  assert.ok(leaf);
  return leaf;
}

function hashPair(left: BytesLike, right: BytesLike): string {
  return ethersKeccak256(concat([toHex(left), toHex(right)]));
}

function isCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof MeantimeError && error.code === code;
}
