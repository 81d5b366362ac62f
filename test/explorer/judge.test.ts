// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Bundle } from "@meantime/sdk/bundle/format";
import { batchAttestationDigest, claimAttestationDigest } from "@meantime/sdk/evidence";
import { type Address, type Hex, ZERO_ADDRESS, ZERO_HASH } from "@meantime/sdk/hex";
import { type ModelEntry, modelId } from "@meantime/sdk/model";
import { policyId } from "@meantime/sdk/policy";
import { signReceipt } from "@meantime/sdk/receipt";
import { addressOf, signDigest } from "@meantime/sdk/signature";
import { ContractFactory, Wallet } from "ethers";
import type { Judgement } from "../../explorer/src/verify/step.ts";
import { type LocalStack, startLocalStack } from "../../scripts/stack/local.ts";
import { enterEnclaveKey, localKey, lowerCase } from "../../scripts/stack/operators.ts";
import { CHALLENGE_WINDOW_SECONDS, localPolicy } from "../../scripts/stack/policies.ts";
import { freshFolder } from "../relayer/local-relayer.ts";
import { memberOf, type Published, publish } from "../relayer/published.ts";

/** What is judged, as the page's own modules have it: their types are a browser's. */
interface Subject {
  bundle: Bundle;
  origin: "file" | "index";
  isSigned: boolean;
  statedStatus?: string;
  transactions: readonly Hex[];
}

interface Trusted {
  rpcUrl: string;
  settlement: Address;
}

const JUDGE = new URL("../../explorer/src/verify/judge.ts", import.meta.url).href;
const { judge } = (await import(JUDGE)) as {
  judge(subject: Subject, trusted: Trusted): Promise<Judgement>;
};
const LIAR_ACCOUNT = 13;
const MEASUREMENT: Hex = `0x${"3e".repeat(32)}`;

describe("the judgement of a claim", () => {
  let stack: LocalStack;
  let trusted: Trusted;
  let attested: Published;
  let attestation: Hex;
  let signature: Hex;
  let clocked: Published;

  before(async () => {
    stack = await startLocalStack();
    const { chain, deployment, domain } = stack;
    trusted = { rpcUrl: chain.url, settlement: domain.settlement };
    await enterEnclaveKey(chain, deployment, new Wallet(stack.enclaveKey));
    attested = await publish(stack, await freshFolder(), "enclave", [1, 2]);
    const enclaveEvidence = lowerCase(await deployment.enclaveEvidence.getAddress());
    const enclave = { chainId: domain.chainId, enclaveEvidence };
    const digest = batchAttestationDigest(enclave, attested.batchId, stack.modelId);
    const settlement = deployment.settlement.connect(
      localKey(LIAR_ACCOUNT).connect(chain.connection.ethers.provider),
    );
    signature = signDigest(stack.enclaveKey as Hex, digest);
    const sent = await settlement.attestBatch(attested.header, signature);
    attestation = (await sent.wait())?.hash as Hex;
    clocked = await publish(stack, await freshFolder(), "window", [3]);
    await chain.moveTo((await chain.now()) + CHALLENGE_WINDOW_SECONDS);
  });

  after(() => stack?.chain.close());

  function subjectOf(transactions: readonly Hex[], batch = attested): Subject {
    const [header, claim, index, proof] = memberOf(batch, 0);
    const receipt = signReceipt(stack.operator.receiptKey.privateKey as Hex, claim, stack.domain);
    const bundle: Bundle = {
      domain: stack.domain,
      receipt,
      inclusion: { header, index, proof },
      evidence: [],
    };
    return { bundle, origin: "index", isSigned: true, statedStatus: "Final", transactions };
  }

  it("leaves open what a final claim rests on where an index hides the evidence", async () => {
    const hidden = (await judge(subjectOf([]), trusted)).steps;
    assert.deepEqual(
      hidden.filter(({ title }) => title === "Evidence").map(({ finding, reason }) => [finding, reason]),
      [
        [
          "unknown",
          "The contract holds an enclave's signature for this claim, and no transaction that brought it is named here. That the claim is final is the chain's word alone.",
        ],
      ],
    );
    const shown = (await judge(subjectOf([attestation]), trusted)).steps;
    assert.ok(!shown.some(({ title }) => title === "Evidence"));
    assert.equal(shown.find(({ name }) => name.startsWith("evidence tee-batch"))?.finding, "checked");
  });

  it("tells a final claim whose evidence a file does not hold from one whose evidence it holds", async () => {
    const file = (batch = attested, evidence: Bundle["evidence"] = []): Subject => {
      const { bundle } = subjectOf([], batch);
      return { bundle: { ...bundle, evidence }, origin: "file", isSigned: true, transactions: [] };
    };
    const bare = await judge(file(), trusted);
    assert.deepEqual([bare.finding, bare.chainStatus, bare.finality], ["unknown", "Final", "chain"]);
    const [gap, ...more] = bare.steps.filter(({ title }) => title === "Evidence");
    assert.deepEqual(more, []);
    assert.match(
      gap?.reason ?? "",
      /the file does not hold it. That the claim is final is the chain's word alone/,
    );

    const enclaveEvidence = lowerCase(await stack.deployment.enclaveEvidence.getAddress());
    const key = lowerCase(new Wallet(stack.enclaveKey).address);
    const brought = { kind: "tee", scope: "batch", enclaveEvidence, key, signature } as const;
    const held = await judge(file(attested, [{ ...brought, beneficiary: ZERO_ADDRESS }]), trusted);
    assert.equal(held.finality, "evidence");
    assert.equal(held.steps.find(({ name }) => name === "evidence[0]")?.finding, "checked");
    const forged = { ...brought, key: lowerCase(localKey(LIAR_ACCOUNT).address), beneficiary: ZERO_ADDRESS };
    const wrong = await judge(file(attested, [forged]), trusted);
    assert.deepEqual([wrong.finding, wrong.finality], ["wrong", "chain"]);

    assert.equal((await judge(file(clocked), trusted)).finality, "clock");
    assert.equal((await judge(subjectOf([attestation]), trusted)).finality, "evidence");
  });

  it("believes no enclave of a contract that only a private policy names", async () => {
    const { chain, deployment, domain } = stack;
    const liar = localKey(LIAR_ACCOUNT);
    // Answers every call with the measurement.
    const runtime = `7f${MEASUREMENT.slice(2)}5f5260205ff3`;
    const creation = `0x6029600c60003960296000f3${runtime}`;
    const factory = new ContractFactory([], creation, liar.connect(chain.connection.ethers.provider));
    const contract = await factory.deploy();
    await contract.waitForDeployment();
    const teeEvidence = lowerCase(await contract.getAddress());
    const policy = { ...(await localPolicy(deployment, "enclave")), teeEvidence };
    const model: ModelEntry = {
      ...{
        name: "private",
        version: 1,
        specHash: ZERO_HASH,
        inputScheme: ZERO_HASH,
        outputScheme: ZERO_HASH,
      },
      ...{ verificationKeyId: ZERO_HASH, measurement: MEASUREMENT, reexecutable: false },
    };
    const [, like] = memberOf(attested, 0);
    const claim = { ...like, modelId: modelId(model), policyId: policyId(policy) };
    const receipt = signReceipt(stack.operator.receiptKey.privateKey as Hex, claim, domain);
    const key = liar.privateKey as Hex;
    const beneficiary: Address = addressOf(key);
    const digest = claimAttestationDigest(
      { chainId: domain.chainId, enclaveEvidence: teeEvidence },
      receipt.claimId,
      beneficiary,
    );
    const bundle: Bundle = {
      ...{ domain, receipt, model, policy },
      evidence: [
        {
          ...{ kind: "tee", scope: "claim", enclaveEvidence: teeEvidence, beneficiary },
          ...{ key: beneficiary, signature: signDigest(key, digest) },
        },
      ],
    };
    const { steps } = await judge({ bundle, origin: "file", isSigned: true, transactions: [] }, trusted);
    assert.equal(steps.find(({ name }) => name === "evidence[0]")?.finding, "unknown");
    assert.equal(steps.find(({ name }) => name === "policy")?.finding, "unknown");
  });
});
