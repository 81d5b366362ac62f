// SPDX-License-Identifier: MIT
import { readFile } from "node:fs/promises";
import { connectChain } from "@meantime/sdk/chain/chain";
import type { ChainProvider } from "@meantime/sdk/chain/provider";
import { claimVerdictDigest, encodeQuorumEvidence, provingContext } from "@meantime/sdk/evidence";
import { checkEvidence } from "@meantime/sdk/evidence-from-chain/check";
import { chainEvidenceFacts, type EvidenceFacts } from "@meantime/sdk/evidence-from-chain/facts";
import {
  type BroughtEvidence,
  type ChainTransaction,
  evidenceInTransaction,
} from "@meantime/sdk/evidence-from-chain/transaction";
import { encodeVerificationKey, verificationKeyId } from "@meantime/sdk/groth16";
import { encodeGroth16Batch, type StatementProof } from "@meantime/sdk/groth16-batch";
import { type Hex, hexToBytes } from "@meantime/sdk/hex";
import { EVIDENCE_KINDS } from "@meantime/sdk/policy";
import { signDigest } from "@meantime/sdk/signature";
import { expect } from "chai";
import { type ContractTransactionResponse, id, Wallet, ZeroAddress } from "ethers";
import { digitModelUrl } from "../../scripts/chain/models.ts";
import {
  asAddress,
  challengeClaim,
  claimAt,
  commitBatch,
  connection,
  deployWorld,
  enterEnclaveKey,
  ethers,
  memberOf,
  networkHelpers,
  signBatch,
  signClaim,
  type World,
  wordOf,
} from "./fixture.ts";
import { commitInferences } from "./inferences.ts";
import { type Inference, infer, proveClaim, stopProver } from "./proofs.ts";
import { deployQuorumWorld, THRESHOLD } from "./quorum-fixture.ts";

const { loadFixture, mine, time } = networkHelpers;
const { zk: ZK, tee: TEE, quorum: QUORUM } = EVIDENCE_KINDS;

const key = encodeVerificationKey(JSON.parse(await readFile(digitModelUrl("verificationKey"), "utf8")));
const keyId = verificationKeyId(key);

after(stopProver);

describe("Evidence found in transactions", function () {
  this.timeout(300_000);

  it("is a proof that holds for its claim and beneficiary, and for no other", async () => {
    const world = await loadFixture(deployWorld);
    const inference = infer(1);
    const batch = await commitInferences(world, "zk", [inference]);
    const beneficiary = world.prover.address;
    const { claimId } = claimAt(batch, 0);
    const evidence = await proveClaim(inference, claimId, beneficiary);
    const sent = await world.settlement.prove(...memberOf(batch, 0), ZK, beneficiary, evidence);
    const { transaction, block, brought } = await only(world, sent);
    expect(brought).to.include({ kind: "zk", claimId, batchId: batch.batchId, index: 0n, evidence });
    expect(brought).to.have.property("path").deep.equal(batch.proofs[0]);

    const facts = await factsOf(world);
    expect(await checkEvidence(brought, facts, block)).to.include({ name: "zk", verdict: "valid" });
    const altered = [
      { ...brought, beneficiary: asAddress(world.stranger.address) },
      { ...brought, evidence: flipped(evidence, 200) },
      { ...brought, evidence: "0x" as Hex },
    ];
    for (const one of altered) {
      expect((await checkEvidence(one as BroughtEvidence, facts, block)).verdict).to.equal("invalid");
    }

    const { logs: _, ...withoutLogs } = transaction;
    expect(evidenceInTransaction(withoutLogs, world.domain).brought).to.deep.equal([brought]);
    const reverted = { ...transaction, logs: [] };
    expect(evidenceInTransaction(reverted, world.domain)).to.deep.equal({ brought: [], unexplained: [] });
  });

  it("is found in another contract's calldata, behind what only looks like it, or said to be missing", async () => {
    const world = await loadFixture(deployWorld);
    const inference = infer(1);
    const batch = await commitInferences(world, "zk", [inference]);
    const beneficiary = world.prover.address;
    const evidence = await proveClaim(inference, claimAt(batch, 0).claimId, beneficiary);
    const sent = await world.settlement.prove(...memberOf(batch, 0), ZK, beneficiary, evidence);
    const { transaction, block } = await only(world, sent);
    const decoy = flipped(transaction.input, transaction.input.length / 2 - 20);
    const input: Hex = `0xac9650d8${decoy.slice(2)}${transaction.input.slice(2)}`;
    const wrapped = { ...transaction, to: asAddress(world.stranger.address), input };
    const { brought, unexplained } = evidenceInTransaction(wrapped, world.domain);
    expect(unexplained).to.deep.equal([]);
    const [first] = brought;
    if (first === undefined) throw new Error("nothing was found");
    expect(first.lookalikes).to.have.length(1);
    const facts = await factsOf(world);
    expect((await checkEvidence(first, facts, block)).verdict).to.equal("valid");

    const hidden = evidenceInTransaction({ ...wrapped, input: "0x12345678" }, world.domain);
    expect(hidden.brought).to.deep.equal([]);
    expect(hidden.unexplained).to.have.length(1);
    const { logs: _, ...unseen } = wrapped;
    expect(evidenceInTransaction(unseen, world.domain).brought).to.deep.equal([]);
  });

  it("is every call of proofs that were judged together, the refused ones left out", async () => {
    const world = await loadFixture(deployWorld);
    const [asked, lied, quiet] = [infer(1), infer(2), infer(3)];
    const lie = { ...lied, outputHash: wordOf((BigInt(lied.outputHash) + 1n) % 10n) };
    const batch = await commitInferences(world, "window", [asked, lie, quiet]);
    await challengeClaim(world, batch, 0);
    const beneficiary = world.prover.address;
    const { claim } = claimAt(batch, 1);
    const twinId = (await world.settlement.claimIdOf({ ...claim, outputHash: lied.outputHash })) as Hex;
    const folded = encodeGroth16Batch(key, [
      await proofOf(asked, claimAt(batch, 0).claimId, beneficiary),
      await proofOf(lied, twinId, beneficiary),
      await proofOf(quiet, claimAt(batch, 2).claimId, beneficiary),
    ]);
    const { interface: abi } = world.settlement;
    const member = memberOf(batch, 2);
    const proveQuiet = abi.encodeFunctionData("prove", [...member, ZK, beneficiary, "0x"]);
    const calls = [
      abi.encodeFunctionData("answer", [
        ...([batch.batchId, claimAt(batch, 0).claim, 0, world.challenger.address, ZK] as const),
        ...([beneficiary, "0x"] as const),
      ]),
      abi.encodeFunctionData("disprove", [
        ...memberOf(batch, 1),
        ...([ZeroAddress, lied.outputHash, beneficiary, "0x"] as const),
      ]),
      ...[proveQuiet, proveQuiet],
    ];
    const sent = await world.groth16Evidence.judgeAndCall(
      ...[keyId, folded.statements, folded.foldedC, world.domain.settlement, calls],
    );
    const { transaction, block } = await read(world, sent);
    const { brought, unexplained } = evidenceInTransaction(transaction, world.domain);
    expect(unexplained).to.deep.equal([]);
    expect(brought.map(({ kind }) => kind)).to.deep.equal(["zk", "counterproof", "zk"]);
    const facts = await factsOf(world);
    for (const one of brought) {
      expect(await checkEvidence(one, facts, block), one.kind).to.include({ verdict: "valid" });
    }
    const [first] = brought;
    if (first?.kind !== "zk" || first.judged === undefined) throw new Error("no proofs judged together");
    const [statement, ...others] = first.judged.statements;
    if (statement === undefined) throw new Error("no statement");
    const ctx = statement.ctx + 1n;
    for (const judged of [
      { ...first.judged, foldedC: [0n, 0n] as [bigint, bigint] },
      { ...first.judged, statements: [{ ...statement, ctx }, ...others] },
      { ...first.judged, keyId: wordOf(7n) },
    ]) {
      expect((await checkEvidence({ ...first, judged }, facts, block)).verdict).to.equal("invalid");
    }
  });

  it("is an enclave's signature for a claim or a batch, by a key that was attested in that block", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "window");
    const beneficiary = world.operator.address;
    const { claimId } = claimAt(batch, 1);
    const forClaim = await world.settlement.prove(
      ...[...memberOf(batch, 1), TEE, beneficiary, await signClaim(world, claimId, beneficiary)],
    );
    const forBatch = await world.settlement.attestBatch(batch.header, await signBatch(world, batch));
    const claims = await only(world, forClaim);
    const batches = await only(world, forBatch);
    expect([claims.brought.kind, batches.brought.kind]).to.deep.equal(["tee-claim", "tee-batch"]);

    await mine(3);
    await world.enclaveEvidence.connect(world.admin).revoke(world.enclaveKeyId);
    await mine(3);
    const now = BigInt(await ethers.provider.getBlockNumber());
    const facts = await factsOf(world);
    for (const { brought, block } of [claims, batches]) {
      expect((await checkEvidence(brought, facts, block)).verdict, "then").to.equal("valid");
      expect((await checkEvidence(brought, facts, now)).verdict, "after it").to.equal("invalid");
    }
    const signature = await signBatch(world, batch, world.receiptKey);
    const forged = { ...batches.brought, evidence: signature } as BroughtEvidence;
    expect((await checkEvidence(forged, facts, batches.block)).verdict).to.equal("invalid");
  });

  it("is judged by events where the node has forgotten, as far as they settle it", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "window");
    const sent = await world.settlement.attestBatch(batch.header, await signBatch(world, batch));
    const { brought, block } = await only(world, sent);
    await time.increase(60);
    const facts = await factsOf(world, forgetful());
    expect((await checkEvidence(brought, facts, block)).verdict).to.equal("valid");
    await world.enclaveEvidence.connect(world.admin).revoke(world.enclaveKeyId);
    const later = BigInt(await ethers.provider.getBlockNumber());
    expect((await checkEvidence(brought, facts, later)).verdict).to.equal("cannot tell");
    await mine(2);
    expect((await checkEvidence(brought, facts, later + 1n)).verdict).to.equal("invalid");
  });

  it("is an enclave's of the model's image alone", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "window");
    const sent = await world.settlement.attestBatch(batch.header, await signBatch(world, batch));
    const { brought } = await only(world, sent);
    const other = new Wallet(id("another enclave"));
    await enterEnclaveKey(world, other, { image: "another image" });
    const block = BigInt(await ethers.provider.getBlockNumber());
    const signature = await signBatch(world, batch, other);
    const facts = await factsOf(world);
    const check = await checkEvidence({ ...brought, evidence: signature } as BroughtEvidence, facts, block);
    expect(check.verdict).to.equal("invalid");
  });

  it("is the word of a quorum that counted in that block", async () => {
    const world = await loadFixture(deployQuorumWorld);
    const batch = await commitInferences(world, "window", [infer(4)]);
    await challengeClaim(world, batch, 0);
    const beneficiary = asAddress(world.operator.address);
    const { claim, claimId } = claimAt(batch, 0);
    const digest = claimVerdictDigest(world.quorumDomain, claimId, beneficiary);
    const sign = (count: number) =>
      encodeQuorumEvidence(
        digest,
        world.committee.slice(0, count).map((one) => signDigest(one.key.privateKey as Hex, digest)),
      );
    const sent = await world.settlement.answer(
      ...([batch.batchId, claim, 0, world.challenger.address, QUORUM, beneficiary] as const),
      sign(THRESHOLD),
    );
    const { brought, block } = await only(world, sent);
    const facts = await factsOf(world);
    expect(await checkEvidence(brought, facts, block)).to.include({ name: "quorum", verdict: "valid" });
    const [member] = world.committee;
    await world.quorumEvidence.connect(world.admin).removeSigner(member.key.address);
    await mine(2);
    for (const [bad, at] of [
      [{ ...brought, evidence: sign(THRESHOLD - 1) }, block],
      [{ ...brought, evidence: `0x${sign(THRESHOLD).slice(2).repeat(2)}` }, block],
      [brought, block + 3n],
    ] as [BroughtEvidence, bigint][]) {
      expect((await checkEvidence(bad, facts, at)).verdict).to.equal("invalid");
    }
  });

  it("is not believed on the node's word: what does not hash to its name is absent", async () => {
    const world = await loadFixture(deployWorld);
    const inference = infer(1);
    const batch = await commitInferences(world, "zk", [inference]);
    const beneficiary = world.prover.address;
    const evidence = await proveClaim(inference, claimAt(batch, 0).claimId, beneficiary);
    const sent = await world.settlement.prove(...memberOf(batch, 0), ZK, beneficiary, evidence);
    const { brought, block } = await only(world, sent);
    for (const [name, byte] of [
      ["keyOf(bytes32)", 700],
      ["modelOf(bytes32)", 200],
      ["policyOf(bytes32)", 350],
    ] as const) {
      const facts = await factsOf(world, lyingAbout(name, byte));
      expect((await checkEvidence(brought, facts, block)).verdict, name).to.equal("cannot tell");
    }
  });
});

async function read(world: World, sent: ContractTransactionResponse) {
  const receipt = await sent.wait();
  if (receipt === null) throw new Error("the transaction is not in a block");
  const logs = receipt.logs.map(({ address, topics, data }) => ({
    ...{ address: asAddress(address), topics: [...topics] as Hex[], data: data as Hex },
  }));
  const to = asAddress(sent.to ?? ZeroAddress);
  const transaction: Required<ChainTransaction> = { to, input: sent.data as Hex, logs };
  return { transaction, block: BigInt(receipt.blockNumber), domain: world.domain };
}

async function only(world: World, sent: ContractTransactionResponse) {
  const { transaction, block } = await read(world, sent);
  const { brought, unexplained } = evidenceInTransaction(transaction, world.domain);
  expect(unexplained).to.deep.equal([]);
  const [first, ...more] = brought;
  if (first === undefined || more.length > 0) throw new Error(`${brought.length} pieces of evidence`);
  return { transaction, block, brought: first };
}

async function factsOf(world: World, provider: ChainProvider = connection.provider): Promise<EvidenceFacts> {
  return chainEvidenceFacts(await connectChain(provider, world.domain));
}

/** A node that has the state of its latest block alone. */
function forgetful(): ChainProvider {
  return {
    request: async ({ method, params = [] }) => {
      if (method === "eth_call" && String(params[1]).startsWith("0x")) {
        throw Object.assign(new Error("missing trie node"), { code: -32000 });
      }
      return connection.provider.request({ method, params: [...params] });
    },
  };
}

function lyingAbout(name: string, byte: number): ChainProvider {
  const selector = id(name).slice(0, 10);
  return {
    request: async ({ method, params = [] }) => {
      const answer = await connection.provider.request({ method, params: [...params] });
      const [call] = params as { data?: string }[];
      const isAsked = method === "eth_call" && call?.data?.startsWith(selector);
      return isAsked ? flipped(answer as Hex, byte) : answer;
    },
  };
}

async function proofOf(inference: Inference, claimId: Hex, beneficiary: string): Promise<StatementProof> {
  const { inputHash, outputHash } = inference;
  const ctx = provingContext(claimId, asAddress(beneficiary));
  return { inputHash, outputHash, ctx, evidence: await proveClaim(inference, claimId, beneficiary) };
}

function flipped(hex: Hex, byte: number): Hex {
  const bytes = hexToBytes(hex);
  const place = Math.floor(byte);
  bytes[place] = (bytes[place] ?? 0) ^ 1;
  return `0x${Buffer.from(bytes).toString("hex")}`;
}
