// SPDX-License-Identifier: MIT
import { readFile } from "node:fs/promises";
import { encodeVerificationKey, verificationKeyId, verifyGroth16 } from "@meantime/sdk/groth16";
import { bytesToHex, type Hex } from "@meantime/sdk/hex";
import { encodeWords } from "@meantime/sdk/words";
import { bn254 } from "@noble/curves/bn254.js";
import { expect } from "chai";
import { ZeroAddress } from "ethers";
import hre from "hardhat";
import { digitModelUrl } from "../../scripts/chain/models.ts";
import { ethers, networkHelpers } from "./fixture.ts";
import {
  forgeProof,
  g1Words,
  g2Words,
  pointOutsideSubgroup,
  toyKey,
  twistPoint,
  withPoint,
  wordsOf,
} from "./forgery.ts";

const { loadFixture } = networkHelpers;
const [ALPHA, BETA, GAMMA, DELTA, IC] = [0, 2, 6, 10, 14] as const;
const Q = bn254.fields.Fp.ORDER;
const SIGNALS = [1n, 2n, 3n];

const developmentKey = encodeVerificationKey(
  JSON.parse(await readFile(digitModelUrl("verificationKey"), "utf8")),
);
const toy = toyKey();

describe("Keys that anybody can forge proofs for", () => {
  it("R-42 are refused where beta is gamma, or its opposite: (alpha + L, beta, 0) holds", async () => {
    const keys = await loadFixture(deployKeys);
    for (const sign of [1, -1] as const) {
      const gamma = twistPoint(pointOf(toy.key, BETA, 4), sign);
      const key = withPoint(toy.key, GAMMA, gamma);
      const combined = combinedInputs(key);
      const a = g1Sum(pointOf(key, ALPHA, 2), sign === 1 ? combined : negated(combined));
      const proof = bytesToHex(encodeWords(...a, ...pointOf(key, BETA, 4), 0n, 0n));
      expect(verifyGroth16(key, SIGNALS, proof), `${sign}`).to.equal(true);
      await expect(keys.registerKey(key), `${sign}`)
        .to.be.revertedWithCustomError(keys, "KeyUnsafe")
        .withArgs(BETA, GAMMA);
    }
  });

  it("R-42 are refused where beta is delta, or its opposite: (L, gamma, -alpha) holds", async () => {
    const keys = await loadFixture(deployKeys);
    for (const sign of [1, -1] as const) {
      const key = withPoint(toy.key, DELTA, twistPoint(pointOf(toy.key, BETA, 4), sign));
      const alpha = pointOf(key, ALPHA, 2);
      const c = sign === 1 ? negated(alpha) : alpha;
      const proof = bytesToHex(encodeWords(...combinedInputs(key), ...pointOf(key, GAMMA, 4), ...c));
      expect(verifyGroth16(key, SIGNALS, proof), `${sign}`).to.equal(true);
      await expect(keys.registerKey(key), `${sign}`)
        .to.be.revertedWithCustomError(keys, "KeyUnsafe")
        .withArgs(BETA, DELTA);
    }
  });

  it("R-42 are refused where gamma is delta, or its opposite: nobody contributed to phase 2", async () => {
    const keys = await loadFixture(deployKeys);
    for (const sign of [1, -1] as const) {
      const key = withPoint(toy.key, DELTA, twistPoint(pointOf(toy.key, GAMMA, 4), sign));
      const proof = await forgeProof({ key, gammaOverDelta: BigInt(sign) }, SIGNALS);
      expect(verifyGroth16(key, SIGNALS, proof), `${sign}`).to.equal(true);
      await expect(keys.registerKey(key), `${sign}`)
        .to.be.revertedWithCustomError(keys, "KeyUnsafe")
        .withArgs(GAMMA, DELTA);
    }
  });

  it("R-42 are refused where two inputs share a point, or opposite ones: a proof is one for other inputs too", async () => {
    const keys = await loadFixture(deployKeys);
    for (const [first, second] of [
      [1, 2],
      [1, 3],
      [2, 3],
    ] as const) {
      for (const opposite of [false, true]) {
        const point = pointOf(toy.key, IC + 2 * first, 2);
        const key = withPoint(toy.key, IC + 2 * second, opposite ? negated(point) : point);
        const proof = await forgeProof({ ...toy, key }, SIGNALS);
        const moved = SIGNALS.map((signal, at) => {
          if (at + 1 === first) return signal + 5n;
          return at + 1 === second ? signal + (opposite ? 5n : bn254.fields.Fr.ORDER - 5n) : signal;
        }).map((signal) => signal % bn254.fields.Fr.ORDER);
        expect(verifyGroth16(key, moved, proof), `${first} ${second} ${opposite}`).to.equal(true);
        await expect(keys.registerKey(key))
          .to.be.revertedWithCustomError(keys, "KeyUnsafe")
          .withArgs(IC + 2 * first, IC + 2 * second);
      }
    }
  });

  it("R-42 are refused where alpha, beta or delta is the generator or its opposite: a contribution is missing", async () => {
    const keys = await loadFixture(deployKeys);
    for (const [word, point] of [
      [ALPHA, g1Words(1n)],
      [ALPHA, negated(g1Words(1n))],
      [BETA, g2Words(1n)],
      [BETA, twistPoint(g2Words(1n), -1)],
      [DELTA, g2Words(1n)],
      [DELTA, twistPoint(g2Words(1n), -1)],
    ] as const) {
      await expect(keys.registerKey(withPoint(toy.key, word, point)), `${word}`)
        .to.be.revertedWithCustomError(keys, "KeyGenerator")
        .withArgs(word);
    }
    // snarkjs leaves gamma at the generator.
    await keys.registerKey(withPoint(toy.key, GAMMA, g2Words(1n)));
  });

  it("R-42 are refused where a point lies on the twist and outside its subgroup", async () => {
    const keys = await loadFixture(deployKeys);
    const stray = pointOutsideSubgroup();
    for (const word of [BETA, GAMMA, DELTA]) {
      await expect(keys.registerKey(withPoint(toy.key, word, stray)), `${word}`)
        .to.be.revertedWithCustomError(keys, "KeyPoint")
        .withArgs(word);
    }
  });

  it("R-38 are not stored because their checks had too little gas", async () => {
    const keys = await loadFixture(deployKeys);
    const unsafe = withPoint(toy.key, BETA, pointOutsideSubgroup());
    for (let gasLimit = 100_000n; gasLimit <= 1_200_000n; gasLimit += 50_000n) {
      await expect(keys.registerKey(unsafe, { gasLimit }), `${gasLimit}`).to.be.revert(ethers);
    }
  });
});

describe("Keys of the development setup", () => {
  it("are refused on every chain but 31337, by alpha or beta, whatever the circuit", async () => {
    const other = await hre.network.create<"l1">({ override: { chainId: 1 } });
    const elsewhere = await other.ethers.deployContract("Groth16Evidence", [ZeroAddress]);
    const here = await loadFixture(deployKeys);
    const marked: Hex[] = [
      developmentKey,
      withPoint(toy.key, ALPHA, pointOf(developmentKey, ALPHA, 2)),
      withPoint(toy.key, ALPHA, negated(pointOf(developmentKey, ALPHA, 2))),
      withPoint(toy.key, BETA, pointOf(developmentKey, BETA, 4)),
      withPoint(toy.key, BETA, twistPoint(pointOf(developmentKey, BETA, 4), -1)),
    ];
    for (const key of marked) {
      await expect(elsewhere.registerKey(key))
        .to.be.revertedWithCustomError(elsewhere, "DevelopmentKey")
        .withArgs(verificationKeyId(key));
      await here.registerKey(key);
    }
    await elsewhere.registerKey(toy.key);
  });
});

async function deployKeys() {
  return ethers.deployContract("Groth16Evidence", [ZeroAddress]);
}

function pointOf(key: Hex, word: number, length: 2 | 4): bigint[] {
  return wordsOf(key).slice(word, word + length);
}

function combinedInputs(key: Hex): bigint[] {
  return SIGNALS.reduce(
    (sum, signal, at) => g1Sum(sum, g1Product(pointOf(key, IC + 2 * (at + 1), 2), signal)),
    pointOf(key, IC, 2),
  );
}

function g1Sum(a: readonly bigint[], b: readonly bigint[]): bigint[] {
  const { x, y } = g1(a).add(g1(b)).toAffine();
  return [x, y];
}

function g1Product(point: readonly bigint[], scalar: bigint): bigint[] {
  const { x, y } = g1(point).multiply(scalar).toAffine();
  return [x, y];
}

function g1([x = 0n, y = 0n]: readonly bigint[]) {
  return bn254.G1.Point.fromAffine({ x, y });
}

function negated([x = 0n, y = 0n]: readonly bigint[]): bigint[] {
  return [x, Q - y];
}
