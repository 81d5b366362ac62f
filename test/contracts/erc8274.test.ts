// SPDX-License-Identifier: MIT
import type { Hex } from "@meantime/sdk/hex";
import { STATUS } from "@meantime/sdk/status";
import { expect } from "chai";
import { AbiCoder, id, solidityPackedKeccak256 } from "ethers";
import {
  type Batch,
  CHALLENGE_WINDOW_SECONDS,
  challengeClaim,
  claimAt,
  commitBatch,
  deployWorld,
  ethers,
  memberOf,
  networkHelpers,
  signBatch,
  type World,
  wordOf,
} from "./fixture.ts";

const { loadFixture, time } = networkHelpers;
const coder = AbiCoder.defaultAbiCoder();
const HEADER = "(address,bytes32,bytes32,bytes32,bytes32,uint32,uint64,uint64)";
const CLAIM = "(bytes32,bytes32,address,address,bytes32,bytes32,bytes32,uint64,uint64)";
const INDEX = 2;
const WORD_CHARS = 64;

describe("Erc8274Verifier", () => {
  it("is true of a claim from the status on that the metadata names", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "teeThenWindow");
    const expectLevels = async (standing: number) => {
      for (const level of [STATUS.Committed, STATUS.Attested, STATUS.Proven, STATUS.Final]) {
        expect(await verify(world, batch, { level })).to.equal(level <= standing);
      }
    };
    await expectLevels(STATUS.Committed);
    await world.settlement.attestBatch(batch.header, await signBatch(world, batch));
    await expectLevels(STATUS.Attested);
    await time.increase(CHALLENGE_WINDOW_SECONDS);
    await expectLevels(STATUS.Final);
  });

  it("is false of a claim that is disputed or rejected, whatever is demanded", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "window");
    expect(await verify(world, batch, { level: STATUS.Committed })).to.equal(true);
    await challengeClaim(world, batch, INDEX);
    expect(await verify(world, batch, { level: STATUS.Committed })).to.equal(false);
    await time.increase(CHALLENGE_WINDOW_SECONDS);
    const { claim } = claimAt(batch, INDEX);
    await world.settlement.resolve(batch.batchId, claim, INDEX, world.challenger.address);
    expect(await verify(world, batch, { level: STATUS.Committed })).to.equal(false);
  });

  it("is false of another input, output, model or policy, and of a claim that is in no batch", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await finalBatch(world);
    expect(await verify(world, batch)).to.equal(true);
    for (const wrong of [
      { inputHash: wordOf(1n) },
      { outputHash: wordOf(9n) },
      { modelId: wordOf(3n) },
      { policyId: world.policyIds.tee },
      { proof: proofOf({ ...batch, header: { ...batch.header, nonce: 9n } }) },
      { proof: proofOf(batch, INDEX, 3) },
    ]) {
      expect(await verify(world, batch, wrong), JSON.stringify(wrong, textOfBigint)).to.equal(false);
    }
  });

  it("R-44 is false of bytes that are no proof, and never reverts for them", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await finalBatch(world);
    const good = proofOf(batch);
    const words = (good.length - 2) / WORD_CHARS;
    const bad: Hex[] = ["0x", "0x00", good.slice(0, -2) as Hex, `${good}00`, `${good}${"00".repeat(32)}`];
    for (let word = 0; word < words; word++) {
      bad.push(good.slice(0, 2 + word * WORD_CHARS) as Hex);
      // The highest byte of every word: dirt above the narrow fields, another hash in the wide ones.
      bad.push(withByte(good, word * 32, "ff"));
      bad.push(withByte(good, word * 32 + 31, byteAt(good, word * 32 + 31) === "01" ? "02" : "01"));
    }
    for (const proof of bad) expect(await verify(world, batch, { proof }), proof).to.equal(false);
    expect(await verify(world, batch)).to.equal(true);
  });

  it("reverts for metadata that is none: that is no statement about an inference", async () => {
    const world = await loadFixture(deployWorld);
    const { erc8274Verifier } = world;
    const batch = await finalBatch(world);
    const { claim } = claimAt(batch, INDEX);
    const good = metadataOf(claim.modelId, claim.policyId, STATUS.Final);
    const levels = [STATUS.Unknown, STATUS.Challenged, STATUS.Rejected, STATUS.Voided, 256];
    for (const metadata of [
      "0x",
      good.slice(0, -2),
      `${good}00`,
      ...levels.map((level) => metadataOf(claim.modelId, claim.policyId, level)),
    ]) {
      await expect(
        erc8274Verifier.verify(claim.inputHash, claim.outputHash, metadata, proofOf(batch)),
      ).to.be.revertedWithCustomError(erc8274Verifier, "BadMetadata");
    }
  });

  it("R-38 is never false for want of gas: it is right, or it reverts", async () => {
    const world = await loadFixture(deployWorld);
    const { erc8274Verifier } = world;
    const batch = await finalBatch(world);
    const { claim } = claimAt(batch, INDEX);
    const metadata = metadataOf(claim.modelId, claim.policyId, STATUS.Final);
    const args = [claim.inputHash, claim.outputHash, metadata, proofOf(batch)] as const;
    const enough = await erc8274Verifier.verify.estimateGas(...args);
    const ends = { reverted: 0, right: 0 };
    for (let gasLimit = enough - 20_000n; gasLimit <= enough + 5_000n; gasLimit += 250n) {
      const valid = await erc8274Verifier.verify(...args, { gasLimit }).catch(() => null);
      if (valid === null) ends.reverted++;
      else {
        expect(valid, `${gasLimit} gas`).to.equal(true);
        ends.right++;
      }
    }
    expect(ends.reverted).to.be.greaterThan(5);
    expect(ends.right).to.be.greaterThan(5);
  });

  it("names its proof system and this deployment, and answers ERC-165", async () => {
    const world = await loadFixture(deployWorld);
    const { erc8274Verifier } = world;
    const { chainId, settlement } = world.domain;
    expect(await erc8274Verifier.proofSystem()).to.equal("op/meantime");
    const salt = ethers.keccak256(coder.encode(["uint256", "address"], [chainId, settlement]));
    expect(await erc8274Verifier.proofProfile()).to.equal(
      solidityPackedKeccak256(["string", "bytes32"], ["op/meantime", salt]),
    );
    const interfaceId = xorOf(["verify(bytes32,bytes32,bytes,bytes)", "proofSystem()", "proofProfile()"]);
    await expectInterfaces(erc8274Verifier, interfaceId);
  });
});

describe("Erc8274AgentVerifier", () => {
  it("is valid once for each caller and task, and says so in an event that can be recomputed", async () => {
    const { world, agents, batch } = await loadFixture(deployAgents);
    const { claim } = claimAt(batch, INDEX);
    const { stranger, requester } = world;
    const agentId = agentIdOf(world.operator.address);
    const args = [claim.requestId, agentId, claim.inputHash, claim.outputHash, proofOf(batch)] as const;
    const profile = await world.erc8274Verifier.proofProfile();
    // The stranger's verification does not use the task up for the requester.
    for (const [caller, valid] of [
      [stranger, true],
      [requester, true],
      [requester, false],
    ] as const) {
      const at = (await time.latest()) + 10;
      await time.setNextBlockTimestamp(at);
      const digest = ethers.keccak256(
        coder.encode(
          ["bytes32", "bytes32", "bytes32", "bytes32", "bool", "bytes32", "uint256"],
          [claim.requestId, agentId, claim.inputHash, claim.outputHash, valid, profile, at],
        ),
      );
      await expect(agents.connect(caller).verify(...args))
        .to.emit(agents, "VerificationCompleted")
        .withArgs(claim.requestId, agentId, digest, valid, claim.inputHash, claim.outputHash, profile, at);
    }
  });

  it("returns what it says, and is invalid for a task, an agent or an output that is not the claim's", async () => {
    const { world, agents, batch } = await loadFixture(deployAgents);
    const { claim } = claimAt(batch, INDEX);
    const good = {
      task: claim.requestId,
      agent: agentIdOf(world.operator.address),
      output: claim.outputHash,
      proof: proofOf(batch),
    };
    const isValid = async (fields: Partial<typeof good>) => {
      const { task, agent, output, proof } = { ...good, ...fields };
      const { valid } = await agents.verify.staticCall(task, agent, claim.inputHash, output, proof);
      return valid;
    };
    expect(await isValid({})).to.equal(true);
    for (const wrong of [
      { task: id("another task") as Hex },
      { agent: agentIdOf(world.stranger.address) },
      { agent: agentIdOf(world.sender.address) },
      { agent: `0x01${good.agent.slice(4)}` as Hex },
      { output: wordOf(9n) },
      { proof: "0x" as Hex },
      { proof: proofOf(batch, INDEX, 1) },
    ]) {
      expect(await isValid(wrong), JSON.stringify(wrong)).to.equal(false);
    }
  });

  it("a verification that failed leaves the task open", async () => {
    const { world, agents, batch } = await loadFixture(deployAgents);
    const { claim } = claimAt(batch, INDEX);
    const agentId = agentIdOf(world.operator.address);
    await agents.verify(claim.requestId, agentId, claim.inputHash, claim.outputHash, "0x");
    const { valid } = await agents.verify.staticCall(
      claim.requestId,
      agentId,
      claim.inputHash,
      claim.outputHash,
      proofOf(batch),
    );
    expect(valid).to.equal(true);
  });

  it("demands a status of the ladder, and answers ERC-165", async () => {
    const { world, agents } = await loadFixture(deployAgents);
    for (const level of [STATUS.Unknown, STATUS.Challenged, STATUS.Voided]) {
      await expect(deployAgentsAt(world, level))
        .to.be.revertedWithCustomError(agents, "BadMinStatus")
        .withArgs(level);
    }
    await expectInterfaces(agents, xorOf(["verify(bytes32,bytes32,bytes32,bytes32,bytes)"]));
  });
});

interface Question {
  inputHash?: Hex;
  outputHash?: Hex;
  modelId?: Hex;
  policyId?: Hex;
  level?: number;
  proof?: Hex;
}

async function verify(world: World, batch: Batch, question: Question = {}): Promise<boolean> {
  const { claim } = claimAt(batch, INDEX);
  const asked = { ...claim, level: STATUS.Final, proof: proofOf(batch), ...question };
  return world.erc8274Verifier.verify(
    asked.inputHash,
    asked.outputHash,
    metadataOf(asked.modelId, asked.policyId, asked.level),
    asked.proof,
  );
}

async function finalBatch(world: World): Promise<Batch> {
  const batch = await commitBatch(world, "window");
  await time.increase(CHALLENGE_WINDOW_SECONDS);
  return batch;
}

async function deployAgents() {
  const world = await deployWorld();
  return { world, agents: await deployAgentsAt(world, STATUS.Final), batch: await finalBatch(world) };
}

async function deployAgentsAt(world: World, level: number) {
  return ethers.deployContract("Erc8274AgentVerifier", [
    await world.erc8274Verifier.getAddress(),
    world.modelId,
    world.policyIds.window,
    level,
    [world.operator.address],
  ]);
}

function metadataOf(modelId: Hex, policyId: Hex, level: number): Hex {
  return coder.encode(["bytes32", "bytes32", "uint256"], [modelId, policyId, level]) as Hex;
}

function proofOf(batch: Batch, index = INDEX, saidIndex = index): Hex {
  const [header, claim, , siblings] = memberOf(batch, index);
  return coder.encode(
    [HEADER, CLAIM, "uint256", "bytes32[]"],
    [Object.values(header), Object.values(claim), saidIndex, siblings],
  ) as Hex;
}

function agentIdOf(address: string): Hex {
  return ethers.zeroPadValue(address.toLowerCase(), 32) as Hex;
}

function byteAt(hex: Hex, place: number): string {
  return hex.slice(2 + 2 * place, 4 + 2 * place);
}

function withByte(hex: Hex, place: number, byte: string): Hex {
  return `${hex.slice(0, 2 + 2 * place)}${byte}${hex.slice(4 + 2 * place)}` as Hex;
}

function xorOf(signatures: string[]): string {
  const xor = signatures.reduce((sum, signature) => sum ^ BigInt(id(signature).slice(0, 10)), 0n);
  return `0x${xor.toString(16).padStart(8, "0")}`;
}

async function expectInterfaces(
  contract: { supportsInterface: (interfaceId: string) => Promise<boolean> },
  interfaceId: string,
): Promise<void> {
  expect(await contract.supportsInterface(interfaceId)).to.equal(true);
  expect(await contract.supportsInterface("0x01ffc9a7")).to.equal(true);
  expect(await contract.supportsInterface("0xffffffff")).to.equal(false);
}

function textOfBigint(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}
