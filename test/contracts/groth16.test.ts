// SPDX-License-Identifier: MIT
import { readFile } from "node:fs/promises";
import { provingContext } from "@meantime/sdk/evidence";
import { encodeVerificationKey, verificationKeyId } from "@meantime/sdk/groth16";
import type { Hex } from "@meantime/sdk/hex";
import { EVIDENCE_KINDS } from "@meantime/sdk/policy";
import { STATUS } from "@meantime/sdk/status";
import { expect } from "chai";
import { concat, dataSlice, id, toBeHex, ZeroAddress } from "ethers";
import { digitModelUrl } from "../../scripts/chain/models.ts";
import {
  asAddress,
  type Batch,
  CHALLENGE_BOND_WEI,
  challengeClaim,
  claimAt,
  deployWorld,
  ethers,
  memberOf,
  networkHelpers,
  type World,
  wordOf,
} from "./fixture.ts";
import { commitInferences } from "./inferences.ts";
import { type Inference, infer, proveClaim, stopProver } from "./proofs.ts";

const { loadFixture, time } = networkHelpers;
const ZK = EVIDENCE_KINDS.zk;
const R = 21888242871839275222246405745257275088548364400416034343698204186575808495617n;
const Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583n;

after(stopProver);

describe("Groth16 evidence", () => {
  it("makes a claim final early under zk, Proven under a rule that a proof alone does not close", async () => {
    const world = await loadFixture(deployWorld);
    const closing = await commitInferences(world, "zk", [infer(1)]);
    await prove(world, closing, 0, infer(1));
    expect(await world.settlement.statusOf(...memberOf(closing, 0))).to.equal(STATUS.Final);

    const open = await commitInferences(world, "teeAndZk", [infer(1), infer(2)], 2n);
    await prove(world, open, 0, infer(1));
    expect(await world.settlement.statusOf(...memberOf(open, 0))).to.equal(STATUS.Proven);
    expect(await world.settlement.statusOf(...memberOf(open, 1))).to.equal(STATUS.Committed);
    await expect(challengeClaim(world, open, 0))
      .to.be.revertedWithCustomError(world.settlement, "WrongStatus")
      .withArgs(claimAt(open, 0).claimId, STATUS.Proven);
  });

  it("answers a challenge and pays the beneficiary, whoever sends it", async () => {
    const world = await loadFixture(deployWorld);
    const inference = infer(3);
    const batch = await commitInferences(world, "window", [inference]);
    await challengeClaim(world, batch, 0);
    const { claim, claimId } = claimAt(batch, 0);
    const proof = await proveClaim(inference, claimId, world.prover.address);
    await expect(
      world.settlement
        .connect(world.stranger)
        .answer(batch.batchId, claim, 0, world.challenger.address, ZK, world.prover.address, proof),
    )
      .to.emit(world.settlement, "EvidenceAccepted")
      .withArgs(batch.batchId, claimId, world.prover.address, 0, ZK, 0, CHALLENGE_BOND_WEI);
    expect(await world.settlement.creditOf(world.prover.address, ZeroAddress)).to.equal(CHALLENGE_BOND_WEI);
    expect(await world.settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Proven);
  });

  it("R-41 binds a proof to its claim and to whom it pays", async () => {
    const world = await loadFixture(deployWorld);
    const inference = infer(4);
    const batch = await commitInferences(world, "window", [inference, inference]);
    const proof = await proveClaim(inference, claimAt(batch, 0).claimId, world.prover.address);
    const attempts: [number, string][] = [
      [0, world.stranger.address],
      [1, world.prover.address],
    ];
    for (const [index, beneficiary] of attempts) {
      await expect(world.settlement.prove(...memberOf(batch, index), ZK, beneficiary, proof))
        .to.be.revertedWithCustomError(world.settlement, "EvidenceRejected")
        .withArgs(ZK);
    }
    await world.settlement.prove(...memberOf(batch, 0), ZK, world.prover.address, proof);
    await expect(world.settlement.prove(...memberOf(batch, 0), ZK, world.prover.address, proof))
      .to.be.revertedWithCustomError(world.settlement, "EvidenceKnown")
      .withArgs(claimAt(batch, 0).claimId, ZK);
  });

  it("R-46 folds claim id and beneficiary into the field as the SDK does, below its order", async () => {
    const world = await loadFixture(deployWorld);
    for (const seed of ["a", "b", "c", "d"]) {
      const beneficiary = asAddress(dataSlice(id(`beneficiary ${seed}`), 12));
      const context = provingContext(id(seed) as Hex, beneficiary);
      expect(await world.groth16Evidence.contextOf(id(seed), beneficiary)).to.equal(context);
      expect(context).to.be.lessThan(2n ** 248n);
    }
  });

  it("proves no other output: a lie has no proof", async () => {
    const world = await loadFixture(deployWorld);
    const inference = infer(5);
    const lie = { ...inference, outputHash: wordOf((BigInt(inference.outputHash) + 1n) % 10n) };
    const batch = await commitInferences(world, "window", [lie]);
    const proof = await proveClaim(inference, claimAt(batch, 0).claimId, world.prover.address);
    await expect(world.settlement.prove(...memberOf(batch, 0), ZK, world.prover.address, proof))
      .to.be.revertedWithCustomError(world.settlement, "EvidenceRejected")
      .withArgs(ZK);
  });

  it("R-38 I-15 never takes a proof that was starved of gas for a judged one, at any gas limit", async () => {
    const world = await loadFixture(deployWorld);
    const inference = infer(6);
    const batch = await commitInferences(world, "window", [inference]);
    await challengeClaim(world, batch, 0);
    const { claim, claimId } = claimAt(batch, 0);
    const proof = await proveClaim(inference, claimId, world.prover.address);
    const call = [
      batch.batchId,
      claim,
      0,
      world.challenger.address,
      ZK,
      world.prover.address,
      proof,
    ] as const;
    const needed = await world.settlement.answer.estimateGas(...call);

    for (let percent = 20n; percent < 100n; percent += 5n) {
      const limit = (needed * percent) / 100n;
      await expect(world.settlement.answer(...call, { gasLimit: limit }), `${limit}`).to.be.revert(ethers);
      expect(await world.settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Challenged);
    }
    await world.settlement.answer(...call);
  });

  it("R-39 refuses inputs that are not canonical: a claim with inputHash + r is another claim, and unprovable", async () => {
    const world = await loadFixture(deployWorld);
    const inference = infer(7);
    const aliased = { ...inference, inputHash: wordOf(BigInt(inference.inputHash) + R) };
    const batch = await commitInferences(world, "window", [aliased]);
    const { claimId } = claimAt(batch, 0);
    const proof = await proveClaim(inference, claimId, world.prover.address);
    await expect(world.settlement.prove(...memberOf(batch, 0), ZK, world.prover.address, proof))
      .to.be.revertedWithCustomError(world.groth16Evidence, "InputNotInField")
      .withArgs(0, BigInt(aliased.inputHash));
  });

  it("R-40 accepts the malleated twin of a proof: its bytes identify nothing", async () => {
    const world = await loadFixture(deployWorld);
    const inference = infer(8);
    const batch = await commitInferences(world, "window", [inference]);
    const proof = await proveClaim(inference, claimAt(batch, 0).claimId, world.prover.address);
    const words = wordsOf(proof);
    const negated = [1, 4, 5].reduce((all, at) => replaceAt(all, at, Q - BigInt(all[at] ?? 0)), words);
    const twin = concat(negated.map((word) => toBeHex(word, 32)));
    expect(twin).to.not.equal(proof);
    await world.settlement.prove(...memberOf(batch, 0), ZK, world.prover.address, twin);
  });

  it("R-44 refuses everything that is no proof", async () => {
    const world = await loadFixture(deployWorld);
    const inference = infer(9);
    const batch = await commitInferences(world, "window", [inference]);
    const proof = await proveClaim(inference, claimAt(batch, 0).claimId, world.prover.address);
    const words = wordsOf(proof);
    const malformed: [string, string, string][] = [
      ["empty", "0x", "ProofLength"],
      ["short", dataSlice(proof, 0, 255), "ProofLength"],
      ["long", concat([proof, "0x00"]), "ProofLength"],
      ["off the curve", encode(replaceAt(words, 0, BigInt(words[0] ?? 0) + 1n)), "PrecompileFailed"],
      ["A.y not canonical", encode(replaceAt(words, 1, BigInt(words[1] ?? 0) + Q)), "ProofNotCanonical"],
      ["A.x not canonical", encode(replaceAt(words, 0, BigInt(words[0] ?? 0) + Q)), "PrecompileFailed"],
      ["C not canonical", encode(replaceAt(words, 6, BigInt(words[6] ?? 0) + Q)), "PrecompileFailed"],
    ];
    for (const [name, evidence, error] of malformed) {
      await expect(
        world.settlement.prove(...memberOf(batch, 0), ZK, world.prover.address, evidence),
        name,
      ).to.be.revertedWithCustomError(world.groth16Evidence, error);
    }
    const judged: [string, string][] = [
      ["all zero", encode(words.map(() => 0n))],
      ["another valid proof's C", encode(replaceAt(replaceAt(words, 6, 1n), 7, 2n))],
    ];
    for (const [name, evidence] of judged) {
      await expect(
        world.settlement.prove(...memberOf(batch, 0), ZK, world.prover.address, evidence),
        name,
      ).to.be.revertedWithCustomError(world.settlement, "EvidenceRejected");
    }
  });

  it("refuses a proof for a model without a key", async () => {
    const world = await loadFixture(deployWorld);
    const modelId = `0x${"ab".repeat(31)}01` as Hex;
    const batch = await commitInferences(world, "window", [infer(1)], 1n, { modelId });
    await expect(
      world.settlement.prove(...memberOf(batch, 0), ZK, world.prover.address, "0x"),
    ).to.be.revertedWithCustomError(world.groth16Evidence, "KeyUnknown");
  });

  it("R-08 takes no evidence for a final or a rejected claim", async () => {
    const world = await loadFixture(deployWorld);
    const inference = infer(10);
    const batch = await commitInferences(world, "window", [inference, inference]);
    const proof = await proveClaim(inference, claimAt(batch, 0).claimId, world.prover.address);
    const rejectedProof = await proveClaim(inference, claimAt(batch, 1).claimId, world.prover.address);
    await challengeClaim(world, batch, 1);
    await time.increase(3600);
    await world.settlement.resolve(batch.batchId, claimAt(batch, 1).claim, 1, world.challenger.address);
    for (const [index, evidence, status] of [
      [0, proof, STATUS.Final],
      [1, rejectedProof, STATUS.Rejected],
    ] as const) {
      await expect(world.settlement.prove(...memberOf(batch, index), ZK, world.prover.address, evidence))
        .to.be.revertedWithCustomError(world.settlement, "WrongStatus")
        .withArgs(claimAt(batch, index).claimId, status);
    }
  });
});

describe("Verification keys", () => {
  it("R-49 vouch as nobody: a proof has no source that could be compromised", async () => {
    const world = await loadFixture(deployWorld);
    expect(await world.groth16Evidence.compromisedSince(0)).to.equal(0);
    expect(await world.groth16Evidence.compromisedSince(1)).to.equal(0);
  });

  it("stores a key as it was given and names it by its hash", async () => {
    const world = await loadFixture(deployWorld);
    const key = await digitKey();
    expect(await world.groth16Evidence.keyOf(verificationKeyId(key))).to.equal(key);
    await expect(world.groth16Evidence.registerKey(key))
      .to.be.revertedWithCustomError(world.groth16Evidence, "KeyKnown")
      .withArgs(verificationKeyId(key));
    await expect(world.groth16Evidence.keyOf(wordOf(1n))).to.be.revertedWithCustomError(
      world.groth16Evidence,
      "KeyUnknown",
    );
  });

  it("R-42 R-45 refuses points at infinity, off the curve and not canonical, and another length", async () => {
    const world = await loadFixture(deployWorld);
    const words = wordsOf(await digitKey());
    const points: [number, number][] = [
      [0, 2],
      [2, 4],
      [6, 4],
      [10, 4],
      [14, 2],
      [20, 2],
    ];
    for (const [at, length] of points) {
      const infinity = words.map((word, place) => (place >= at && place < at + length ? 0n : BigInt(word)));
      const offCurve = replaceAt(words, at, BigInt(words[at] ?? 0) ^ 1n);
      const aliased = replaceAt(words, at, BigInt(words[at] ?? 0) + Q);
      for (const bad of [infinity, offCurve, aliased]) {
        await expect(world.groth16Evidence.registerKey(encode(bad)), `${at}`)
          .to.be.revertedWithCustomError(world.groth16Evidence, "KeyPoint")
          .withArgs(at);
      }
    }
    for (const bad of [words.slice(0, -2), [...words, 1n, 2n], words.slice(0, -1)]) {
      await expect(world.groth16Evidence.registerKey(encode(bad)))
        .to.be.revertedWithCustomError(world.groth16Evidence, "KeyLength")
        .withArgs(bad.length * 32, 22 * 32);
    }
  });
});

async function prove(world: World, batch: Batch, index: number, inference: Inference): Promise<void> {
  const { claimId } = claimAt(batch, index);
  const beneficiary = asAddress(world.operator.address);
  const proof = await proveClaim(inference, claimId, beneficiary);
  await world.settlement.connect(world.stranger).prove(...memberOf(batch, index), ZK, beneficiary, proof);
}

async function digitKey(): Promise<Hex> {
  return encodeVerificationKey(JSON.parse(await readFile(digitModelUrl("verificationKey"), "utf8")));
}

function wordsOf(bytes: Hex): (bigint | Hex)[] {
  return Array.from(
    { length: (bytes.length - 2) / 64 },
    (_, at) => dataSlice(bytes, at * 32, (at + 1) * 32) as Hex,
  );
}

function replaceAt(words: (bigint | Hex)[], at: number, value: bigint): (bigint | Hex)[] {
  return words.map((word, place) => (place === at ? value : word));
}

function encode(words: (bigint | Hex)[]): string {
  return concat(words.map((word) => toBeHex(word, 32)));
}
