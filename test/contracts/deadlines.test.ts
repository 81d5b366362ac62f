// SPDX-License-Identifier: MIT
import { claimId } from "@meantime/sdk/claim";
import { EVIDENCE_KINDS } from "@meantime/sdk/policy";
import { STATUS } from "@meantime/sdk/status";
import { expect } from "chai";
import { type BaseContract, ZeroAddress } from "ethers";
import { type Attempt, outcomeAt } from "./clock.ts";
import {
  type Batch,
  batchOf,
  CHALLENGE_BOND_WEI,
  challengeClaim,
  claimAt,
  commitBatch,
  deployWorld,
  memberOf,
  networkHelpers,
  signBatch,
  signClaim,
  type World,
  wordOf,
} from "./fixture.ts";
import { commitInferences } from "./inferences.ts";
import { disputeOf, revelation } from "./openings.ts";
import {
  GRACE_SECONDS,
  promiseClaim,
  REPORT_WINDOW_SECONDS,
  reportAttempt,
  reportOmission,
} from "./promises.ts";
import { infer, proveClaim, stopProver } from "./proofs.ts";

const { loadFixture, time } = networkHelpers;

/** What is possible until a second, exclusive, and what only from it on. */
interface Edge {
  at: bigint;
  until: Record<string, Attempt>;
  from: Record<string, Attempt>;
}

const EDGES: Record<string, (world: World) => Promise<Edge>> = {
  "the end of a challenge window": windowEnd,
  "the end of an attested window": attestedWindowEnd,
  "the end of a revealed claim's window": revealedEnd,
  "the end of a window to answer": answerEnd,
  "the end of a window to answer a lie": disproofEnd,
  "the end of a window to reveal": revealEnd,
  "the end of a window to answer a report": reportAnswerEnd,
  "the beginning of reports": reportBegin,
  "the end of reports": reportEnd,
  "the end of unbonding": unbondingEnd,
  "the end of a pause": pauseEnd,
};

after(stopProver);

describe("Deadlines", () => {
  for (const [name, edgeOf] of Object.entries(EDGES)) {
    it(`R-06 R-15 I-13 divide what competes, at the second: ${name}`, async () => {
      const { at, until, from } = await edgeOf(await loadFixture(deployWorld));
      for (const offset of [-1n, 0n, 1n]) {
        const before = offset < 0n;
        for (const [call, attempt] of Object.entries(until)) {
          const outcome = await outcomeAt(at + offset, attempt);
          expect(outcome === "done", `${call} at ${offset}: ${outcome}`).to.equal(before);
        }
        for (const [call, attempt] of Object.entries(from)) {
          const outcome = await outcomeAt(at + offset, attempt);
          expect(outcome === "done", `${call} at ${offset}: ${outcome}`).to.equal(!before);
        }
      }
    });
  }
});

async function windowEnd(world: World): Promise<Edge> {
  const { settlement, challenger, stranger, admin, prover } = world;
  const batch = await commitBatch(world, "tee");
  const at = await settlement.finalAt(batch.batchId);
  const signature = await signClaim(world, claimAt(batch, 0).claimId, prover.address);
  const evidence = [EVIDENCE_KINDS.tee, prover.address, signature];
  return {
    at,
    until: {
      challenge: bonded(settlement, challenger, "challenge", memberOf(batch, 0)),
      demandReveal: bonded(settlement, challenger, "demandReveal", [batch.header, 0]),
      prove: attempt(settlement, stranger, "prove", [...memberOf(batch, 0), ...evidence]),
      attestBatch: attempt(settlement, stranger, "attestBatch", [
        batch.header,
        await signBatch(world, batch),
      ]),
      lengthen: attempt(settlement, admin, "lengthenChallengeWindow", [batch.header, at + 99n]),
    },
    from: finality(world, batch, 0),
  };
}

async function attestedWindowEnd(world: World): Promise<Edge> {
  const { settlement, enclaveEvidence, enclaveKeyId, prover, stranger } = world;
  const batch = await commitBatch(world, "teeThenWindow");
  const signature = await signClaim(world, claimAt(batch, 0).claimId, prover.address);
  await settlement.prove(...memberOf(batch, 0), EVIDENCE_KINDS.tee, prover.address, signature);
  await settlement.attestBatch(batch.header, await signBatch(world, batch));
  await enclaveEvidence.markCompromised(enclaveKeyId, 1);
  return {
    at: await settlement.finalAt(batch.batchId),
    until: {
      challenge: bonded(settlement, world.challenger, "challenge", memberOf(batch, 1)),
      reopenBatch: attempt(settlement, stranger, "reopenBatch", [batch.header]),
      reopenClaim: attempt(settlement, stranger, "reopenClaim", [...memberOf(batch, 0), EVIDENCE_KINDS.tee]),
    },
    from: finality(world, batch, 1),
  };
}

async function revealedEnd(world: World): Promise<Edge> {
  const { settlement, challenger } = world;
  const batch = await commitBatch(world, "window");
  const finalAt = await settlement.finalAt(batch.batchId);
  await time.setNextBlockTimestamp(finalAt - 1n);
  await demand(world, batch);
  await settlement.reveal(...revelation(batch, 0));
  const { heldUntil } = await settlement.batchOf(batch.batchId);
  return {
    at: heldUntil,
    until: { challenge: bonded(settlement, challenger, "challenge", memberOf(batch, 0)) },
    from: finality(world, batch, 0),
  };
}

async function answerEnd(world: World): Promise<Edge> {
  const { settlement, stranger, admin, prover } = world;
  const batch = await commitBatch(world, "window");
  await challengeClaim(world, batch, 0);
  const { deadline } = await settlement.leafOf(batch.batchId, 0);
  const signature = await signClaim(world, claimAt(batch, 0).claimId, prover.address);
  const dispute = disputeOf(world, batch, 0);
  const evidence = [EVIDENCE_KINDS.tee, prover.address, signature];
  return {
    at: deadline,
    until: {
      answer: attempt(settlement, stranger, "answer", [...dispute, ...evidence]),
      voidChallenge: attempt(settlement, admin, "voidChallenge", dispute),
      lengthen: attempt(settlement, admin, "lengthenDeadline", [batch.header, 0, deadline + 99n]),
    },
    from: { resolve: attempt(settlement, stranger, "resolve", dispute) },
  };
}

async function disproofEnd(world: World): Promise<Edge> {
  const { settlement, stranger, challenger, prover } = world;
  const truth = infer(50);
  const lie = { ...truth, outputHash: wordOf((BigInt(truth.outputHash) + 1n) % 10n) };
  const batch = await commitInferences(world, "window", [lie]);
  await challengeClaim(world, batch, 0);
  const { deadline } = await settlement.leafOf(batch.batchId, 0);
  const twin = { ...claimAt(batch, 0).claim, outputHash: truth.outputHash };
  const proof = await proveClaim(truth, claimId(world.domain, twin), prover.address);
  const args = [...memberOf(batch, 0), challenger.address, truth.outputHash, prover.address, proof];
  return {
    at: deadline,
    until: { disprove: attempt(settlement, stranger, "disprove", args) },
    from: { resolve: attempt(settlement, stranger, "resolve", disputeOf(world, batch, 0)) },
  };
}

async function revealEnd(world: World): Promise<Edge> {
  const { settlement, stranger, challenger, admin } = world;
  const batch = await commitBatch(world, "window");
  await demand(world, batch);
  const { deadline } = await settlement.leafOf(batch.batchId, 0);
  const resolve = [batch.header, 0, challenger.address];
  return {
    at: deadline,
    until: {
      reveal: attempt(settlement, stranger, "reveal", revelation(batch, 0)),
      lengthen: attempt(settlement, admin, "lengthenDeadline", [batch.header, 0, deadline + 99n]),
    },
    from: { resolveDemand: attempt(settlement, stranger, "resolveDemand", resolve) },
  };
}

async function reportAnswerEnd(world: World): Promise<Edge> {
  const { receipts, stranger } = world;
  const receipt = await promiseClaim(world);
  const { header } = batchOf(world, [receipt.claim]);
  await world.settlement.connect(world.operator).commit(header);
  await reportOmission(world, receipt);
  const { answerBy } = await receipts.omissionOf(receipt.claimId);
  const resolve = [receipt.claim];
  return {
    at: answerBy,
    until: { answerOmission: attempt(receipts, stranger, "answerOmission", [receipt.claim, header, 0, []]) },
    from: { resolveOmission: attempt(receipts, world.challenger, "resolveOmission", resolve) },
  };
}

async function reportBegin(world: World): Promise<Edge> {
  const receipt = await promiseClaim(world);
  const at = receipt.claim.commitBy + GRACE_SECONDS + 1n;
  return { at, until: {}, from: { reportOmission: reportAttempt(world, receipt) } };
}

async function reportEnd(world: World): Promise<Edge> {
  const receipt = await promiseClaim(world);
  const other = await promiseClaim(world, { ...receipt.claim, outputHash: wordOf(99n) });
  const pair = [receipt.claim, receipt.signature, other.claim, other.signature];
  return {
    at: receipt.claim.commitBy + GRACE_SECONDS + REPORT_WINDOW_SECONDS,
    until: {
      reportOmission: reportAttempt(world, receipt),
      reportEquivocation: attempt(world.receipts, world.stranger, "reportEquivocation", pair),
    },
    from: {},
  };
}

async function unbondingEnd(world: World): Promise<Edge> {
  const { settlement, operator } = world;
  await settlement.connect(operator).unbond(ZeroAddress, 1n);
  const { unbondableAt } = await settlement.operatorOf(operator.address, ZeroAddress);
  const complete = attempt(settlement, operator, "completeUnbonding", [ZeroAddress, operator.address]);
  return { at: unbondableAt, until: {}, from: { completeUnbonding: complete } };
}

async function pauseEnd(world: World): Promise<Edge> {
  const { settlement, sender, admin } = world;
  const batch = await commitBatch(world, "window");
  const at = BigInt(await time.latest()) + 1000n;
  await settlement.pauseCommits(at);
  return {
    at,
    until: { resumeCommits: attempt(settlement, admin, "resumeCommits", []) },
    from: { commit: attempt(settlement, sender, "commit", [{ ...batch.header, nonce: 2n }]) },
  };
}

/** What is possible once a claim of the batch is final. */
function finality({ settlement, stranger }: World, batch: Batch, index: number): Record<string, Attempt> {
  const member = memberOf(batch, index);
  return {
    requireStatus: attempt(settlement, stranger, "requireStatus", [...member, STATUS.Final]),
    record: attempt(settlement, stranger, "record", member),
    release: attempt(settlement, stranger, "release", [[batch.header]]),
  };
}

function attempt(
  contract: BaseContract,
  from: Attempt["from"],
  name: string,
  args: readonly unknown[],
): Attempt {
  return { contract, from, name, args };
}

function bonded(
  contract: BaseContract,
  from: Attempt["from"],
  name: string,
  args: readonly unknown[],
): Attempt {
  return { contract, from, name, args, value: CHALLENGE_BOND_WEI };
}

async function demand(world: World, batch: Batch): Promise<void> {
  const { settlement, challenger } = world;
  await settlement.connect(challenger).demandReveal(batch.header, 0, { value: CHALLENGE_BOND_WEI });
}
