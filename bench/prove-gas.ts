// SPDX-License-Identifier: MIT
import { readFile } from "node:fs/promises";
import { encodeGroth16Proof, provingContext, type SnarkjsProof } from "@meantime/sdk/evidence";
import { encodeVerificationKey, verificationKeyId } from "@meantime/sdk/groth16";
import { encodeGroth16Batch, type Groth16Batch } from "@meantime/sdk/groth16-batch";
import type { Hex } from "@meantime/sdk/hex";
import { concat, type TransactionRequest } from "ethers";
import { digitModelUrl } from "../scripts/chain/models.ts";
import { asAddress, claimAt, deployWorld, ethers, type World, wordOf } from "../test/contracts/fixture.ts";
import { commitInferences } from "../test/contracts/inferences.ts";
import { infer, proveClaim } from "../test/contracts/proofs.ts";

/** Gas of judging proofs of the digit model: whole transactions to the evidence contract, without settlement. */
export interface ProveGas {
  /** One proof with three public inputs, under a key that is named: `IVerificationKeys.verify`. */
  verifyGas: number;
  /** The same for a claim whose model names the key, as Settlement asks: `IEvidence.check`. */
  checkGas: number;
  /** A batch of 32 proofs, per proof. */
  batchVerify32PerProof: number;
  /** One proof for 32 claims, per claim: what the judgement adds to a transaction, calldata included. */
  batchRoot32PerClaim?: number;
  /** The same as a transaction of its own. */
  batchRoot32TransactionPerClaim?: number;
}

/** A proof of a batch-root circuit, as snarkjs makes it. */
export interface BatchRootProof {
  verificationKey: unknown;
  proof: SnarkjsProof;
  /** root, packed outputs, ctx. */
  publicSignals: string[];
}

const BATCH = 32;
const TRANSACTION_GAS = 21_000;

/**
 * Deploys the protocol on the in-process chain and judges real proofs there. The figures of a batch root need a proof of
 * one, whose keys are not committed; they are left out without it.
 */
export async function benchProveGas(batchRoot?: BatchRootProof): Promise<ProveGas> {
  const world = await deployWorld();
  return {
    ...(await singleGas(world)),
    batchVerify32PerProof: (await batchGas(world)) / BATCH,
    ...(batchRoot && (await batchRootGas(world, batchRoot))),
  };
}

/** A statement given in the circuit's words, and a claim out of which the contract builds it. */
async function singleGas(world: World): Promise<Pick<ProveGas, "verifyGas" | "checkGas">> {
  const { groth16Evidence, prover } = world;
  const inference = infer(1);
  const batch = await commitInferences(world, "zk", [inference]);
  const { claim, claimId } = claimAt(batch, 0);
  const beneficiary = asAddress(prover.address);
  const proof = await proveClaim(inference, claimId, beneficiary);
  const statement = [
    inference.inputHash,
    inference.outputHash,
    provingContext(claimId, beneficiary),
  ] as const;
  const keyId = await world.models.verificationKeyOf(claim.modelId);
  return {
    verifyGas: await gasOf(
      world,
      await groth16Evidence.verify.populateTransaction(keyId, ...statement, proof),
    ),
    checkGas: await gasOf(
      world,
      await groth16Evidence.check.populateTransaction(claim, claimId, beneficiary, proof),
    ),
  };
}

async function batchGas(world: World): Promise<number> {
  const key = encodeVerificationKey(JSON.parse(await readFile(digitModelUrl("verificationKey"), "utf8")));
  const { statements, foldedC } = await proveBatch(world, key);
  const { judge } = world.groth16Evidence;
  return gasOf(world, await judge.populateTransaction(verificationKeyId(key), statements, foldedC));
}

async function batchRootGas(
  world: World,
  { verificationKey, proof, publicSignals }: BatchRootProof,
): Promise<Pick<ProveGas, "batchRoot32PerClaim" | "batchRoot32TransactionPerClaim">> {
  const key = encodeVerificationKey(verificationKey);
  const [root, outputs, ctx = 0n] = publicSignals.map((signal) => wordOf(BigInt(signal)));
  const verifier = await ethers.deployContract("BatchRootVerifier");
  await verifier.registerKey(key);
  const evidence = concat([outputs ?? "0x", encodeGroth16Proof(proof)]);
  const call = verifier.verifyBatchRoot.populateTransaction(
    verificationKeyId(key),
    root ?? "0x",
    ctx,
    evidence,
  );
  const gas = await gasOf(world, await call);
  return {
    batchRoot32PerClaim: (gas - TRANSACTION_GAS) / BATCH,
    batchRoot32TransactionPerClaim: gas / BATCH,
  };
}

async function proveBatch(world: World, key: Hex): Promise<Groth16Batch> {
  const beneficiary = asAddress(world.prover.address);
  const proofs = [];
  for (let seed = 1; seed <= BATCH; seed++) {
    const { inputHash, outputHash, ...opening } = infer(seed);
    const claimId = wordOf(BigInt(seed));
    const evidence = await proveClaim({ inputHash, outputHash, ...opening }, claimId, beneficiary);
    proofs.push({ inputHash, outputHash, ctx: provingContext(claimId, beneficiary), evidence });
  }
  return encodeGroth16Batch(key, proofs);
}

async function gasOf({ prover }: World, call: TransactionRequest): Promise<number> {
  const receipt = await (await prover.sendTransaction(call)).wait();
  if (!receipt) throw new Error("the transaction was not mined");
  return Number(receipt.gasUsed);
}
