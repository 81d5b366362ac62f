// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type BatchHeader,
  batchHeaderToJson,
  batchId,
  leafHash,
  openingLeaf,
  parseBatchHeader,
} from "@meantime/sdk/batch";
import {
  CLAIM_EIP712_TYPES,
  type Claim,
  claimId,
  claimToJson,
  parseClaim,
  twinClaim,
} from "@meantime/sdk/claim";
import { domainSeparator } from "@meantime/sdk/domain";
import { MeantimeError } from "@meantime/sdk/errors";
import {
  batchAttestationDigest,
  claimAttestationDigest,
  encodeGroth16Proof,
  provingContext,
} from "@meantime/sdk/evidence";
import { bytesToHex, type Hex, hexToBytes } from "@meantime/sdk/hex";
import { EVIDENCE_KINDS, EVIDENCE_RULES, isAnswerable, type Policy, policyId } from "@meantime/sdk/policy";
import { encodeWords } from "@meantime/sdk/words";
import { AbiCoder, id, keccak256, TypedDataEncoder } from "ethers";
import { randomAddress, randomClaim, randomHeader, randomWord, testDomain } from "./samples.ts";

const coder = AbiCoder.defaultAbiCoder();
const ethersDomain = {
  name: "Meantime",
  version: "1",
  chainId: testDomain.chainId,
  verifyingContract: testDomain.settlement,
};
const HEADER_TYPES = {
  Batch: [
    { name: "operator", type: "address" },
    { name: "policyId", type: "bytes32" },
    { name: "modelId", type: "bytes32" },
    { name: "root", type: "bytes32" },
    { name: "dataRoot", type: "bytes32" },
    { name: "count", type: "uint32" },
    { name: "oldestServedAt", type: "uint64" },
    { name: "nonce", type: "uint64" },
  ],
};

describe("hashing agrees with ethers", () => {
  it("on domain separators, claim ids and batch ids", () => {
    assert.equal(
      domainSeparator("Meantime", testDomain.chainId, testDomain.settlement),
      TypedDataEncoder.hashDomain(ethersDomain),
    );
    for (let round = 0; round < 20; round++) {
      const claim = randomClaim();
      assert.equal(
        claimId(testDomain, claim),
        TypedDataEncoder.hash(ethersDomain, CLAIM_EIP712_TYPES, claim),
      );
      const header = randomHeader();
      assert.equal(batchId(testDomain, header), TypedDataEncoder.hash(ethersDomain, HEADER_TYPES, header));
    }
  });

  it("on the twin of a claim, which differs in its output alone", () => {
    const claim = randomClaim();
    const outputHash = randomWord();
    const twin = twinClaim(claim, outputHash);
    const expected = TypedDataEncoder.hash(ethersDomain, CLAIM_EIP712_TYPES, { ...claim, outputHash });
    assert.equal(claimId(testDomain, twin), expected);
    assert.notEqual(claim.outputHash, outputHash, "the claim itself was changed");
    assert.equal(claimId(testDomain, twinClaim(twin, claim.outputHash)), claimId(testDomain, claim));
  });

  it("on leaves and openings", () => {
    for (const index of [0, 1, 4095, 65_535]) {
      const claim = randomWord();
      const leaf = coder.encode(
        ["bytes32", "uint256", "bytes32"],
        [id("MeantimeLeaf(uint256 index,bytes32 claimId)"), index, claim],
      );
      assert.equal(leafHash(index, claim), keccak256(keccak256(leaf)));
      const opening = {
        input: Uint8Array.of(1, 2, index & 255),
        salt: randomWord(),
        output: Uint8Array.of(7),
      };
      const openingWords = coder.encode(
        ["bytes32", "uint256", "bytes32", "bytes32", "bytes32"],
        [
          id("MeantimeOpening(uint256 index,bytes32 inputDigest,bytes32 salt,bytes32 outputDigest)"),
          ...[index, keccak256(opening.input), opening.salt, keccak256(opening.output)],
        ],
      );
      assert.equal(openingLeaf(index, opening), keccak256(keccak256(openingWords)));
    }
  });

  it("on policy ids", () => {
    const policy: Policy = {
      rule: EVIDENCE_RULES.teeOrZk,
      answerKinds: EVIDENCE_KINDS.zk | EVIDENCE_KINDS.tee,
      publicData: true,
      bondToken: randomAddress(),
      zkEvidence: randomAddress(),
      teeEvidence: randomAddress(),
      quorumEvidence: randomAddress(),
      challengeWindowSeconds: 3600,
      attestedWindowSeconds: 0,
      proveWindowSeconds: 900,
      claimBondWei: 10n ** 16n,
      challengeBondWei: 2n ** 88n - 1n,
      challengerBps: 4000,
      requesterBps: 4000,
    };
    const fields =
      "uint8 rule,uint8 answerKinds,bool publicData,address bondToken,address zkEvidence,address teeEvidence,address quorumEvidence,uint32 challengeWindowSeconds,uint32 attestedWindowSeconds,uint32 proveWindowSeconds,uint88 claimBondWei,uint88 challengeBondWei,uint16 challengerBps,uint16 requesterBps";
    const types = fields.split(",").map((field) => field.split(" ")[0] ?? "");
    for (const publicData of [true, false]) {
      const values = Object.values({ ...policy, publicData });
      const hash = keccak256(coder.encode(["bytes32", ...types], [id(`Policy(${fields})`), ...values]));
      assert.equal(policyId({ ...policy, publicData }), `${hash.slice(0, -2)}03`);
    }
  });

  it("on what enclaves sign and proofs bind", () => {
    const enclaveDomain = { ...ethersDomain, name: "Meantime Enclave" };
    const domain = { chainId: testDomain.chainId, enclaveEvidence: testDomain.settlement };
    const [subject, modelId, beneficiary] = [randomWord(), randomWord(), randomAddress()];
    const claimTypes = { ClaimAttestation: [bytes32("claimId"), { name: "beneficiary", type: "address" }] };
    const batchTypes = { BatchAttestation: [bytes32("batchId"), bytes32("modelId")] };
    assert.equal(
      claimAttestationDigest(domain, subject, beneficiary),
      TypedDataEncoder.hash(enclaveDomain, claimTypes, { claimId: subject, beneficiary }),
    );
    assert.equal(
      batchAttestationDigest(domain, subject, modelId),
      TypedDataEncoder.hash(enclaveDomain, batchTypes, { batchId: subject, modelId }),
    );
    const context = coder.encode(
      ["bytes32", "bytes32", "address"],
      [id("MeantimeContext(bytes32 claimId,address beneficiary)"), subject, beneficiary],
    );
    assert.equal(provingContext(subject, beneficiary), BigInt(keccak256(context)) >> 8n);
  });

  it("on words at the edges of their range", () => {
    for (const value of [0n, 1n, 255n, 256n, 2n ** 255n, 2n ** 256n - 1n]) {
      assert.equal(bytesToHex(encodeWords(value)), coder.encode(["uint256"], [value]));
    }
    for (const value of [-1n, 2n ** 256n, 1.5, Number.NaN, 2 ** 53, `0x${"00".repeat(33)}` as Hex]) {
      assertCode("MT-SDK-003", () => encodeWords(value));
    }
  });
});

describe("a proof as bytes", () => {
  const proof = {
    pi_a: ["1", "2", "1"],
    pi_b: [
      ["3", "4"],
      ["5", "6"],
      ["1", "0"],
    ],
    pi_c: ["7", "8", "1"],
  };

  it("has the imaginary parts of B first", () => {
    const words = coder.encode(new Array(8).fill("uint256"), [1, 2, 4, 3, 6, 5, 7, 8]);
    assert.equal(encodeGroth16Proof(proof), words);
  });

  it("needs every coordinate, as a decimal number", () => {
    for (const wrong of ["", "x", "-1", "0x10", "1.5", (2n ** 256n).toString()]) {
      assertCode("MT-SDK-404", () => encodeGroth16Proof({ ...proof, pi_a: [wrong, "2", "1"] }));
    }
    assertCode("MT-SDK-404", () => encodeGroth16Proof({ ...proof, pi_c: ["7"] }));
    assertCode("MT-SDK-404", () => encodeGroth16Proof({ ...proof, pi_b: [["3", "4"]] }));
  });
});

describe("a claim is answerable", () => {
  it("when model and policy share a kind of evidence", () => {
    const word = (last: string): Hex => `0x${"ab".repeat(31)}${last}`;
    for (const [model, policy, shared] of [
      ["01", "01", true],
      ["03", "02", true],
      ["01", "02", false],
      ["00", "03", false],
      ["04", "03", false],
    ] as const) {
      assert.equal(isAnswerable(word(model), word(policy)), shared, `${model} ${policy}`);
    }
  });
});

describe("JSON", () => {
  it("carries claims and headers unchanged", () => {
    const claim: Claim = { ...randomClaim(), servedAt: 2n ** 64n - 1n };
    assert.deepEqual(parseClaim(JSON.parse(JSON.stringify(claimToJson(claim)))), claim);
    const header: BatchHeader = randomHeader();
    assert.deepEqual(parseBatchHeader(JSON.parse(JSON.stringify(batchHeaderToJson(header)))), header);
  });

  it("names the field that is wrong, for every field", () => {
    const claim = claimToJson(randomClaim());
    for (const field of Object.keys(claim)) {
      for (const wrong of [undefined, null, "", "0x", "-1", {}, "zz"]) {
        assert.throws(
          () => parseClaim({ ...claim, [field]: wrong }),
          (error) => error instanceof MeantimeError && error.details.field === `claim.${field}`,
        );
      }
    }
    for (const notAnObject of [null, 7, "claim", []]) assertCode("MT-SDK-004", () => parseClaim(notAnObject));
    const header = batchHeaderToJson(randomHeader());
    for (const count of [0, -1, 1.5, 65_537, "4"]) {
      assertCode("MT-SDK-006", () => parseBatchHeader({ ...header, count }));
    }
    for (const servedAt of [(2n ** 64n).toString(), -1, 2 ** 60, 1.5]) {
      assertCode("MT-SDK-005", () => parseClaim({ ...claim, servedAt }));
    }
    for (const hex of ["0x1", "1234", "0xgg", "0x\n"]) assertCode("MT-SDK-001", () => hexToBytes(hex));
    const large = hexToBytes(`0x${"ab".repeat(8_000_000)}`);
    assert.equal(large.length, 8_000_000);
  });
});

function bytes32(name: string): { name: string; type: string } {
  return { name, type: "bytes32" };
}

function assertCode(code: string, work: () => unknown): void {
  assert.throws(
    work,
    (error) => error instanceof MeantimeError && error.code === code && error.hint.length > 0,
  );
}
