// SPDX-License-Identifier: MIT

import { claimId } from "@meantime/sdk/claim";
import { type Hex, ZERO_ADDRESS } from "@meantime/sdk/hex";
import { EVIDENCE_KINDS } from "@meantime/sdk/policy";
import { STATUS } from "@meantime/sdk/status";
import type { ContractTransactionResponse } from "ethers";
import {
  asAddress,
  type Batch,
  buildBatch,
  CHALLENGE_BOND_WEI,
  CHALLENGE_WINDOW_SECONDS,
  challengeClaim,
  claimAt,
  deployWorld,
  ethers,
  memberOf,
  networkHelpers,
  PROVE_WINDOW_SECONDS,
  type RuleName,
  signBatch,
  type World,
  wordOf,
} from "../test/contracts/fixture.ts";
import { commitInferences } from "../test/contracts/inferences.ts";
import { revelation } from "../test/contracts/openings.ts";
import { infer, proveClaim } from "../test/contracts/proofs.ts";
import {
  askThrough,
  BEHAVIOUR,
  callOf,
  commitAnswer,
  deployRequestWorld,
} from "../test/contracts/requests-fixture.ts";
import { executionGasOf } from "./execution.ts";

const BATCH = 4096;
const CALLBACK_SPENDS_GAS = 30_000;
const STAKE_WEI = 1000n * 10n ** 18n;

/**
 * Gas of real transactions, from their receipts, intrinsic gas and calldata included. Steady state: the operator has
 * committed before, so its account word is not fresh. Keys as in `docs/GAS.md`.
 */
export async function benchGas(): Promise<Record<string, number>> {
  const world = await deployWorld();
  await world.settlement.stake(world.operator.address, { value: STAKE_WEI });
  await commit(world, await buildBatch(world, "window", { count: 1, nonce: 1n }));

  const big = await buildBatch(world, "window", { count: BATCH, nonce: 2n });
  const commit4096 = await commit(world, big);
  const requireStatusExec = await executionGasOfRequireStatus(world, big);
  const challenge = await gasOf(
    world.settlement.connect(world.challenger).challenge(...memberOf(big, 1), { value: CHALLENGE_BOND_WEI }),
  );
  const requireStatusDisputedExec = await executionGasOfRequireStatus(world, big);
  await networkHelpers.time.increase(PROVE_WINDOW_SECONDS);
  const reject = await gasOf(
    world.settlement.resolve(big.batchId, claimAt(big, 1).claim, 1, world.challenger.address),
  );
  // A lost bond suspends the operator.
  await world.settlement.connect(world.operator).resume(ZERO_ADDRESS);
  await networkHelpers.time.increase(CHALLENGE_WINDOW_SECONDS);
  const release4096 = await gasOf(world.settlement.release([big.header]));

  return {
    commit4096,
    settlePerClaim4096: (commit4096 + release4096) / BATCH,
    commit1: await commit(world, await buildBatch(world, "window", { count: 1, nonce: 3n })),
    challenge,
    prove: await proveUnprompted(world),
    proveResolve: await proveChallenged(world),
    attestBatch4096: await attest(world, "tee"),
    disprove: await disprove(world),
    reject,
    releaseOne: await release(world, 1, 100n),
    release16: (await release(world, 16, 200n)) / 16,
    requireStatusExec,
    requireStatusDisputedExec,
    fulfilWithCallback: await fulfil(),
  };
}

async function commit(world: World, batch: Batch): Promise<number> {
  return gasOf(world.settlement.connect(world.sender).commit(batch.header));
}

async function proveUnprompted(world: World): Promise<number> {
  const inference = infer(1);
  const batch = await commitInferences(world, "zk", [inference], 10n);
  const beneficiary = world.prover.address;
  const proof = await proveClaim(inference, claimAt(batch, 0).claimId, beneficiary);
  return gasOf(world.settlement.prove(...memberOf(batch, 0), EVIDENCE_KINDS.zk, beneficiary, proof));
}

async function proveChallenged(world: World): Promise<number> {
  const inference = infer(2);
  const batch = await commitInferences(world, "window", [inference], 11n);
  await challengeClaim(world, batch, 0);
  const { claim, claimId } = claimAt(batch, 0);
  const beneficiary = world.prover.address;
  const proof = await proveClaim(inference, claimId, beneficiary);
  return gasOf(
    world.settlement.answer(
      batch.batchId,
      claim,
      0,
      world.challenger.address,
      EVIDENCE_KINDS.zk,
      beneficiary,
      proof,
    ),
  );
}

// The claim lies about the label; the proof is of its twin, which tells the truth. The requester is new to the ledger.
async function disprove(world: World): Promise<number> {
  const inference = infer(3);
  const lie = { ...inference, outputHash: wordOf((BigInt(inference.outputHash) + 1n) % 10n) };
  const requester = asAddress(world.stranger.address);
  const batch = await commitInferences(world, "window", [lie], 12n, { requester });
  const [header, claim, index, proof] = memberOf(batch, 0);
  const twinId = claimId(world.domain, { ...claim, outputHash: inference.outputHash as Hex });
  const beneficiary = world.admin.address;
  const evidence = await proveClaim(inference, twinId, beneficiary);
  const gas = await gasOf(
    world.settlement.disprove(
      ...[header, claim, index, proof, ZERO_ADDRESS],
      ...[inference.outputHash, beneficiary, evidence],
    ),
  );
  await world.settlement.connect(world.operator).resume(ZERO_ADDRESS);
  return gas;
}

// A final claim: the fee is credited and the callback spends 30,000 gas, both in the call.
async function fulfil(): Promise<number> {
  const world = await deployRequestWorld();
  await world.consumer.setBehaviour(BEHAVIOUR.SpendGas, CALLBACK_SPENDS_GAS);
  const answer = await commitAnswer(world, "window", await askThrough(world, "window"));
  await world.settlement.reveal(...revelation(answer.batch, answer.index));
  await networkHelpers.time.increase(CHALLENGE_WINDOW_SECONDS);
  return gasOf(world.requests.fulfil(...callOf(answer)));
}

async function attest(world: World, rule: RuleName): Promise<number> {
  const batch = await buildBatch(world, rule, { count: BATCH, nonce: 20n });
  await commit(world, batch);
  return gasOf(world.settlement.attestBatch(batch.header, await signBatch(world, batch)));
}

async function release(world: World, count: number, firstNonce: bigint): Promise<number> {
  const headers = [];
  for (let i = 0n; i < BigInt(count); i++) {
    const batch = await buildBatch(world, "window", { nonce: firstNonce + i });
    await commit(world, batch);
    headers.push(batch.header);
  }
  await networkHelpers.time.increase(CHALLENGE_WINDOW_SECONDS);
  return gasOf(world.settlement.release(headers));
}

// A consumer passes on what its own calldata holds, so what the check costs it is the execution alone.
async function executionGasOfRequireStatus(world: World, batch: Batch): Promise<number> {
  const call = await world.settlement.requireStatus.populateTransaction(
    ...memberOf(batch, 2),
    STATUS.Committed,
  );
  return executionGasOf(ethers, world.stranger, call);
}

async function gasOf(sent: Promise<ContractTransactionResponse>): Promise<number> {
  const receipt = await (await sent).wait();
  if (!receipt) throw new Error("the transaction was not mined");
  return Number(receipt.gasUsed);
}
