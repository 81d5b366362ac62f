// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MeantimeError } from "@meantime/sdk/errors";
import { claimVerdictDigest, encodeQuorumEvidence } from "@meantime/sdk/evidence";
import type { Hex } from "@meantime/sdk/hex";
import { recoverAddress, signDigest } from "@meantime/sdk/signature";
import { dataLength, dataSlice, TypedDataEncoder, Wallet } from "ethers";
import { randomAddress, randomWord, testDomain } from "./samples.ts";

const SIGNATURE_BYTES = 65;
const VERDICT_TYPES = {
  ClaimVerdict: [
    { name: "claimId", type: "bytes32" },
    { name: "beneficiary", type: "address" },
  ],
};

describe("a verdict", () => {
  it("has the digest that ethers computes, in a domain of its own", () => {
    const [claimId, beneficiary] = [randomWord(), randomAddress()];
    const ethersDomain = {
      name: "Meantime Quorum",
      version: "1",
      chainId: testDomain.chainId,
      verifyingContract: testDomain.settlement,
    };
    assert.equal(
      claimVerdictDigest(
        { chainId: testDomain.chainId, quorumEvidence: testDomain.settlement },
        claimId,
        beneficiary,
      ),
      TypedDataEncoder.hash(ethersDomain, VERDICT_TYPES, { claimId, beneficiary }),
    );
  });
});

describe("quorum evidence", () => {
  it("is the signatures in ascending order of their signers, whatever order they came in", () => {
    const digest = randomWord();
    for (let round = 0; round < 10; round++) {
      const wallets = Array.from({ length: 7 }, () => Wallet.createRandom());
      const signatures = wallets.map(({ privateKey }) => signDigest(privateKey as Hex, digest));
      const evidence = encodeQuorumEvidence(digest, signatures);
      const ascending = wallets.map(({ address }) => address.toLowerCase()).sort();
      assert.deepEqual(signersOf(digest, evidence), ascending);
      assert.equal(encodeQuorumEvidence(digest, signatures.toReversed()), evidence);
    }
  });

  it("has each signer once", () => {
    const digest = randomWord();
    const { privateKey, address } = Wallet.createRandom();
    const signature = signDigest(privateKey as Hex, digest);
    assert.deepEqual(signersOf(digest, encodeQuorumEvidence(digest, [signature, signature])), [
      address.toLowerCase(),
    ]);
    assert.equal(encodeQuorumEvidence(digest, []), "0x");
  });

  it("refuses what is no signature", () => {
    const digest = randomWord();
    const signature = signDigest(Wallet.createRandom().privateKey as Hex, digest);
    assert.throws(
      () => encodeQuorumEvidence(digest, [signature.slice(0, -2) as Hex]),
      (error) => error instanceof MeantimeError && error.code === "MT-SDK-101",
    );
  });
});

function signersOf(digest: Hex, evidence: Hex): string[] {
  return Array.from({ length: dataLength(evidence) / SIGNATURE_BYTES }, (_, place) =>
    recoverAddress(
      digest,
      dataSlice(evidence, place * SIGNATURE_BYTES, (place + 1) * SIGNATURE_BYTES) as Hex,
    ),
  );
}
