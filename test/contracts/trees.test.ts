// SPDX-License-Identifier: MIT
import { batchId, leafHash, type Opening, openingLeaf } from "@meantime/sdk/batch";
import { type Claim, claimId } from "@meantime/sdk/claim";
import { bytesToHex, type Hex, hexToBytes } from "@meantime/sdk/hex";
import { buildMerkleTree } from "@meantime/sdk/merkle";
import { SimpleMerkleTree } from "@openzeppelin/merkle-tree";
import { type BytesLike, toHex } from "@openzeppelin/merkle-tree/dist/bytes.js";
import { expect } from "chai";
import { AbiCoder, concat, id, keccak256 } from "ethers";
import {
  asAddress,
  batchOf,
  CHALLENGE_BOND_WEI,
  deployWorld,
  memberOf,
  networkHelpers,
  type World,
} from "./fixture.ts";
import { commitOpenings, revelation } from "./openings.ts";

const { loadFixture, setBalance, time } = networkHelpers;
const SIZES = [1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 127, 128, 129, 255, 257, 4096];
const ALL_UP_TO = 17;
const SAMPLES = 6;

describe("Trees of the SDK, of the contracts and of OpenZeppelin", () => {
  for (const count of SIZES) {
    it(`R-29 R-37 agree on random batches of ${count}: claim ids, leaves, root, batch id and places`, async () => {
      const world = await loadFixture(deployRich);
      const { settlement, operator, domain } = world;
      const random = randomWords(`batch of ${count}`);
      const claims = await randomClaims(world, count, random);
      const batch = batchOf(world, claims, { nonce: BigInt(random()) & 0xffffffffffffffffn });

      const leaves = batch.claimIds.map((claimIdentifier, index) => leafByHand(index, claimIdentifier));
      expect(batch.claimIds.map((claimIdentifier, index) => leafHash(index, claimIdentifier))).to.deep.equal(
        leaves,
      );
      const theirs = SimpleMerkleTree.of(leaves, { sortLeaves: false, nodeHash: hashPair });
      expect(batch.header.root).to.equal(theirs.root);
      expect(await settlement.batchIdOf(batch.header)).to.equal(batchId(domain, batch.header));

      await settlement.connect(operator).commit(batch.header);
      const committedAt = await time.latest();
      for (const index of indicesOf(count, random)) {
        const [header, claim, , proof] = memberOf(batch, index);
        expect(await settlement.claimIdOf(claim)).to.equal(claimId(domain, claim));
        expect(await settlement.inclusionOf(...memberOf(batch, index)), `${index}`).to.equal(committedAt);
        const elsewhere = (index + 1) % (count + 1);
        expect(
          await settlement.inclusionOf(header, claim, elsewhere, proof),
          `${index} at ${elsewhere}`,
        ).to.equal(0);
      }
    });
  }

  for (const count of [1, 2, 3, 7, 9, 33]) {
    it(`R-36 R-37 agree on the openings of random batches of ${count}`, async () => {
      const world = await loadFixture(deployRich);
      const { settlement, challenger } = world;
      const random = randomWords(`openings of ${count}`);
      const opened = Array.from({ length: count }, () => randomOpening(random));
      const leaves = opened.map((opening, index) => openingLeafByHand(index, opening));
      expect(opened.map((opening, index) => openingLeaf(index, opening))).to.deep.equal(leaves);
      const theirs = SimpleMerkleTree.of(leaves, { sortLeaves: false, nodeHash: hashPair });
      expect(buildMerkleTree(leaves).root).to.equal(theirs.root);

      const { batch, openings } = await commitOpenings(world, opened);
      for (const index of indicesOf(count, random)) {
        await settlement.connect(challenger).demandReveal(batch.header, index, { value: CHALLENGE_BOND_WEI });
        await settlement.reveal(...revelation(batch, index, openings[index]));
      }
    });
  }

  it("R-29 R-33 prove nothing under a header that names a smaller tree with the same root", async () => {
    const world = await loadFixture(deployRich);
    const { settlement, operator } = world;
    const claims = await randomClaims(world, 4, randomWords("inner nodes"));
    const batch = batchOf(world, claims);
    await settlement.connect(operator).commit(batch.header);
    // The same header one level up: the root over two inner nodes, read as the root over two leaves.
    const shallow = { ...batch.header, count: 2 };
    await settlement.connect(operator).commit(shallow);
    for (const [index, proof] of batch.proofs.entries()) {
      const [, claim] = memberOf(batch, index);
      for (const at of [0, 1]) {
        for (const cut of [proof, proof.slice(1), proof.slice(0, 1)]) {
          expect(await settlement.inclusionOf(shallow, claim, at, cut)).to.equal(0);
        }
      }
    }
  });
});

async function deployRich(): Promise<World> {
  const world = await deployWorld();
  const stakeWei = 10n ** 20n;
  await setBalance(world.operator.address, 2n * stakeWei);
  await world.settlement.connect(world.operator).stake(world.operator.address, { value: stakeWei });
  return world;
}

/** Words that follow from a seed alone, so that a failure can be had again. */
function randomWords(seed: string): () => Hex {
  let state = id(seed);
  return () => {
    state = keccak256(state);
    return keccak256(concat([state, "0x01"])) as Hex;
  };
}

async function randomClaims(world: World, count: number, random: () => Hex): Promise<Claim[]> {
  const now = BigInt(await time.latest());
  const modelId = `${random().slice(0, -2)}07` as Hex;
  return Array.from({ length: count }, () => ({
    modelId,
    policyId: world.policyIds.window,
    operator: asAddress(world.operator.address),
    requester: random().slice(0, 42) as Hex,
    requestId: random(),
    inputHash: random(),
    outputHash: random(),
    servedAt: now,
    commitBy: now + (BigInt(random()) % 86_400n),
  }));
}

function randomOpening(random: () => Hex): Opening {
  const bytes = (): Uint8Array => hexToBytes(random()).slice(0, Number(BigInt(random()) % 33n));
  return { input: bytes(), salt: random(), output: bytes() };
}

function indicesOf(count: number, random: () => Hex): number[] {
  if (count <= ALL_UP_TO) return [...Array(count).keys()];
  const drawn = Array.from({ length: SAMPLES }, () => Number(BigInt(random()) % BigInt(count)));
  return [...new Set([0, count - 1, ...drawn])];
}

function leafByHand(index: number, claimIdentifier: Hex): Hex {
  const typehash = id("MeantimeLeaf(uint256 index,bytes32 claimId)");
  return hashTwice(["bytes32", "uint256", "bytes32"], [typehash, index, claimIdentifier]);
}

function openingLeafByHand(index: number, { input, salt, output }: Opening): Hex {
  const typehash = id("MeantimeOpening(uint256 index,bytes32 inputDigest,bytes32 salt,bytes32 outputDigest)");
  return hashTwice(
    ["bytes32", "uint256", "bytes32", "bytes32", "bytes32"],
    [typehash, index, keccak256(bytesToHex(input)), salt, keccak256(bytesToHex(output))],
  );
}

function hashTwice(types: string[], values: unknown[]): Hex {
  return keccak256(keccak256(AbiCoder.defaultAbiCoder().encode(types, values))) as Hex;
}

function hashPair(left: BytesLike, right: BytesLike): Hex {
  return keccak256(concat([toHex(left), toHex(right)])) as Hex;
}
