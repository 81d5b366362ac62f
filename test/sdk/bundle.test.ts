// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { type BatchHeader, batchId, leafHash, openingLeaf } from "@meantime/sdk/batch";
import type { ChainWord } from "@meantime/sdk/bundle/finality";
import { type Bundle, type BundleEvidence, bundleToJson, parseBundle } from "@meantime/sdk/bundle/format";
import { encodeJudged } from "@meantime/sdk/bundle/judged";
import { type BundleFacts, type BundleVerdict, verifyBundle } from "@meantime/sdk/bundle/verify";
import { commitInput, commitLabel, randomSalt } from "@meantime/sdk/commitment";
import {
  enclaveKeyId,
  encodeEnclaveEvidence,
  parseEnclavePublicKey,
  signDigestP256,
} from "@meantime/sdk/enclave-keys";
import { MeantimeError } from "@meantime/sdk/errors";
import {
  batchAttestationDigest,
  claimAttestationDigest,
  claimVerdictDigest,
  encodeGroth16Proof,
  provingContext,
} from "@meantime/sdk/evidence";
import { encodeVerificationKey, verificationKeyId } from "@meantime/sdk/groth16";
import { encodeGroth16Batch } from "@meantime/sdk/groth16-batch";
import { type Hex, ZERO_ADDRESS, ZERO_HASH } from "@meantime/sdk/hex";
import { buildMerkleTree } from "@meantime/sdk/merkle";
import { type ModelEntry, modelEntry, modelId, parseModelSpec, runModel } from "@meantime/sdk/model";
import {
  commitAnswer,
  commitRequest,
  inputBytes,
  OPENAI_INPUT_SCHEME,
  outputBytes,
} from "@meantime/sdk/openai/commitment";
import { EVIDENCE_KINDS, EVIDENCE_RULES, type Policy, policyId } from "@meantime/sdk/policy";
import { signReceipt } from "@meantime/sdk/receipt";
import { OUTPUT_KECCAK } from "@meantime/sdk/request";
import { addressOf, signDigest } from "@meantime/sdk/signature";
import type { Check } from "@meantime/sdk/verdict";
import { p256 } from "@noble/curves/nist.js";
import { id } from "ethers";
import { getCurveFromName } from "ffjavascript";
import * as snarkjs from "snarkjs";
import { ARTIFACTS_DIRECTORY, MODEL_FILE } from "../../circuits/paths.ts";
import { randomAddress, randomWord, testDomain } from "./samples.ts";

const receiptKey = id("receipt key") as Hex;
const enclaveKey = id("enclave key") as Hex;
const signerKeys = ["one", "two", "three"].map((name) => id(name) as Hex);
const beneficiary = randomAddress();
const operator = randomAddress();
const measurement = id("enclave image") as Hex;
const servedAt = 1_800_000_000n;
const policy: Policy = {
  rule: EVIDENCE_RULES.teeOrZk,
  answerKinds: EVIDENCE_KINDS.zk | EVIDENCE_KINDS.tee | EVIDENCE_KINDS.quorum,
  publicData: true,
  bondToken: ZERO_ADDRESS,
  zkEvidence: randomAddress(),
  teeEvidence: randomAddress(),
  quorumEvidence: randomAddress(),
  challengeWindowSeconds: 3600,
  attestedWindowSeconds: 0,
  proveWindowSeconds: 900,
  claimBondWei: 10n ** 18n,
  challengeBondWei: 10n ** 17n,
  challengerBps: 4000,
  requesterBps: 4000,
};
const readArtifact = (name: string) => readFileSync(`${ARTIFACTS_DIRECTORY}/${name}`);
const verificationKey = encodeVerificationKey(JSON.parse(readArtifact("verification_key.json").toString()));
const spec = parseModelSpec(JSON.parse(readFileSync(MODEL_FILE, "utf8")));
const input = Uint8Array.from({ length: 196 }, (_, place) => (place * 7) % 16);

/** A bundle of the digit model with every kind of evidence, its proof by snarkjs. */
let full: Bundle;
let facts: BundleFacts;

before(async () => {
  const model = modelEntry(spec, { verificationKeyId: verificationKeyId(verificationKey), measurement });
  const salt = randomSalt();
  const { label } = runModel(spec, [...input]);
  const hashes = {
    inputHash: commitInput({ bits: spec.inputBits, elements: input, salt }),
    outputHash: commitLabel(label, spec.classes),
  };
  const bundle = batched(model, hashes, { input, salt, output: Uint8Array.of(label) });
  const { claimId } = bundle.receipt;
  const { proof } = await snarkjs.groth16.fullProve(
    {
      x: [...input],
      salt: BigInt(salt).toString(),
      ctx: provingContext(claimId, beneficiary).toString(),
    },
    { type: "mem", data: readArtifact("tiny_mlp.wasm") },
    { type: "mem", data: readArtifact("tiny_mlp.zkey") },
  );
  full = {
    ...bundle,
    evidence: [
      { kind: "zk", beneficiary, verificationKey, proof: encodeGroth16Proof(proof) },
      enclaveSignature(bundle, "claim"),
      enclaveSignature(bundle, "batch"),
      quorumSignatures(bundle, signerKeys.slice(0, 2)),
    ],
    chain: { blockNumber: 12n, blockHash: randomWord(), transactions: { commit: randomWord() } },
  };
  facts = {
    trust: {
      domain: testDomain,
      receiptKeys: [{ key: addressOf(receiptKey), validFrom: 1n, validUntil: servedAt + 1n }],
      acceptedSince: 1n,
      nowSeconds: servedAt * 2n,
    },
    batchIds: [batchId(testDomain, placeOf(full).header)],
    enclaveKeys: [{ key: addressOf(enclaveKey), measurement }],
    committee: { signers: signerKeys.map(addressOf), threshold: 2 },
    onChain: { status: "Final" },
  };
});

after(async () => (await getCurveFromName("bn128")).terminate());

describe("bundles", () => {
  it("are valid with everything in them and all facts given, and list what no file can show", () => {
    const read = parseBundle(JSON.stringify(bundleToJson(full), null, 2));
    assert.deepEqual(read, full);
    const { verdict, checks, notChecked } = verifyBundle(read, facts);
    assert.equal(verdict, "valid", JSON.stringify(checks, null, 1));
    assert.equal(checks.length, 13);
    assert.match(checks.at(-1)?.reason ?? "", /^evidence verified/);
    assert.deepEqual(notChecked, [
      ...["chain.blockNumber", "chain.blockHash", "chain.transactions.commit"],
      ...["evidence[1].attestation", "evidence[2].attestation"],
    ]);
  });

  it("leave open what facts are missing for, and say why", () => {
    const cases: [BundleFacts, string][] = [
      [{}, "receipt key,commitment,evidence[1],evidence[2],evidence[3],finality"],
      [{ ...facts, batchIds: [] }, "commitment"],
      [{ ...facts, batchIds: [randomWord()] }, "commitment"],
      [{ ...facts, enclaveKeys: [] }, "evidence[1],evidence[2]"],
    ];
    for (const [known, names] of cases) {
      const verdict = verifyBundle(full, known);
      assert.equal(verdict.verdict, "cannot tell");
      assert.equal(named(verdict, "cannot tell"), names);
    }
    const { model: _, policy: __, opening: ___, ...bare } = full;
    assert.equal(
      named(verifyBundle(bare, facts), "cannot tell"),
      "model,policy,opening,evidence[0],evidence[1],evidence[2],evidence[3],finality",
    );
  });

  it("are not valid without evidence that makes the claim final, whatever else holds", () => {
    const [proof, signature, , verdicts] = full.evidence;
    assert.ok(proof && signature && verdicts);
    const under = (rule: number, evidence: BundleEvidence[], known: Partial<BundleFacts> = {}) =>
      finalityOf(verifyBundle(underRule(rule, evidence), { ...facts, ...known }));
    const { tee, zk, teeAndZk, window, teeThenWindow } = EVIDENCE_RULES;
    const alone = /^final by the chain's word: evidence not verified/;
    for (const rule of [tee, zk, teeAndZk, window, teeThenWindow]) {
      assertFinality(under(rule, []), "cannot tell", alone);
    }
    // Nothing of it is wrong, and it is not enough.
    const bare = { ...full, evidence: [] };
    assert.equal(verifyBundle(bare, facts).verdict, "cannot tell");
    assert.equal(named(verifyBundle(bare, facts), "cannot tell"), "finality");
    assertFinality(finalityOf(verifyBundle({ ...full, evidence: [verdicts] }, facts)), "cannot tell", alone);
    assertFinality(
      finalityOf(verifyBundle({ ...full, evidence: [proof] }, facts)),
      "valid",
      /^evidence verified/,
    );
    // A signature that nobody can place is no evidence yet.
    const unplaced = { ...facts, enclaveKeys: [] };
    const open = verifyBundle({ ...full, evidence: [signature] }, unplaced);
    assertFinality(finalityOf(open), "cannot tell", alone);
    const { inclusion: _, ...nowhere } = full;
    assert.equal(verifyBundle({ ...nowhere, evidence: [proof] }, facts).verdict, "cannot tell");
  });

  it("are not valid without the chain's word, whatever evidence they hold", () => {
    const { onChain: _, ...unasked } = facts;
    const told = verifyBundle(full, unasked);
    assert.equal(told.verdict, "cannot tell");
    assert.equal(named(told, "cannot tell"), "finality");
    assertFinality(
      finalityOf(told),
      "cannot tell",
      /^evidence verified; how the claim stands is on the chain$/,
    );
    assert.ok(told.notChecked.includes("status"));
    assertFinality(
      finalityOf(verifyBundle({ ...full, evidence: [] }, unasked)),
      "cannot tell",
      /^evidence not verified; how the claim stands is on the chain$/,
    );
  });

  it("tell the chain's word that a claim is final from evidence that was verified", () => {
    const [proof] = full.evidence;
    assert.ok(proof);
    const { zk, tee } = EVIDENCE_KINDS;
    const cases: [BundleEvidence[], ChainWord, string, RegExp][] = [
      [[], { status: "Final" }, "cannot tell", /^final by the chain's word: evidence not verified/],
      [
        [],
        { status: "Final", evidenceKinds: zk },
        "cannot tell",
        /^final by the chain's word: evidence not verified/,
      ],
      [[], { status: "Final", evidenceKinds: 0 }, "valid", /^final by the clock, by the chain's word/],
      [[proof], { status: "Final" }, "valid", /^evidence verified/],
      [[proof], { status: "Final", evidenceKinds: zk }, "valid", /^evidence verified/],
      [
        [proof],
        { status: "Final", evidenceKinds: zk | tee },
        "cannot tell",
        /^final by the chain's word: evidence not verified/,
      ],
      [[proof], { status: "Committed", evidenceKinds: 0 }, "cannot tell", /^the chain says Committed/],
      [[proof], { status: "Rejected", evidenceKinds: 0 }, "invalid", /the chain says Rejected/],
      [[proof], { status: "Voided" }, "invalid", /the chain says Voided/],
      [[proof], { status: "Unknown" }, "invalid", /the chain says Unknown/],
    ];
    for (const [evidence, onChain, verdict, reason] of cases) {
      const judged = verifyBundle({ ...full, evidence }, { ...facts, onChain });
      assertFinality(finalityOf(judged), verdict, reason);
      assert.equal(judged.verdict, verdict);
      assert.ok(!judged.notChecked.includes("status"));
    }
  });

  it("are invalid when anything in them is not what it says, and name it", () => {
    const place = placeOf(full);
    const [proof, signature, , verdicts] = full.evidence;
    assert.ok(
      proof?.kind === "zk" && signature?.kind === "tee" && verdicts?.kind === "quorum" && full.opening,
    );
    const { receipt, opening } = full;
    const cases: [Partial<Bundle>, string][] = [
      [{ domain: { ...testDomain, chainId: 1n } }, "claim id,receipt signature"],
      [{ receipt: { ...receipt, claimId: randomWord() } }, "claim id,receipt signature"],
      [
        { receipt: { ...receipt, claim: { ...receipt.claim, servedAt: servedAt - 1n } } },
        "claim id,receipt signature",
      ],
      [{ receipt: signReceipt(id("thief") as Hex, receipt.claim, testDomain) }, "receipt key"],
      [{ model: { ...entryOf(full), version: 9 } }, "model"],
      [{ policy: { ...policy, claimBondWei: 1n } }, "policy"],
      [{ opening: { ...opening, output: Uint8Array.of(3, 3) } }, "opening"],
      [{ opening: { ...opening, output: Uint8Array.of((Number(opening.output[0]) + 1) % 10) } }, "opening"],
      [{ opening: { ...opening, output: Uint8Array.of(10) } }, "opening"],
      [{ opening: { ...opening, input: input.with(0, 5) } }, "opening"],
      [{ opening: { ...opening, input: input.with(0, 200) } }, "opening"],
      [{ opening: { ...opening, salt: randomWord().replace("0x", "0x01").slice(0, 66) as Hex } }, "opening"],
      [{ inclusion: { ...place, index: 0 } }, "inclusion"],
      [{ inclusion: { ...place, proof: place.proof.slice(1) } }, "inclusion"],
      [{ inclusion: { ...place, dataProof: place.proof } }, "inclusion"],
      [{ inclusion: withHeader(full, { operator: randomAddress() }) }, "inclusion"],
      [{ inclusion: withHeader(full, { modelId: randomWord() }) }, "inclusion"],
      [{ inclusion: withHeader(full, { oldestServedAt: servedAt + 1n }) }, "inclusion"],
      [{ evidence: [{ ...proof, beneficiary: randomAddress() }] }, "evidence[0]"],
      [{ evidence: [{ ...proof, proof: `${proof.proof.slice(0, -2)}00` as Hex }] }, "evidence[0]"],
      [{ evidence: [{ ...signature, beneficiary: randomAddress() }] }, "evidence[0]"],
      [{ evidence: [{ ...signature, scope: "batch" }] }, "evidence[0]"],
      [{ evidence: [{ ...signature, key: randomAddress() }] }, "evidence[0]"],
      [{ evidence: [enclaveSignature(full, "claim", randomAddress())] }, "evidence[0]"],
      [{ evidence: [quorumSignatures(full, signerKeys.slice(0, 1))] }, "evidence[0]"],
      [{ evidence: [quorumSignatures(full, [signerKeys[0], signerKeys[0]] as Hex[])] }, "evidence[0]"],
      [
        {
          evidence: [
            quorumSignatures(
              full,
              ["stranger", "other"].map((name) => id(name) as Hex),
            ),
          ],
        },
        "evidence[0]",
      ],
      [{ evidence: [{ ...verdicts, quorumEvidence: randomAddress() }] }, "evidence[0]"],
    ];
    for (const [at, [changes, names]] of cases.entries()) {
      // Without evidence of its own a case is judged without any: pairings take their time.
      const verdict = verifyBundle({ ...full, evidence: [], ...changes }, facts);
      const found = named(verdict, "invalid");
      assert.equal(verdict.verdict, "invalid", `case ${at}`);
      assert.ok(
        names.split(",").every((name) => found.split(",").includes(name)),
        `case ${at}: ${found}`,
      );
    }
    const otherKey = { ...facts, enclaveKeys: [{ key: addressOf(enclaveKey), measurement: randomWord() }] };
    assert.equal(named(verifyBundle(full, otherKey), "invalid"), "evidence[1],evidence[2]");
  });

  it("hold proofs that were judged together, and signatures of P-256 enclaves", () => {
    const [proof] = full.evidence;
    assert.ok(proof?.kind === "zk");
    const { inputHash, outputHash } = full.receipt.claim;
    const ctx = provingContext(full.receipt.claimId, beneficiary);
    const statement = { inputHash, outputHash, ctx, evidence: proof.proof };
    const judged = encodeJudged(encodeGroth16Batch(verificationKey, [statement, statement]));
    const domain = { chainId: testDomain.chainId, enclaveEvidence: policy.teeEvidence };
    const digest = claimAttestationDigest(domain, full.receipt.claimId, beneficiary);
    const point = p256.getPublicKey(Buffer.from(enclaveKey.slice(2), "hex"));
    const key = parseEnclavePublicKey("p256", point);
    const signed = encodeEnclaveEvidence(key, signDigestP256(enclaveKey, digest));
    const together: BundleEvidence = { ...proof, proof: "0x", judged };
    const attested: BundleEvidence = {
      ...{ kind: "tee", scope: "claim", enclaveEvidence: policy.teeEvidence, beneficiary },
      ...{ key: enclaveKeyId(key), signature: signed },
    };
    const bundle = { ...full, evidence: [together, attested] };
    const read = parseBundle(JSON.stringify(bundleToJson(bundle)));
    assert.deepEqual(read, bundle);
    const known = { ...facts, enclaveKeys: [{ key: enclaveKeyId(key), measurement }] };
    assert.equal(verifyBundle(read, known).verdict, "valid");
    const other: BundleEvidence[] = [
      { ...together, judged: `${judged.slice(0, -2)}00` as Hex },
      { ...together, judged: judged.slice(0, -64) as Hex },
      { ...together, beneficiary: randomAddress() },
      { ...attested, key: randomWord() },
      { ...attested, beneficiary: randomAddress() },
    ];
    for (const evidence of other) {
      assert.equal(named(verifyBundle({ ...full, evidence: [evidence] }, known), "invalid"), "evidence[0]");
    }
  });

  it("open OpenAI-shaped exchanges by their model's scheme, and no other scheme they do not know", () => {
    const model: ModelEntry = {
      ...{ name: "tiny_chat", version: 1, specHash: randomWord(), verificationKeyId: ZERO_HASH },
      ...{ inputScheme: OPENAI_INPUT_SCHEME, outputScheme: OUTPUT_KECCAK, measurement, reexecutable: false },
    };
    const path = "/v1/chat/completions";
    const salt = randomSalt();
    const body = { model: "tiny", messages: [{ role: "user", content: "Hi" }] };
    const response = { choices: [{ index: 0, message: { role: "assistant", content: "Hello" } }] };
    const opening = { input: inputBytes({ path, body }), salt, output: outputBytes({ path, response }) };
    const hashes = {
      inputHash: commitRequest({ path, body, salt }),
      outputHash: commitAnswer({ path, response, salt }),
    };
    const bundle = batched(model, hashes, opening);
    assert.equal(named(verifyBundle(bundle), "valid").split(",").includes("opening"), true);
    const other = { ...opening, output: new TextEncoder().encode('{"choices":[]}') };
    assert.equal(named(verifyBundle({ ...bundle, opening: other }), "invalid").split(",")[0], "opening");
    const unknown = batched({ ...model, inputScheme: randomWord() }, hashes, opening);
    assert.ok(named(verifyBundle(unknown), "cannot tell").split(",").includes("opening"));
  });

  it("are read strictly: format, version, members, and every field by its name", () => {
    const json = JSON.parse(JSON.stringify(bundleToJson(full)));
    const cases: [(changed: typeof json) => void, string, string?][] = [
      [(changed) => (changed.format = "zip"), "MT-SDK-801"],
      [(changed) => (changed.version = 2), "MT-SDK-801"],
      [(changed) => (changed.verdict = "valid"), "MT-SDK-801"],
      [(changed) => delete changed.receipt, "MT-SDK-004"],
      [(changed) => (changed.receipt.signature = "0x"), "MT-SDK-002", "receipt.signature"],
      [(changed) => (changed.domain.chainId = -1), "MT-SDK-005", "domain.chainId"],
      [(changed) => (changed.domain.settlement = "0x"), "MT-SDK-002", "domain.settlement"],
      [(changed) => (changed.model.reexecutable = 1), "MT-SDK-802", "model.reexecutable"],
      [(changed) => (changed.model.name = 1), "MT-SDK-802", "model.name"],
      [(changed) => (changed.policy.claimBondWei = 1), "MT-SDK-802", "policy.claimBondWei"],
      [(changed) => (changed.policy.rule = 1.5), "MT-SDK-802", "policy.rule"],
      [(changed) => (changed.opening.input = "0x1"), "MT-SDK-802", "opening.input"],
      [(changed) => (changed.inclusion.index = 4), "MT-SDK-802", "inclusion.index"],
      [(changed) => (changed.inclusion.proof = "0x"), "MT-SDK-802", "inclusion.proof"],
      [(changed) => (changed.evidence = {}), "MT-SDK-802", "evidence"],
      [(changed) => (changed.evidence[0].kind = "oath"), "MT-SDK-802", "evidence[0].kind"],
      [(changed) => (changed.evidence[1].scope = "all"), "MT-SDK-802", "evidence[1].scope"],
      [(changed) => (changed.chain.transactions.commit = "0x"), "MT-SDK-002", "chain.transactions.commit"],
    ];
    for (const [change, code, field] of cases) {
      const changed = structuredClone(json);
      change(changed);
      assert.throws(
        () => parseBundle(JSON.stringify(changed)),
        (error) =>
          error instanceof MeantimeError &&
          error.code === code &&
          (field === undefined || error.details.field === field),
        `${code} ${field}`,
      );
    }
    assert.throws(
      () => parseBundle('{"format":"a","format":"b"}'),
      (error) => error instanceof MeantimeError && error.code === "MT-SDK-008",
    );
  });
});

/** A claim at place 2 of a batch of four, with its paths. */
function batched(
  model: ModelEntry,
  hashes: { inputHash: Hex; outputHash: Hex },
  opening: NonNullable<Bundle["opening"]>,
): Bundle {
  const claim = {
    ...{ modelId: modelId(model), policyId: policyId(policy), operator, requester: randomAddress() },
    ...{ requestId: randomWord(), ...hashes, servedAt, commitBy: servedAt + 600n },
  };
  const receipt = signReceipt(receiptKey, claim, testDomain);
  const index = 2;
  const leaves = Array.from({ length: 4 }, randomWord).with(index, leafHash(index, receipt.claimId));
  const openings = Array.from({ length: 4 }, randomWord).with(index, openingLeaf(index, opening));
  const [tree, dataTree] = [buildMerkleTree(leaves), buildMerkleTree(openings)];
  const header: BatchHeader = {
    ...{
      operator,
      policyId: claim.policyId,
      modelId: claim.modelId,
      root: tree.root,
      dataRoot: dataTree.root,
    },
    ...{ count: 4, oldestServedAt: servedAt, nonce: 7n },
  };
  const inclusion = { header, index, proof: tree.proof(index), dataProof: dataTree.proof(index) };
  return { domain: testDomain, receipt, model, policy, opening, inclusion, evidence: [] };
}

function enclaveSignature(
  bundle: Bundle,
  scope: "claim" | "batch",
  enclaveEvidence = policy.teeEvidence,
): BundleEvidence {
  const domain = { chainId: testDomain.chainId, enclaveEvidence };
  const { header } = placeOf(bundle);
  const digest =
    scope === "claim"
      ? claimAttestationDigest(domain, bundle.receipt.claimId, beneficiary)
      : batchAttestationDigest(domain, batchId(testDomain, header), header.modelId);
  const attestation = { kind: "nitro", reference: "https://enclave.example/attestation" };
  const signature = signDigest(enclaveKey, digest);
  return {
    kind: "tee",
    scope,
    enclaveEvidence,
    beneficiary,
    key: addressOf(enclaveKey),
    signature,
    attestation,
  };
}

function quorumSignatures({ receipt }: Bundle, keys: Hex[]): BundleEvidence {
  const { quorumEvidence } = policy;
  const domain = { chainId: testDomain.chainId, quorumEvidence };
  const digest = claimVerdictDigest(domain, receipt.claimId, beneficiary);
  return {
    kind: "quorum",
    quorumEvidence,
    beneficiary,
    signatures: keys.map((key) => signDigest(key, digest)),
  };
}

function withHeader(bundle: Bundle, changes: Partial<BatchHeader>): NonNullable<Bundle["inclusion"]> {
  const place = placeOf(bundle);
  return { ...place, header: { ...place.header, ...changes } };
}

function placeOf({ inclusion }: Bundle): NonNullable<Bundle["inclusion"]> {
  assert.ok(inclusion);
  return inclusion;
}

function entryOf({ model }: Bundle): ModelEntry {
  assert.ok(model);
  return model;
}

function finalityOf({ checks }: BundleVerdict): Check {
  const [found, ...more] = checks.filter(({ name }) => name === "finality");
  assert.ok(found);
  assert.deepEqual(more, []);
  return found;
}

function assertFinality({ verdict, reason }: Check, expected: string, words: RegExp): void {
  assert.equal(verdict, expected, reason);
  assert.match(reason, words);
}

/** The bundle as if its claim were under a policy of another rule: its policy holds, and its other checks may not. */
function underRule(rule: number, evidence: BundleEvidence[]): Bundle {
  const terms = { ...policy, rule };
  const { receipt } = full;
  const claim = { ...receipt.claim, policyId: policyId(terms) };
  return { ...full, policy: terms, receipt: { ...receipt, claim }, evidence };
}

function named({ checks }: BundleVerdict, verdict: string): string {
  return checks
    .filter((check) => check.verdict === verdict)
    .map(({ name }) => name)
    .join();
}
