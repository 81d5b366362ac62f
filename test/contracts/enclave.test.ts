// SPDX-License-Identifier: MIT
import type { Hex } from "@meantime/sdk/hex";
import { EVIDENCE_KINDS, EVIDENCE_RULES, policyId } from "@meantime/sdk/policy";
import { STATUS } from "@meantime/sdk/status";
import { expect } from "chai";
import { id, Signature, Wallet, ZeroAddress } from "ethers";
import {
  batchOf,
  buildBatch,
  claimAt,
  commitBatch,
  deployWorld,
  enterEnclaveKey,
  memberOf,
  networkHelpers,
  policyFor,
  signBatch,
  signClaim,
} from "./fixture.ts";

const { loadFixture, time } = networkHelpers;
const TEE = EVIDENCE_KINDS.tee;
const CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

describe("Enclave evidence", () => {
  it("makes one claim final by itself under tee and teeOrZk, and only Attested under the other rules", async () => {
    const world = await loadFixture(deployWorld);
    for (const [rule, status] of [
      ["tee", STATUS.Final],
      ["teeOrZk", STATUS.Final],
      ["teeThenWindow", STATUS.Attested],
      ["teeAndZk", STATUS.Attested],
      ["zk", STATUS.Attested],
      ["window", STATUS.Attested],
    ] as const) {
      const batch = await commitBatch(world, rule);
      const signature = await signClaim(world, claimAt(batch, 0).claimId, world.prover.address);
      await world.settlement.prove(...memberOf(batch, 0), TEE, world.prover.address, signature);
      expect(await world.settlement.statusOf(...memberOf(batch, 0)), rule).to.equal(status);
      expect(await world.settlement.statusOf(...memberOf(batch, 1)), rule).to.equal(STATUS.Committed);
    }
  });

  it("R-50 believes no key of another measurement, none unknown, expired or revoked", async () => {
    const world = await loadFixture(deployWorld);
    const foreign = new Wallet(id("an enclave with another image"));
    await enterEnclaveKey(world, foreign, { image: "another image" });
    const shortLived = new Wallet(id("an enclave whose key expires"));
    const expiresAt = await enterEnclaveKey(world, shortLived, { lifetimeSeconds: 2 * 24 * 3600 });
    const batch = await commitBatch(world, "teeThenWindow");
    for (const key of [foreign, new Wallet(id("nobody"))]) {
      await expect(world.settlement.attestBatch(batch.header, await signBatch(world, batch, key)))
        .to.be.revertedWithCustomError(world.settlement, "EvidenceRejected")
        .withArgs(TEE);
    }

    await time.increaseTo(expiresAt - 100);
    const late = await commitBatch(world, "teeThenWindow", { nonce: 2n });
    const signature = await signBatch(world, late, shortLived);
    await time.setNextBlockTimestamp(expiresAt);
    await expect(world.settlement.attestBatch(late.header, signature)).to.be.revertedWithCustomError(
      world.settlement,
      "EvidenceRejected",
    );

    await world.enclaveEvidence.revoke(world.enclaveKeyId);
    await expect(
      world.settlement.attestBatch(late.header, await signBatch(world, late)),
    ).to.be.revertedWithCustomError(world.settlement, "EvidenceRejected");
  });

  it("R-41 R-50 takes a signature for one batch, one claim and one form", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "tee");
    const other = await commitBatch(world, "tee", { nonce: 2n });
    await expect(
      world.settlement.attestBatch(batch.header, await signBatch(world, other)),
    ).to.be.revertedWithCustomError(world.settlement, "EvidenceRejected");
    const forClaim = await signClaim(world, batch.batchId, world.prover.address);
    await expect(world.settlement.attestBatch(batch.header, forClaim)).to.be.revertedWithCustomError(
      world.settlement,
      "EvidenceRejected",
    );
    const { r, s, v } = Signature.from(await signBatch(world, batch));
    const highS = CURVE_ORDER - BigInt(s);
    const twin = `${r}${highS.toString(16).padStart(64, "0")}${v === 27 ? "1c" : "1b"}`;
    await expect(world.settlement.attestBatch(batch.header, twin)).to.be.revertedWithCustomError(
      world.enclaveEvidence,
      "ECDSAInvalidSignatureS",
    );
    await expect(world.settlement.attestBatch(batch.header, "0x")).to.be.revertedWithCustomError(
      world.enclaveEvidence,
      "ECDSAInvalidSignatureLength",
    );
  });

  it("attests nothing for a model that runs in no enclave, nor under a policy that names none", async () => {
    const world = await loadFixture(deployWorld);
    const modelId = `0x${"cd".repeat(31)}03` as Hex;
    const unmeasured = await commitBatch(world, "tee", { claims: { modelId } });
    await expect(world.settlement.attestBatch(unmeasured.header, await signBatch(world, unmeasured)))
      .to.be.revertedWithCustomError(world.enclaveEvidence, "ModelNotMeasured")
      .withArgs(modelId);

    const policy = {
      ...(await policyFor(world, "zk")),
      rule: EVIDENCE_RULES.zk,
      answerKinds: EVIDENCE_KINDS.zk,
      teeEvidence: ZeroAddress as Hex,
    };
    await world.policies.register(policy);
    const { claims } = await buildBatch(world, "zk", { claims: { policyId: policyId(policy) } });
    const batch = batchOf(world, claims, { nonce: 3n });
    await world.settlement.connect(world.operator).commit(batch.header);
    await expect(world.settlement.attestBatch(batch.header, await signBatch(world, batch)))
      .to.be.revertedWithCustomError(world.settlement, "EvidenceKindNotAccepted")
      .withArgs(policyId(policy), TEE);
  });
});
