// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { enclaveKeyIdOf } from "@meantime/sdk/enclave-keys";
import { batchAttestationDigest } from "@meantime/sdk/evidence";
import type { Hex } from "@meantime/sdk/hex";
import { EVIDENCE_KINDS } from "@meantime/sdk/policy";
import { signDigest } from "@meantime/sdk/signature";
import { id, Wallet, ZeroAddress } from "ethers";
import { getCurveFromName } from "ffjavascript";
import { type AuditOptions, audit } from "../../relayer/src/audit/audit.ts";
import type { Finding, FindingName } from "../../relayer/src/audit/findings.ts";
import { loadAuditModels } from "../../relayer/src/audit/models.ts";
import type { AuditReport } from "../../relayer/src/audit/report.ts";
import { type LocalStack, startLocalStack } from "../../scripts/stack/local.ts";
import { enterEnclaveKey, localKey, lowerCase } from "../../scripts/stack/operators.ts";
import {
  CHALLENGE_BOND_WEI,
  CHALLENGE_WINDOW_SECONDS,
  type LocalPolicy,
  PROVE_WINDOW_SECONDS,
} from "../../scripts/stack/policies.ts";
import { freshFolder } from "./local-relayer.ts";
import { type Lie, startLyingNode } from "./lying-node.ts";
import { memberOf, type Published, type PublishOptions, proofOf, publish } from "./published.ts";

const BIN = fileURLToPath(new URL("../../relayer/bin/meantime.js", import.meta.url));
const CHALLENGER_ACCOUNT = 12;
const CURATOR_ACCOUNT = 13;
const CURATOR_ROLE = 1n;
const DAY_SECONDS = 24 * 3600;
const HOUR_SECONDS = 3600;

describe("An audit of a chain with planted anomalies", () => {
  let stack: LocalStack;
  let folder: string;
  let report: AuditReport;
  const batches: Record<string, Published> = {};
  const options = (): AuditOptions => ({
    ...{ rpcUrl: stack.chain.url, settlement: stack.domain.settlement, data: folder },
    models: loadAuditModels(undefined),
  });

  before(async () => {
    stack = await startLocalStack();
    folder = await freshFolder();
    const { deployment, chain, operator } = stack;
    const { provider } = chain.connection.ethers;
    const owner = operator.owner.connect(provider);
    const challenger = localKey(CHALLENGER_ACCOUNT).connect(provider);
    const settlement = deployment.settlement.connect(challenger);
    const receipts = deployment.receipts.connect(owner);
    const plant = async (
      name: string,
      policy: LocalPolicy,
      seeds: readonly number[],
      out: PublishOptions = {},
    ): Promise<Published> => {
      const batch = await publish(stack, folder, policy, seeds, out);
      batches[name] = batch;
      return batch;
    };

    const [revokedKey, compromisedKey] = [new Wallet(id("revoked")), new Wallet(id("compromised"))];
    await (await receipts.addReceiptKey(revokedKey.address)).wait();
    await (await receipts.addReceiptKey(compromisedKey.address)).wait();
    await (await receipts.revokeReceiptKey(revokedKey.address)).wait();
    // Some of what follows was served hours before.
    const compromisedSince = (await chain.now()) + 3 * HOUR_SECONDS;
    await chain.moveTo(compromisedSince + 60);
    await plant("revoked key", "window", [20], { receiptKey: revokedKey });
    await plant("compromised key", "window", [21], { receiptKey: compromisedKey });
    await plant("foreign key", "window", [22], { receiptKey: new Wallet(id("nobody's")) });
    await (
      await deployment.receipts.markCompromised(
        operator.owner.address,
        compromisedKey.address,
        compromisedSince,
      )
    ).wait();

    await plant("missing", "window", [23], { file: () => undefined });
    await plant("wrong", "window", [24, 25], {
      file: (file) => {
        const [first, ...others] = file.claims;
        assert.ok(first);
        const input = Buffer.from(first.opening.input, "base64url");
        input[7] = (input[7] ?? 0) ^ 1;
        const opening = { ...first.opening, input: input.toString("base64url") };
        return { ...file, claims: [{ ...first, opening }, ...others] };
      },
    });
    await plant("truth", "window", [26]);
    await plant("lie", "window", [26], { claims: { 0: { outputHash: otherOutput(batches.truth) } } });
    const outside = BigInt(await chain.now()) - 500n;
    await plant("outside", "window", [27, 28], { claims: { 1: { servedAt: outside } } });

    const rejected = await plant("rejected", "window", [29]);
    await (await settlement.challenge(...memberOf(rejected, 0), { value: CHALLENGE_BOND_WEI })).wait();
    await chain.moveTo((await chain.now()) + PROVE_WINDOW_SECONDS);
    const [claim] = rejected.claims;
    assert.ok(claim);
    await (await settlement.resolve(rejected.batchId, claim, 0, challenger.address)).wait();
    await (await deployment.settlement.connect(owner).resume(ZeroAddress)).wait();

    await plant("late", "window", [30], { servedAgoSeconds: 2 * HOUR_SECONDS, commitWithinSeconds: 60 });
    await plant("a little late", "window", [31], { servedAgoSeconds: 300, commitWithinSeconds: 60 });

    const enclaveKey = new Wallet(stack.enclaveKey);
    await enterEnclaveKey(chain, deployment, enclaveKey);
    const attested = await plant("attested", "enclave", [32]);
    const enclaveEvidence = lowerCase(await deployment.enclaveEvidence.getAddress());
    const enclaveDomain = { chainId: stack.domain.chainId, enclaveEvidence };
    const digest = batchAttestationDigest(enclaveDomain, attested.batchId, stack.modelId);
    await (await settlement.attestBatch(attested.header, signDigest(stack.enclaveKey as Hex, digest))).wait();
    const leakedAt = (await chain.now()) - 30;
    const enclaveKeyId = enclaveKeyIdOf(lowerCase(enclaveKey.address));
    await (await deployment.enclaveEvidence.markCompromised(enclaveKeyId, leakedAt)).wait();

    const proven = await plant("proven", "proof", [33]);
    const proof = await proofOf(proven, 0, challenger.address);
    await (
      await settlement.prove(...memberOf(proven, 0), EVIDENCE_KINDS.zk, challenger.address, proof)
    ).wait();

    const curator = localKey(CURATOR_ACCOUNT).connect(provider);
    const { manager } = deployment;
    const grant = manager.interface.encodeFunctionData("grantRole", [CURATOR_ROLE, curator.address, 0]);
    await (await manager.schedule(manager, grant, 0)).wait();
    await chain.moveTo((await chain.now()) + 2 * DAY_SECONDS);
    await (await manager.execute(manager, grant)).wait();
    const tokenless = deployment.policies.connect(curator);
    await (await tokenless.allowBondToken(await manager.getAddress())).wait();

    const script = '"><script>alert(1)</script>';
    await (await receipts.announce(owner.address, stack.policyIds.window, script)).wait();

    const at = stack.domain.settlement;
    const balance = await provider.getBalance(at);
    await provider.send("hardhat_setBalance", [at, `0x${(balance + 7n).toString(16)}`]);
    await chain.moveTo((await chain.now()) + CHALLENGE_WINDOW_SECONDS);
    report = await audit(options());
  });

  after(async () => {
    await (await getCurveFromName("bn128")).terminate();
    await stack?.chain.close();
  });

  const PLANTED: [FindingName, Finding["severity"], string | undefined][] = [
    ["data-missing", "medium", "missing"],
    ["data-wrong", "high", "wrong"],
    ["equivocation", "high", "lie"],
    ["lie-final", "critical", "lie"],
    ["claim-outside", "medium", "outside"],
    ["revoked-receipt-key", "high", "revoked key"],
    ["compromised-receipt-key", "high", "compromised key"],
    ["foreign-receipt-key", "high", "foreign key"],
    ["claim-rejected", "info", "rejected"],
    ["compromised-enclave-key", "high", "attested"],
    ["role-without-delay", "high", undefined],
    ["action-without-delay", "high", undefined],
    ["balance-unasked", "info", undefined],
  ];
  for (const [name, severity, batch] of PLANTED) {
    it(`finds ${name}, once and where it is`, () => {
      const found = report.findings.filter((finding) => finding.name === name);
      assert.equal(found.length, 1, JSON.stringify(found, null, 1));
      assert.equal(found[0]?.severity, severity);
      if (batch) assert.equal(found[0]?.about.batchId, batches[batch]?.batchId);
      if (name !== "balance-unasked") assert.match(found[0]?.tx ?? "", /^0x[0-9a-f]{64}$/);
      assert.ok(found[0]?.what && found[0].why);
    });
  }

  it("finds late-commit, worse where it can be reported", () => {
    const found = report.findings.filter(({ name }) => name === "late-commit");
    assert.deepEqual(
      found.map(({ severity, about }) => [severity, about.batchId]),
      [
        ["medium", batches.late?.batchId],
        ["low", batches["a little late"]?.batchId],
      ],
    );
  });

  it("finds nothing else than what was planted, and what the guardian did", () => {
    const planted = new Set<string>([...PLANTED.map(([name]) => name), "late-commit", "guardian-action"]);
    assert.deepEqual(
      report.findings.filter(({ name }) => !planted.has(name)),
      [],
    );
    assert.equal(report.verdict, "anomalies");
    assert.equal(report.claims.holds, true);
    assert.equal(report.claims.rejected, 1);
    assert.equal(report.claims.nowhere, 1);
    assert.equal(report.claims.unseen, 3);
    assert.deepEqual(report.data, { complete: 11, "root only": 0, missing: 1, wrong: 1, private: 0 });
  });

  it("explains ether that was forced in", () => {
    assert.equal(report.money[0]?.unaskedWei, 7n);
  });

  it("finds balance-short where the node says that a wei is missing", async () => {
    const found = await auditThrough((method, _, result) => {
      const isHeld = method === "eth_getBalance" && BigInt(String(result)) > 8n;
      return isHeld ? `0x${(BigInt(String(result)) - 8n).toString(16)}` : result;
    });
    assert.deepEqual(namesBeyond(report, found), ["balance-short"]);
  });

  it("finds verification-key-wrong where the node gives another key, and believes no proof by it", async () => {
    const selector = id("keyOf(bytes32)").slice(0, 10);
    const found = await auditThrough((method, params, result) => {
      const [call] = params as { data?: string }[];
      return method === "eth_call" && call?.data?.startsWith(selector)
        ? flipped(String(result), 400)
        : result;
    });
    assert.deepEqual(namesBeyond(report, found), ["evidence-unverifiable", "verification-key-wrong"]);
  });

  it("finds evidence-invalid where the node gives another proof", async () => {
    const [proven] = batches.proven?.claimIds ?? [];
    const found = await auditThrough((method, _, result) => {
      const transaction = result as { input?: string } | null;
      const isIt = method === "eth_getTransactionByHash" && (transaction?.input?.length ?? 0) > 2_000;
      // The last bytes are the point C.
      return isIt && transaction?.input
        ? { ...transaction, input: flipped(transaction.input, transaction.input.length - 4) }
        : result;
    });
    assert.deepEqual(namesBeyond(report, found), ["evidence-invalid"]);
    assert.equal(found.findings.find(({ name }) => name === "evidence-invalid")?.about.claimId, proven);
  });

  it("finds state-mismatch where the node keeps an event back", async () => {
    const topic = id("ClaimRejected(bytes32,bytes32,address,uint256,address,uint256,uint256,uint256)");
    const found = await auditThrough((method, _, result) =>
      method === "eth_getLogs"
        ? (result as { topics: string[] }[]).filter(({ topics }) => topics[0] !== topic)
        : result,
    );
    assert.ok(
      found.findings.some(({ name, severity }) => name === "state-mismatch" && severity === "critical"),
    );
  });

  it("ends with 75 when the chain is reorganised meanwhile", async () => {
    let isMoved = false;
    const lie: Lie = (method, _, result) => {
      // Money is what is read last.
      if (method === "eth_getBalance") isMoved = true;
      const isBlock = isMoved && method === "eth_getBlockByNumber";
      return isBlock ? { ...(result as object), hash: id("another branch") } : result;
    };
    await assert.rejects(auditThrough(lie), { name: "RelayerError", code: "MT-AUDIT-002" });
  });

  it("exits with 1, and writes JSON and a page that holds everything and runs nothing", async () => {
    const page = join(folder, "report.html");
    const { code, output } = await cli("--json", "--html", page);
    assert.equal(code, 1);
    const { findings } = JSON.parse(output) as AuditReport;
    assert.deepEqual(
      findings.map(({ name }) => name),
      report.findings.map(({ name }) => name),
    );
    const html = await readFile(page, "utf8");
    for (const [name] of PLANTED) assert.ok(html.includes(name), name);
    assert.match(html, /&#60;script&#62;alert\(1\)/);
    assert.match(html, /default-src 'none'/);
    assert.doesNotMatch(html, /<script|https?:\/\/|\son\w+=|url\(/i);
  });

  it("exits with 2 on bad input and with 75 where no node answers", async () => {
    assert.equal((await cli("--to", "yesterday")).code, 2);
    assert.equal((await cli("--data", join(folder, "nowhere"))).code, 2);
    assert.equal((await cli("--settlement", `0x${"42".repeat(20)}`)).code, 2);
    assert.equal((await cli("--rpc", "http://127.0.0.1:9/")).code, 75);
  });

  async function auditThrough(lie: Lie): Promise<AuditReport> {
    const node = await startLyingNode(stack.chain.url, lie);
    try {
      return await audit({ ...options(), rpcUrl: node.url, at: report.chain.block });
    } finally {
      node.close();
    }
  }

  async function cli(...flags: string[]): Promise<{ code: number; output: string }> {
    const { rpcUrl, settlement } = options();
    const usual = ["--rpc", rpcUrl, "--settlement", settlement, "--data", folder];
    const child = spawn(process.execPath, [BIN, "audit", ...usual, ...flags], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    const [output, code] = await Promise.all([
      text(child.stdout),
      new Promise<number>((resolve) => child.once("exit", (code) => resolve(code ?? -1))),
    ]);
    return { code, output };
  }
});

function namesBeyond(before: AuditReport, found: AuditReport): string[] {
  const known = new Set(before.findings.map(({ name }) => name));
  return [...new Set(found.findings.map(({ name }) => name))].filter((name) => !known.has(name)).sort();
}

function otherOutput(batch: Published | undefined): Hex {
  const outputHash = BigInt(batch?.claims[0]?.outputHash ?? 0n);
  return `0x${((outputHash + 1n) % 10n).toString(16).padStart(64, "0")}`;
}

function flipped(hex: string, at: number): string {
  const digit = (Number.parseInt(hex[at] ?? "0", 16) ^ 1).toString(16);
  return `${hex.slice(0, at)}${digit}${hex.slice(at + 1)}`;
}
