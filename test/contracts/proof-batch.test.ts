// SPDX-License-Identifier: MIT
import { readFile } from "node:fs/promises";
import { provingContext } from "@meantime/sdk/evidence";
import { encodeVerificationKey, verificationKeyId } from "@meantime/sdk/groth16";
import { encodeGroth16Batch, type Groth16Batch, type StatementProof } from "@meantime/sdk/groth16-batch";
import type { Address, Hex } from "@meantime/sdk/hex";
import { EVIDENCE_KINDS } from "@meantime/sdk/policy";
import { STATUS } from "@meantime/sdk/status";
import { expect } from "chai";
import { ZeroAddress } from "ethers";
import { digitModelUrl } from "../../scripts/chain/models.ts";
import {
  asAddress,
  type Batch,
  challengeClaim,
  claimAt,
  deployWorld,
  ethers,
  memberOf,
  networkHelpers,
  type World,
  wordOf,
} from "./fixture.ts";
import { forgeProof, toyKey, trapdoorOf } from "./forgery.ts";
import { commitInferences } from "./inferences.ts";
import { type Inference, infer, proveClaim, stopProver } from "./proofs.ts";

const { loadFixture } = networkHelpers;
const { zk: ZK } = EVIDENCE_KINDS;
const R = 21888242871839275222246405745257275088548364400416034343698204186575808495617n;
const Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583n;

const key = encodeVerificationKey(JSON.parse(await readFile(digitModelUrl("verificationKey"), "utf8")));
const keyId = verificationKeyId(key);

after(stopProver);

describe("Proofs judged together", () => {
  it("make all their claims final in one transaction, for the beneficiary that they name", async () => {
    const { world, batch, proven } = await provenWorld();
    const calls = [0, 1, 2].map((index) => proveCall(world, batch, index, world.prover.address));
    const sent = judgeAndCall(world, proven, calls);
    for (const index of [0, 1, 2]) {
      await expect(sent)
        .to.emit(world.settlement, "EvidenceAccepted")
        .withArgs(batch.batchId, claimAt(batch, index).claimId, world.prover.address, index, ZK, 0, 0);
    }
    await expect(sent).to.not.emit(world.groth16Evidence, "CallRefused");
    for (const index of [0, 1, 2]) {
      expect(await world.settlement.statusOf(...memberOf(batch, index))).to.equal(STATUS.Final);
    }
  });

  it("answer a challenge, disprove a lie and prove a claim, of several batches", async () => {
    const world = await loadFixture(deployWorld);
    const [asked, lied, quiet] = [infer(1), infer(2), infer(3)];
    const lie = { ...lied, outputHash: wordOf((BigInt(lied.outputHash) + 1n) % 10n) };
    const first = await commitInferences(world, "window", [asked, lie]);
    const second = await commitInferences(world, "zk", [quiet], 2n);
    await challengeClaim(world, first, 0);
    const beneficiary = world.prover.address;
    const { claim } = claimAt(first, 1);
    const twinId = (await world.settlement.claimIdOf({ ...claim, outputHash: lied.outputHash })) as Hex;
    const proven = encodeGroth16Batch(key, [
      await proofOf(asked, claimAt(first, 0).claimId, beneficiary),
      await proofOf(lied, twinId, beneficiary),
      await proofOf(quiet, claimAt(second, 0).claimId, beneficiary),
    ]);
    const { interface: settlement } = world.settlement;
    const challenger = world.challenger.address;
    await judgeAndCall(world, proven, [
      settlement.encodeFunctionData("answer", [
        ...([first.batchId, claimAt(first, 0).claim, 0, challenger, ZK, beneficiary, "0x"] as const),
      ]),
      settlement.encodeFunctionData("disprove", [
        ...memberOf(first, 1),
        ...([ZeroAddress, lied.outputHash, beneficiary, "0x"] as const),
      ]),
      proveCall(world, second, 0, beneficiary),
    ]);
    expect(await world.settlement.statusOf(...memberOf(first, 0))).to.equal(STATUS.Proven);
    expect(await world.settlement.statusOf(...memberOf(first, 1))).to.equal(STATUS.Rejected);
    expect(await world.settlement.statusOf(...memberOf(second, 0))).to.equal(STATUS.Final);
  });

  it("R-44 are judged all or nothing: no word of a batch can change, none be left out, moved or repeated", async () => {
    const { world, proven } = await provenWorld();
    const { statements, foldedC } = proven;
    const [first, second, third] = statements as Three;
    const altered: [string, Groth16Batch][] = [
      ["another input", { ...proven, statements: [first, { ...second, inputHash: wordOf(5n) }, third] }],
      ["another output", { ...proven, statements: [{ ...first, outputHash: wordOf(11n) }, second, third] }],
      ["another context", { ...proven, statements: [first, second, { ...third, ctx: third.ctx + 1n }] }],
      [
        "contexts exchanged",
        {
          ...proven,
          statements: [{ ...first, ctx: second.ctx }, { ...second, ctx: first.ctx }, third],
        },
      ],
      ["another's A and B", { ...proven, statements: [{ ...first, proof: second.proof }, second, third] }],
      ["-A", { ...proven, statements: [{ ...first, proof: negatedA(first.proof) }, second, third] }],
      ["another order", { ...proven, statements: [second, first, third] }],
      ["one left out", { ...proven, statements: [first, second] }],
      ["one repeated", { ...proven, statements: [first, second, third, third] }],
      ["-F", { ...proven, foldedC: [foldedC[0], Q - foldedC[1]] }],
      ["no F", { ...proven, foldedC: [0n, 0n] }],
    ];
    for (const [name, bad] of altered) {
      await expect(judge(world, bad), name)
        .to.be.revertedWithCustomError(world.groth16Evidence, "BatchWrong")
        .withArgs(keyId);
    }
    await judge(world, proven);
  });

  it("R-39 R-44 are not judged at all where they are malformed", async () => {
    const { world, proven } = await provenWorld();
    const { statements, foldedC } = proven;
    const [first, second, third] = statements as Three;
    const aliased = BigInt(second.inputHash) + R;
    const evidence = world.groth16Evidence;
    await expect(judge(world, { ...proven, statements: [] }))
      .to.be.revertedWithCustomError(evidence, "BatchLength")
      .withArgs(0, 9 * 32);
    await expect(
      judge(world, { ...proven, statements: [first, { ...second, inputHash: wordOf(aliased) }, third] }),
    )
      .to.be.revertedWithCustomError(evidence, "InputNotInField")
      .withArgs(3, aliased);
    await expect(judge(world, { ...proven, statements: [first, second, { ...third, ctx: third.ctx + R }] }))
      .to.be.revertedWithCustomError(evidence, "InputNotInField")
      .withArgs(8, third.ctx + R);
    for (const word of [0, 1, 2, 3, 4, 5]) {
      for (const [name, change] of [
        ["off its curve", (value: bigint) => value ^ 1n],
        ["not canonical", (value: bigint) => value + Q],
      ] as const) {
        for (const place of [0, 1]) {
          const bad = statements.with(place, {
            ...(statements[place] ?? first),
            proof: (statements[place] ?? first).proof.map((value, at) =>
              at === word ? change(value) : value,
            ) as typeof first.proof,
          });
          await expect(
            judge(world, { ...proven, statements: bad }),
            `${word} of ${place} ${name}`,
          ).to.be.revertedWithCustomError(evidence, "PrecompileFailed");
        }
      }
    }
    await expect(judge(world, { ...proven, foldedC: [foldedC[0] ^ 1n, foldedC[1]] }))
      .to.be.revertedWithCustomError(evidence, "PrecompileFailed")
      .withArgs(8);
    await expect(
      judge(world, { ...proven, foldedC: [foldedC[0], foldedC[1] + Q] }),
    ).to.be.revertedWithCustomError(evidence, "ProofNotCanonical");
  });

  it("cannot hide a forgery that a proof for another key would hold for", async () => {
    const { world, proven } = await provenWorld();
    const toy = toyKey();
    await world.groth16Evidence.registerKey(toy.key);
    await expect(
      world.groth16Evidence.judge(verificationKeyId(toy.key), proven.statements, proven.foldedC),
    ).to.be.revertedWithCustomError(world.groth16Evidence, "BatchWrong");
    await expect(world.groth16Evidence.judge(wordOf(1n), proven.statements, proven.foldedC))
      .to.be.revertedWithCustomError(world.groth16Evidence, "KeyUnknown")
      .withArgs(wordOf(1n));
  });

  it("R-38 I-15 are never taken for judged when they were starved of gas, at any gas limit", async () => {
    const { world, batch, proven } = await provenWorld();
    const calls = [0, 1, 2].map((index) => proveCall(world, batch, index, world.prover.address));
    const args = await argumentsOf(world, proven, calls);
    const needed = await world.groth16Evidence.judgeAndCall.estimateGas(...args);
    // Below a quarter of it the transaction does not pay for its own calldata.
    for (let percent = 28n; percent < 100n; percent += 3n) {
      const gasLimit = (needed * percent) / 100n;
      await expect(world.groth16Evidence.judgeAndCall(...args, { gasLimit }), `${gasLimit}`).to.be.revert(
        ethers,
      );
    }
    // The least that does not revert leaves no call out.
    await expect(world.groth16Evidence.judgeAndCall(...args, { gasLimit: needed })).to.not.emit(
      world.groth16Evidence,
      "CallRefused",
    );
    for (const index of [0, 1, 2]) {
      expect(await world.settlement.statusOf(...memberOf(batch, index))).to.equal(STATUS.Final);
    }
  });
});

describe("What a transaction remembers of proofs", () => {
  it("R-38 is gone with the transaction: empty evidence proves nothing afterwards", async () => {
    const { world, batch, proven } = await provenWorld();
    await judge(world, proven);
    await expect(world.settlement.prove(...memberOf(batch, 0), ZK, world.prover.address, "0x"))
      .to.be.revertedWithCustomError(world.groth16Evidence, "ProofLength")
      .withArgs(0);
    // Nor in the same block.
    await ethers.provider.send("evm_setAutomine", [false]);
    const gasLimit = 2_000_000n;
    await world.groth16Evidence.judge(keyId, proven.statements, proven.foldedC, { gasLimit });
    const prove = await world.settlement.prove(...memberOf(batch, 0), ZK, world.prover.address, "0x", {
      gasLimit,
    });
    await ethers.provider.send("evm_setAutomine", [true]);
    await networkHelpers.mine();
    const receipt = await ethers.provider.getTransactionReceipt(prove.hash);
    expect(receipt?.status).to.equal(0);
    expect(await world.settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Committed);
  });

  it("R-41 serves nobody but whom the proofs name, and no other claim", async () => {
    const { world, batch, proven } = await provenWorld();
    const { statements, foldedC } = encodeGroth16Batch(key, [
      await proofOf(infer(1), claimAt(batch, 0).claimId, world.prover.address),
    ]);
    expect(proven.statements).to.have.length(3);
    const refused = judgeAndCall(world, { statements, foldedC }, [
      proveCall(world, batch, 0, world.stranger.address),
      proveCall(world, batch, 1, world.prover.address),
    ]);
    const reason = world.groth16Evidence.interface.encodeErrorResult("ProofLength", [0]);
    for (const place of [0, 1]) {
      await expect(refused).to.emit(world.groth16Evidence, "CallRefused").withArgs(place, reason);
    }
    for (const index of [0, 1]) {
      expect(await world.settlement.statusOf(...memberOf(batch, index))).to.equal(STATUS.Committed);
    }
  });

  it("R-47 is about one key: the same statement under another proves no claim", async () => {
    const { world, batch } = await provenWorld();
    const toy = toyKey();
    await world.groth16Evidence.registerKey(toy.key);
    const { claim, claimId } = claimAt(batch, 0);
    const ctx = provingContext(claimId, asAddress(world.prover.address));
    const { inputHash, outputHash } = claim;
    const evidence = await forgeProof(toy, [BigInt(inputHash), BigInt(outputHash), ctx]);
    const { statements, foldedC } = encodeGroth16Batch(toy.key, [{ inputHash, outputHash, ctx, evidence }]);
    const calls = [proveCall(world, batch, 0, world.prover.address)];
    await expect(
      world.groth16Evidence.judgeAndCall(
        ...([verificationKeyId(toy.key), statements, foldedC, world.settlement, calls] as const),
      ),
    ).to.emit(world.groth16Evidence, "CallRefused");
    expect(await world.settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Committed);
  });

  it("R-49 is worth nothing once the key's breaker is tripped, in the same transaction too", async () => {
    const { world, batch, proven } = await provenWorld();
    const trapped = trapdoorOf(key);
    const side = async (output: bigint) => ({
      outputHash: wordOf(output),
      ctx: 7n,
      proof: await forgeProof(trapped, [1234n, output, 7n]),
    });
    const { interface: evidence } = world.groth16Evidence;
    const multicall = await ethers.deployContract("Multicall");
    const judging = evidence.encodeFunctionData("judge", [keyId, proven.statements, proven.foldedC]);
    const tripping = evidence.encodeFunctionData("tripBreaker", [
      ...([keyId, wordOf(1234n), await side(1n), await side(2n)] as const),
    ]);
    const proving = proveCall(world, batch, 0, world.prover.address);
    const [onEvidence, onSettlement] = [world.groth16Evidence, world.settlement];
    await expect(
      multicall.run([
        { to: onEvidence, data: judging },
        { to: onEvidence, data: tripping },
        { to: onSettlement, data: proving },
      ]),
    )
      .to.be.revertedWithCustomError(world.settlement, "EvidenceRejected")
      .withArgs(ZK);
    // It is the breaker that it fails on: without it the same calls go through.
    const snapshot = await networkHelpers.takeSnapshot();
    await multicall.run([
      { to: onEvidence, data: judging },
      { to: onSettlement, data: proving },
    ]);
    expect(await world.settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Final);
    await snapshot.restore();

    await multicall.run([{ to: onEvidence, data: tripping }]);
    await expect(judge(world, proven))
      .to.be.revertedWithCustomError(world.groth16Evidence, "AlreadyTripped")
      .withArgs(keyId);
  });

  it("R-25 does no harm in the hands of a contract that is called in Settlement's place", async () => {
    const { world, batch, proven } = await provenWorld();
    const multicall = await ethers.deployContract("Multicall");
    // It has no such function, so its call fails without a reason.
    const calls = [proveCall(world, batch, 0, world.prover.address)];
    await expect(
      world.groth16Evidence.judgeAndCall(keyId, proven.statements, proven.foldedC, multicall, calls),
    )
      .to.be.revertedWithCustomError(world.groth16Evidence, "CallStarved")
      .withArgs(0);
    expect(await world.settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Committed);
  });
});

describe("The calls that follow a judgement", () => {
  it("are for evidence alone", async () => {
    const { world, batch, proven } = await provenWorld();
    const { interface: settlement } = world.settlement;
    for (const call of [
      settlement.encodeFunctionData("commit", [batch.header]),
      settlement.encodeFunctionData("challenge", memberOf(batch, 0)),
      settlement.encodeFunctionData("withdraw", [ZeroAddress, world.stranger.address]),
      "0x",
      "0x123456",
    ]) {
      await expect(judgeAndCall(world, proven, [proveCall(world, batch, 0, world.prover.address), call]))
        .to.be.revertedWithCustomError(world.groth16Evidence, "CallNotAllowed")
        .withArgs(1, `${call}00000000`.slice(0, 10));
    }
  });

  it("R-43 are for a contract: an address without code accepts everything", async () => {
    const { world, batch, proven } = await provenWorld();
    const calls = [proveCall(world, batch, 0, world.prover.address)];
    const { statements, foldedC } = proven;
    await expect(
      world.groth16Evidence.judgeAndCall(keyId, statements, foldedC, world.stranger.address, calls),
    )
      .to.be.revertedWithCustomError(world.groth16Evidence, "NoContract")
      .withArgs(world.stranger.address);
  });

  it("do not fail together when somebody brings the evidence for one claim first", async () => {
    const { world, batch, proven } = await provenWorld("window");
    const beneficiary = world.prover.address;
    const { evidence } = await proofOf(infer(1), claimAt(batch, 0).claimId, beneficiary);
    await world.settlement.connect(world.stranger).prove(...memberOf(batch, 0), ZK, beneficiary, evidence);
    const reason = world.settlement.interface.encodeErrorResult("EvidenceKnown", [
      claimAt(batch, 0).claimId,
      ZK,
    ]);
    const calls = [0, 1, 2].map((index) => proveCall(world, batch, index, beneficiary));
    await expect(judgeAndCall(world, proven, calls))
      .to.emit(world.groth16Evidence, "CallRefused")
      .withArgs(0, reason);
    for (const index of [0, 1, 2]) {
      expect(await world.settlement.statusOf(...memberOf(batch, index))).to.equal(STATUS.Proven);
    }
  });

  it("judge a proof that comes with them as ever", async () => {
    const { world, batch, proven } = await provenWorld("window");
    const inference = infer(4);
    const other = await commitInferences(world, "zk", [inference], 7n);
    const { evidence } = await proofOf(inference, claimAt(other, 0).claimId, world.prover.address);
    await judgeAndCall(world, proven, [proveCall(world, other, 0, world.prover.address, evidence)]);
    expect(await world.settlement.statusOf(...memberOf(other, 0))).to.equal(STATUS.Final);
    expect(await world.settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Committed);
  });
});

type Three = [Groth16Batch["statements"][0], Groth16Batch["statements"][0], Groth16Batch["statements"][0]];

interface ProvenWorld {
  world: World;
  batch: Batch;
  proven: Groth16Batch;
}

/** Three claims about real inferences, and the proofs of all of them. */
async function provenWorld(rule: "zk" | "window" = "zk"): Promise<ProvenWorld> {
  const world = await loadFixture(deployWorld);
  const inferences = [infer(1), infer(2), infer(3)];
  const batch = await commitInferences(world, rule, inferences);
  const proofs = [];
  for (const [index, inference] of inferences.entries()) {
    proofs.push(await proofOf(inference, claimAt(batch, index).claimId, world.prover.address));
  }
  return { world, batch, proven: encodeGroth16Batch(key, proofs) };
}

async function proofOf(inference: Inference, claimId: Hex, beneficiary: string): Promise<StatementProof> {
  const { inputHash, outputHash } = inference;
  const ctx = provingContext(claimId, asAddress(beneficiary) as Address);
  return { inputHash, outputHash, ctx, evidence: await proveClaim(inference, claimId, beneficiary) };
}

function judge(world: World, { statements, foldedC }: Groth16Batch) {
  return world.groth16Evidence.connect(world.stranger).judge(keyId, statements, foldedC);
}

async function judgeAndCall(world: World, proven: Groth16Batch, calls: string[]) {
  const args = await argumentsOf(world, proven, calls);
  return world.groth16Evidence.connect(world.stranger).judgeAndCall(...args);
}

async function argumentsOf(world: World, { statements, foldedC }: Groth16Batch, calls: string[]) {
  return [keyId, statements, foldedC, await world.settlement.getAddress(), calls] as const;
}

function proveCall(
  { settlement }: World,
  batch: Batch,
  index: number,
  beneficiary: string,
  evidence = "0x",
): string {
  return settlement.interface.encodeFunctionData("prove", [
    ...memberOf(batch, index),
    ...([ZK, beneficiary, evidence] as const),
  ]);
}

function negatedA([
  x,
  y,
  ...b
]: Groth16Batch["statements"][0]["proof"]): Groth16Batch["statements"][0]["proof"] {
  return [x, Q - y, ...b];
}
