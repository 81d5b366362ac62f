// SPDX-License-Identifier: MIT
import { claimAt, deployWorld } from "../test/contracts/fixture.ts";
import { commitInferences } from "../test/contracts/inferences.ts";
import { infer, proveClaim } from "../test/contracts/proofs.ts";
import { benchProve } from "./prove.ts";

/** Proving off chain, and what judging one proof costs on chain: a whole transaction to the evidence contract. */
export async function benchProveSuite(): Promise<Record<string, unknown>> {
  const figures = await benchProve();
  return { ...figures, verifyGas: await verifyGas() };
}

async function verifyGas(): Promise<number> {
  const world = await deployWorld();
  const inference = infer(1);
  const batch = await commitInferences(world, "zk", [inference]);
  const { claim, claimId } = claimAt(batch, 0);
  const beneficiary = world.prover.address;
  const proof = await proveClaim(inference, claimId, beneficiary);
  const call = await world.groth16Evidence.check.populateTransaction(claim, claimId, beneficiary, proof);
  const receipt = await (await world.prover.sendTransaction(call)).wait();
  return Number(receipt?.gasUsed);
}
