// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { batchAttestationDigest } from "@meantime/sdk/evidence";
import type { Hex } from "@meantime/sdk/hex";
import { EVIDENCE_KINDS } from "@meantime/sdk/policy";
import { signDigest } from "@meantime/sdk/signature";
import { Wallet } from "ethers";
import { getCurveFromName } from "ffjavascript";
import { type AuditOptions, audit } from "../../relayer/src/audit/audit.ts";
import { reportToHtml } from "../../relayer/src/audit/html/page.ts";
import { loadAuditModels } from "../../relayer/src/audit/models.ts";
import { type AuditReport, reportToJson } from "../../relayer/src/audit/report.ts";
import { main } from "../../relayer/src/cli/main.ts";
import { type LocalStack, startLocalStack } from "../../scripts/stack/local.ts";
import { enterEnclaveKey, localKey, lowerCase } from "../../scripts/stack/operators.ts";
import {
  CHALLENGE_BOND_WEI,
  CHALLENGE_WINDOW_SECONDS,
  CLAIM_BOND_WEI,
} from "../../scripts/stack/policies.ts";
import { freshFolder } from "./local-relayer.ts";
import { memberOf, proofOf, publish } from "./published.ts";

const CHALLENGER_ACCOUNT = 12;

describe("An audit of a chain where everybody was honest", () => {
  let stack: LocalStack;
  let folder: string;
  let report: AuditReport;
  const run = (more: Partial<AuditOptions> = {}) =>
    audit({
      ...{ rpcUrl: stack.chain.url, settlement: stack.domain.settlement, data: folder },
      ...{ models: loadAuditModels(undefined), ...more },
    });

  before(async () => {
    stack = await startLocalStack();
    folder = await freshFolder();
    const { provider } = stack.chain.connection.ethers;
    const challenger = localKey(CHALLENGER_ACCOUNT).connect(provider);
    const settlement = stack.deployment.settlement.connect(challenger);
    const challenged = await publish(stack, folder, "window", [1, 2, 3, 4, 5]);
    await (await settlement.challenge(...memberOf(challenged, 2), { value: CHALLENGE_BOND_WEI })).wait();
    const answer = await proofOf(challenged, 2, challenger.address);
    const claim = memberOf(challenged, 2)[1];
    await (
      await settlement.answer(
        ...([challenged.batchId, claim, 2, challenger.address, EVIDENCE_KINDS.zk] as const),
        ...([challenger.address, answer] as const),
      )
    ).wait();
    const proven = await publish(stack, folder, "proof", [6, 7]);
    const proof = await proofOf(proven, 0, challenger.address);
    await (
      await settlement.prove(...memberOf(proven, 0), EVIDENCE_KINDS.zk, challenger.address, proof)
    ).wait();
    await enterEnclaveKey(stack.chain, stack.deployment, new Wallet(stack.enclaveKey));
    const attested = await publish(stack, folder, "enclave", [8, 9, 10]);
    await (await settlement.attestBatch(attested.header, await attestation(stack, attested.batchId))).wait();
    await stack.chain.moveTo((await stack.chain.now()) + CHALLENGE_WINDOW_SECONDS);
    await (await settlement.release([challenged.header, proven.header, attested.header])).wait();
    await publish(stack, folder, "window", [11]);
    report = await run();
  });

  after(async () => {
    await (await getCurveFromName("bn128")).terminate();
    await stack?.chain.close();
  });

  it("finds nothing, and says how the claims add up", () => {
    assert.deepEqual(report.findings, []);
    assert.equal(report.verdict, "clean");
    const { claims, final, rejected, voided, open, nowhere, holds, identity, unseen } = report.claims;
    assert.deepEqual(
      { claims, final, rejected, voided, open, nowhere, holds, unseen },
      {
        ...{ claims: 11, final: 10, rejected: 0, voided: 0, open: 1, nowhere: 0, holds: true, unseen: 0 },
      },
    );
    assert.equal(identity, "11 = 10 final + 0 rejected + 0 voided + 1 open + 0 nowhere");
    assert.deepEqual(report.claims.openBy, { Committed: 1, Attested: 0, Proven: 0, Challenged: 0 });
    assert.equal(report.data.complete, 4);
    assert.deepEqual(report.receipts, { valid: 11, invalid: 0, missing: 0 });
    assert.equal(report.reexecution.right, 11);
  });

  it("judges all evidence anew", () => {
    assert.deepEqual(report.evidence.zk, { valid: 2, invalid: 0, "cannot tell": 0, unexplained: 0 });
    assert.equal(report.evidence["tee-batch"].valid, 1);
  });

  it("verifies the document of the enclave's key anew, and that the list allowed it", () => {
    const { registrations, evidence } = report.enclaves;
    assert.deepEqual(
      registrations.map(({ verdict, reason }) => [verdict, reason]),
      [["valid", "its document was verified anew, from the root down"]],
    );
    assert.deepEqual(evidence, { valid: 1, invalid: 0, "cannot tell": 0 });
    assert.match(report.scope.unchecked.join(), /a root whose keys everybody knows/);
  });

  it("finds the money where the events say it is", () => {
    const [settlement] = report.money;
    assert.ok(settlement);
    assert.equal(settlement.unaskedWei, 0n);
    assert.equal(settlement.creditsWei, CHALLENGE_BOND_WEI);
    const [operator] = report.operators;
    assert.equal(operator?.stakes[0]?.lockedWei, CLAIM_BOND_WEI);
    assert.deepEqual(operator?.disputes.challenged, 1);
    assert.deepEqual(operator?.disputes.answered, 1);
  });

  it("measures the gap by what claims rest on", () => {
    const by = Object.fromEntries(report.gaps.map((gap) => [gap.evidence, gap]));
    assert.deepEqual(Object.keys(by).sort(), ["clock", "enclave", "proof"]);
    assert.ok((by.clock?.servedToFinal?.p50 ?? 0) >= CHALLENGE_WINDOW_SECONDS);
    assert.ok((by.enclave?.servedToFinal?.p99 ?? 1e9) < 60);
    assert.equal(by.enclave?.claims, 3);
  });

  it("lists what was announced, done and how long it waited", () => {
    const [action, ...more] = report.governance.actions;
    assert.deepEqual(more, []);
    assert.match(action?.what ?? "", /^tee\.allowMeasurement\(/);
    assert.ok((action?.waitedSeconds ?? 0) >= 86_400);
    assert.notEqual(report.governance.setupUntilBlock, null);
  });

  it("is the same twice, byte for byte, and pinned to its block while the chain goes on", async () => {
    const at = report.chain.block;
    await stack.chain.moveTo((await stack.chain.now()) + 10);
    const again = await run({ at });
    assert.equal(reportToJson(again), reportToJson(report));
    assert.equal(reportToHtml(again), reportToHtml(report));
  });

  it("exits with 0 on the command line, with a page written", async () => {
    const page = join(folder, "clean.html");
    const { chain, domain } = stack;
    const places = ["--rpc", chain.url, "--settlement", domain.settlement, "--data", folder];
    const to = String(report.chain.block);
    assert.equal(await main(["node", "meantime", "audit", ...places, "--to", to, "--html", page]), 0);
    assert.equal(await readFile(page, "utf8"), reportToHtml(report));
  });

  it("does without proofs where it is told to", async () => {
    const quick = await run({ proofs: false, at: report.chain.block });
    // Nothing speaks against it, and nobody looked at the evidence.
    assert.equal(quick.verdict, "cannot tell");
    assert.match(quick.scope.unchecked.join(), /No evidence was judged/);
    assert.equal(quick.enclaves.registrations[0]?.verdict, "cannot tell");
    assert.equal(quick.evidence.zk.valid, 0);
    assert.equal(quick.reexecution.skipped, 11);
    assert.deepEqual(quick.claims, report.claims);
  });

  it("audits the batches of some blocks alone, and all accounts", async () => {
    const last = report.chain.block;
    const late = await run({ fromBlock: last });
    assert.equal(late.claims.claims, 1);
    assert.equal(late.verdict, "clean");
    assert.deepEqual(late.money[0]?.balanceWei, report.money[0]?.balanceWei);
  });
});

async function attestation(
  { deployment, domain, modelId, enclaveKey }: LocalStack,
  batchId: Hex,
): Promise<Hex> {
  const enclaveEvidence = lowerCase(await deployment.enclaveEvidence.getAddress());
  const digest = batchAttestationDigest({ chainId: domain.chainId, enclaveEvidence }, batchId, modelId);
  return signDigest(enclaveKey as Hex, digest);
}
