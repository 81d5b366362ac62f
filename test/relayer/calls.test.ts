// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type BatchHeader, batchId, leafHash } from "@meantime/sdk/batch";
import { type Claim, claimId } from "@meantime/sdk/claim";
import { enclaveKeyIdOf } from "@meantime/sdk/enclave-keys";
import { batchAttestationDigest, claimAttestationDigest } from "@meantime/sdk/evidence";
import { type Address, type Hex, keccak256Text, ZERO_ADDRESS } from "@meantime/sdk/hex";
import { buildMerkleTree } from "@meantime/sdk/merkle";
import { EVIDENCE_KINDS, EVIDENCE_RULES } from "@meantime/sdk/policy";
import { signReceipt } from "@meantime/sdk/receipt";
import { signDigest } from "@meantime/sdk/signature";
import { LEAF_STATE } from "@meantime/sdk/status";
import { Wallet } from "ethers";
import { createChainClock } from "../../relayer/src/chain/clock.ts";
import { bindContracts, type Contracts } from "../../relayer/src/chain/contracts.ts";
import { pollEvents } from "../../relayer/src/chain/follow.ts";
import { connectRpc, type Rpc } from "../../relayer/src/chain/rpc.ts";
import type { WithdrawConfig } from "../../relayer/src/config/withdraw.ts";
import { type Credit, type WithdrawContext, withdrawCredits } from "../../relayer/src/finalise/withdraw.ts";
import { type Ledger, openLedger } from "../../relayer/src/ledger/ledger.ts";
import { localSigner, type Signer } from "../../relayer/src/signers/signer.ts";
import * as calls from "../../relayer/src/tx/calls.ts";
import { enqueue, findIntent, type NewIntent } from "../../relayer/src/tx/intents.ts";
import type { Lane } from "../../relayer/src/tx/kinds.ts";
import { createPredicates } from "../../relayer/src/tx/predicates.ts";
import { createSenders, type Sender } from "../../relayer/src/tx/senders.ts";
import { createStakes } from "../../relayer/src/tx/stakes.ts";
import * as watchCalls from "../../relayer/src/tx/watch-calls.ts";
import { type LocalStack, startLocalStack } from "../../scripts/stack/local.ts";
import { enterEnclaveKey, lowerCase } from "../../scripts/stack/operators.ts";
import { CHALLENGE_BOND_WEI, CLAIM_BOND_WEI, PROVE_WINDOW_SECONDS } from "../../scripts/stack/policies.ts";
import { DEFAULT_SPENDING } from "./fee-limits.ts";
import { freshFolder, REQUESTER, registerVariant, silentLogger } from "./local-relayer.ts";

const HORIZON_SECONDS = 600;
const GRACE_SECONDS = 3_600;
const CHALLENGERS_PART = 4_000n;
const BPS = 10_000n;
const COLD = `0x${"cc".repeat(20)}` as Address;

describe("calls on the real contracts, through the outbox and its predicates", () => {
  let stack: LocalStack;
  let rpc: Rpc;
  let contracts: Contracts;
  let ledger: Ledger;
  let senders: Sender[];
  let challenger: Address;
  let requests = 0;
  const clock = createChainClock();

  before(async () => {
    stack = await startLocalStack();
    rpc = connectRpc(stack.chain.url, 31_337);
    contracts = await bindContracts(rpc, stack.domain.settlement);
    ledger = await openLedger({ file: join(await freshFolder(), "ledger.sqlite") });
    const [sender, watcher] = [signerOf(stack.operator.sender), signerOf(stack.operator.challenger)];
    challenger = watcher.address;
    const keys: [Lane, Signer][] = [
      ...(["answer", "finalise", "commit"] as const).map((lane): [Lane, Signer] => [lane, sender]),
      ["challenge", watcher],
    ];
    senders = await createSenders(keys, ledger, 15_000, {
      ...{ chainId: 31_337, confirmations: 1, rpc, logger: silentLogger },
      predicates: createPredicates({ contracts, clock, rpc, chainId: 31_337, confirmations: 1 }),
      stakeOf: createStakes({ ledger, contracts }),
      limits: DEFAULT_SPENDING.limits,
    });
  });

  after(async () => {
    await ledger?.close();
    rpc?.destroy();
    await stack?.chain.close();
  });

  it("commit, challenge, demand, resolve both, pay out what that won, and release the rest", async () => {
    const { settlement } = stack.deployment;
    const batch = await commit(stack.policyIds.window, 3);
    const { header, placed } = batch;
    const at = stack.domain.settlement;
    await sent(calls.challengeIntent(at, header, placed(0), batch.proof(0), CHALLENGE_BOND_WEI));
    await sent(calls.demandIntent(at, header, placed(1), CHALLENGE_BOND_WEI));
    const early = calls.resolveIntent(at, placed(0), challenger);
    await queue(early);
    await step();
    assert.equal((await intent(early.dedupeKey)).state, "queued", "before the deadline it would revert");
    assert.equal(await stateOf(batch, 0), LEAF_STATE.Challenged);

    const deadline = (await settlement.leafOf(batch.id, 0)).deadline;
    await moveTo(Number(deadline) + PROVE_WINDOW_SECONDS);
    await sent(early);
    await sent(calls.resolveDemandIntent(at, header, placed(1), challenger));
    assert.deepEqual(
      [await stateOf(batch, 0), await stateOf(batch, 1)],
      [LEAF_STATE.Rejected, LEAF_STATE.Rejected],
    );
    const wonWei = 2n * (CHALLENGE_BOND_WEI + (CLAIM_BOND_WEI * CHALLENGERS_PART) / BPS);
    assert.deepEqual(
      (await withdraw(undefined)).map(({ amountWei }) => amountWei),
      [wonWei],
    );
    assert.deepEqual(await kinds("withdraw"), [], "nothing is withdrawn unless that is configured");

    await withdraw(wonWei + 1n);
    assert.deepEqual(await kinds("withdraw"), [], "it is less than what is worth a transaction");
    await withdraw(wonWei);
    await withdraw(wonWei);
    assert.deepEqual(await kinds("withdraw"), ["challenge"], "one at a time, by the key that is credited");
    await step();
    await step();
    assert.equal(await rpc.getBalance(COLD), wonWei);
    assert.deepEqual(await withdraw(1n), []);

    await moveTo(Number((await settlement.batchOf(batch.id)).batchFinalAt) + 1);
    const owner = stack.operator.owner.connect(stack.chain.connection.ethers.provider);
    await (await settlement.connect(owner).resume(ZERO_ADDRESS)).wait();
    await sent(calls.releaseIntent(at, [{ batchId: batch.id, header }]));
    assert.equal((await settlement.batchOf(batch.id)).released, true);
  });

  it("commit late what the contract refused until the operator let it in", async () => {
    const policy = await registerVariant(stack, { claimBondWei: CLAIM_BOND_WEI + 1n });
    const { settlement } = stack.deployment;
    const { intent: wanted, id, claims } = await batchOf(policy, 1);
    await queue(wanted);
    const commitBy = Number(claims[0]?.commitBy);
    for (const seconds of [-1, 0, 1, GRACE_SECONDS + 1]) {
      await moveTo(commitBy + seconds);
      const { state, error } = await intent(wanted.dedupeKey);
      assert.equal(state, "queued", `${seconds} s after the promised time`);
      assert.match(error ?? "", /^MT-TX-001 /);
    }
    await authorise(policy);
    for (let steps = 0; steps < 4; steps++) await step();
    assert.equal((await intent(wanted.dedupeKey)).error, undefined);
    const { committedAt } = await settlement.batchOf(id);
    assert.ok(committedAt > commitBy + GRACE_SECONDS, "it is late, and the contract takes it");
  });

  it("remember a model once, attest, prove by an enclave, and take both back from one that fell", async () => {
    const { enclaveEvidence, settlement } = stack.deployment;
    const key = new Wallet(stack.enclaveKey);
    await enterEnclaveKey(stack.chain, stack.deployment, key);
    const policy = await registerVariant(stack, {
      ...{ rule: EVIDENCE_RULES.teeThenWindow, attestedWindowSeconds: 1_800 },
    });
    await authorise(policy);
    const at = stack.domain.settlement;
    const evidenceAddress = lowerCase(await enclaveEvidence.getAddress());
    const domain = { chainId: 31_337n, enclaveEvidence: evidenceAddress };
    const sign = (digest: Hex) => signDigest(stack.enclaveKey as Hex, digest);

    const remember = calls.rememberModelIntent(evidenceAddress, stack.modelId);
    await sent(remember);
    const context = { contracts, clock, rpc, chainId: 31_337, confirmations: 3 };
    const { rememberModel } = createPredicates(context);
    assert.equal(await rememberModel(remember.subject), "later", "a reorganisation may take it back");
    await rpc.send("hardhat_mine", ["0x3"]);
    assert.equal(await rememberModel(remember.subject), "done");
    const again = { ...remember, dedupeKey: "by somebody who does not know" };
    await queue(again);
    await step();
    assert.equal((await intent(again.dedupeKey)).state, "satisfied", "the chain was asked first");
    const unknown = calls.rememberModelIntent(evidenceAddress, keccak256Text("no model"));
    await queue(unknown);
    await step();
    assert.equal((await intent(unknown.dedupeKey)).state, "failed");

    const [whole, single] = [await commit(policy, 2), await commit(policy, 2)];
    const attested = sign(batchAttestationDigest(domain, whole.id, stack.modelId));
    const attestTx = await sent(calls.attestIntent(at, whole.id, whole.header, attested));
    const beneficiary = lowerCase(stack.operator.owner.address);
    const claim = single.placed(1);
    const bytes = sign(claimAttestationDigest(domain, claim.claimId, beneficiary));
    const evidence = { kind: EVIDENCE_KINDS.tee, beneficiary, bytes };
    const proveTx = await sent(calls.proveIntent(at, single.header, claim, single.proof(1), evidence));
    assert.equal(Number((await settlement.leafOf(single.id, 1)).kinds), EVIDENCE_KINDS.tee);

    const reopen = [
      watchCalls.reopenBatchIntent(at, whole.id, whole.header, attestTx),
      watchCalls.reopenClaimIntent(at, single.header, claim, single.proof(1), EVIDENCE_KINDS.tee, proveTx),
    ];
    const tooEarly = reopen.map((one) => ({ ...one, dedupeKey: `early ${one.kind}` }));
    for (const one of tooEarly) await queue(one);
    await step();
    for (const { dedupeKey } of tooEarly) {
      assert.equal((await intent(dedupeKey)).state, "failed", "nothing fell yet: the call would revert");
    }
    const { attestedAt } = await settlement.batchOf(whole.id);
    await (await enclaveEvidence.markCompromised(enclaveKeyIdOf(lowerCase(key.address)), attestedAt)).wait();
    for (const one of reopen) await sent(one);
    assert.equal((await settlement.batchOf(whole.id)).attestedAt, 0n);
    assert.equal(Number((await settlement.leafOf(single.id, 1)).kinds), 0);
  });

  it("report what was omitted, show what was not, resolve, and report two answers to one request", async () => {
    const { receipts } = stack.deployment;
    const at = contracts.receiptsAddress;
    const lost = await claimOf(stack.policyIds.window);
    const kept = await commit(stack.policyIds.window, 1);
    const twice = await claimOf(stack.policyIds.window);
    await moveTo(Number(lost.commitBy) + GRACE_SECONDS + 60);
    const reportBy = (await stack.chain.now()) + 1_000;
    const receiptOf = (claim: Claim) =>
      signReceipt(stack.operator.receiptKey.privateKey as Hex, claim, stack.domain);
    for (const claim of [lost, kept.placed(0).claim]) {
      await sent(watchCalls.reportOmissionIntent(at, receiptOf(claim), reportBy, CHALLENGE_BOND_WEI));
    }
    await sent(calls.answerOmissionIntent(at, kept.header, kept.placed(0), kept.proof(0)));
    assert.equal((await receipts.omissionOf(kept.placed(0).claimId)).state, 2n, "refuted");

    const lostId = claimId(stack.domain, lost);
    const resolve = watchCalls.resolveOmissionIntent(at, lostId, lost, challenger);
    await queue(resolve);
    await step();
    assert.equal((await intent(resolve.dedupeKey)).state, "queued", "it can still be answered");
    await moveTo(Number((await receipts.omissionOf(lostId)).answerBy));
    await sent(resolve);
    assert.equal((await receipts.omissionOf(lostId)).state, 3n, "upheld");

    const other = { ...twice, outputHash: word(99) };
    const equivocation = watchCalls.reportEquivocationIntent(
      ...([at, receiptOf(twice), receiptOf(other), reportBy] as const),
    );
    await sent(equivocation);
    const repeated = { ...equivocation, dedupeKey: "again" };
    await queue(repeated);
    await step();
    assert.equal((await intent("again")).state, "failed", "it is punished once");
  });

  async function authorise(policy: Hex): Promise<void> {
    const owner = stack.operator.owner.connect(stack.chain.connection.ethers.provider);
    const { settlement, receipts } = stack.deployment;
    await (await settlement.connect(owner).setSender(stack.operator.sender.address, [policy], true)).wait();
    await (await receipts.connect(owner).acceptPolicies([policy])).wait();
  }

  async function claimOf(policyId: Hex): Promise<Claim> {
    requests += 1;
    const servedAt = BigInt(await stack.chain.now());
    return {
      ...{ modelId: stack.modelId, policyId, operator: lowerCase(stack.operator.owner.address) },
      ...{ requester: REQUESTER, requestId: keccak256Text(`request ${requests}`) },
      ...{ inputHash: word(requests), outputHash: word(7), servedAt },
      commitBy: servedAt + BigInt(HORIZON_SECONDS),
    };
  }

  async function commit(policyId: Hex, count: number) {
    const { intent, ...batch } = await batchOf(policyId, count);
    await sent(intent);
    return batch;
  }

  async function batchOf(policyId: Hex, count: number) {
    const claims: Claim[] = [];
    for (let index = 0; index < count; index++) claims.push(await claimOf(policyId));
    const ids = claims.map((claim) => claimId(stack.domain, claim));
    const tree = buildMerkleTree(ids.map((id, index) => leafHash(index, id)));
    const servedAt = claims.map((claim) => claim.servedAt);
    const header: BatchHeader = {
      ...{ operator: lowerCase(stack.operator.owner.address), policyId, modelId: stack.modelId },
      ...{ root: tree.root, dataRoot: keccak256Text("kept by nobody"), count },
      ...{ oldestServedAt: servedAt[0] ?? 0n, nonce: BigInt(requests) },
    };
    const id = batchId(stack.domain, header);
    const intent = calls.commitIntent(stack.domain.settlement, id, header, servedAt.at(-1) ?? 0n);
    const placed = (index: number): calls.PlacedClaim => ({
      ...{ batchId: id, index, claimId: ids[index] ?? "0x", claim: claims[index] ?? assert.fail() },
    });
    return { intent, id, header, claims, placed, proof: (index: number) => tree.proof(index) };
  }

  /** Through the outbox; it has to land within a few steps. @returns the transaction */
  async function sent(wanted: NewIntent): Promise<Hex> {
    await queue(wanted);
    for (let steps = 0; steps < 4; steps++) await step();
    const { state, error, txHash } = await intent(wanted.dedupeKey);
    assert.ok(state === "confirmed" || state === "final", `${wanted.kind} is ${state}: ${error}`);
    return txHash ?? assert.fail();
  }

  function queue(wanted: NewIntent): Promise<boolean> {
    return ledger.transaction((tx) => enqueue(tx, wanted));
  }

  async function step(): Promise<void> {
    await pollEvents({ rpc, contracts, ledger, logger: silentLogger, clock, config: { chain: CHAIN } });
    // What waits for the chain waits by the wall clock as well.
    await ledger.transaction((tx) =>
      tx.updateTable("intents").set({ next_try_at_milliseconds: 0 }).execute(),
    );
    for (const { lease, outbox } of senders) {
      await lease.keep();
      await outbox().step();
    }
  }

  async function moveTo(seconds: number): Promise<void> {
    await stack.chain.moveTo(seconds);
    await step();
  }

  function withdraw(leastWei: bigint | undefined): Promise<Credit[]> {
    const config: WithdrawConfig | undefined =
      leastWei === undefined ? undefined : { to: COLD, leastWei: new Map([[ZERO_ADDRESS, leastWei]]) };
    const context: WithdrawContext = {
      ...{ ledger, rpc, contracts, logger: silentLogger, withdraw: config },
      senders: { commit: lowerCase(stack.operator.sender.address), challenge: challenger },
      others: [],
    };
    return withdrawCredits(context);
  }

  async function kinds(kind: "withdraw"): Promise<Lane[]> {
    const rows = await ledger.selectFrom("intents").select("lane").where("kind", "=", kind).execute();
    return rows.map(({ lane }) => lane);
  }

  async function intent(key: string) {
    return (await findIntent(ledger, key)) ?? assert.fail(key);
  }

  async function stateOf({ id }: { id: Hex }, index: number): Promise<number> {
    return Number((await stack.deployment.settlement.leafOf(id, index)).state);
  }
});

const CHAIN = { confirmations: 1, startBlock: 0 } as never;

function signerOf({ privateKey }: { privateKey: string }): Signer {
  return localSigner(privateKey as Hex);
}

function word(value: number): Hex {
  return `0x${value.toString(16).padStart(64, "0")}`;
}
