// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type BatchHeader, batchHeaderToJson, batchId, leafHash } from "@meantime/sdk/batch";
import { type Claim, claimId, claimToJson } from "@meantime/sdk/claim";
import { type Hex, ZERO_ADDRESS, ZERO_HASH } from "@meantime/sdk/hex";
import { buildMerkleTree } from "@meantime/sdk/merkle";
import type { Policy } from "@meantime/sdk/policy";
import { signReceipt } from "@meantime/sdk/receipt";
import { addressOf } from "@meantime/sdk/signature";
import { id } from "ethers";
import { createFindings } from "../../relayer/src/audit/findings.ts";
import { countSeconds } from "../../relayer/src/audit/gaps.ts";
import { html } from "../../relayer/src/audit/html/escape.ts";
import { auditPublished } from "../../relayer/src/audit/published.ts";
import type { LeafRecord } from "../../relayer/src/audit/record.ts";
import { createRequestIndex } from "../../relayer/src/audit/request-index.ts";
import { standingOf } from "../../relayer/src/audit/standing.ts";
import { randomAddress, randomClaim, randomWord, testDomain } from "../sdk/samples.ts";

const PLACE = { blockNumber: 1, blockTime: 1_000, txHash: ZERO_HASH };

describe("Parts of an audit", () => {
  it("rank seconds exactly: the smallest value that the share does not exceed", () => {
    const seconds = countSeconds();
    assert.equal(seconds.percentiles(), null);
    for (let value = 200; value >= 1; value--) seconds.add(value % 100);
    assert.deepEqual(seconds.percentiles(), { p50: 49, p95: 94, p99: 98 });
    assert.equal(seconds.count, 200);
  });

  it("find a second answer among thousands of requests, and call no repeated one so", () => {
    const requests = createRequestIndex();
    const claims = Array.from({ length: 20_000 }, (_, at) => ({
      ...randomClaim(),
      requestId: `0x${at.toString(16).padStart(64, "0")}` as Hex,
    }));
    for (const [index, claim] of claims.entries()) {
      assert.equal(requests.note(claim, { batch: Math.floor(index / 100), index: index % 100 }), undefined);
    }
    const [first, last] = [claims[0] as Claim, claims[19_999] as Claim];
    const at = { batch: 500, index: 0 };
    assert.equal(requests.note({ ...first, commitBy: first.commitBy + 1n }, at), undefined);
    assert.deepEqual(requests.note({ ...last, outputHash: randomWord() }, at), { batch: 199, index: 99 });
    assert.deepEqual(requests.note({ ...first, outputHash: randomWord() }, at), { batch: 0, index: 0 });
    assert.equal(
      requests.note({ ...first, requester: randomAddress(), outputHash: randomWord() }, at),
      undefined,
    );
  });

  it("write nothing into a page that is not escaped", () => {
    const { markup } =
      html`<p title="${'"><script>'}">${"<img src=x onerror='y'> & more"}${[1, html`<b>ok</b>`]}</p>`;
    assert.equal(
      markup,
      '<p title="&#34;&#62;&#60;script&#62;">&#60;img src=x onerror=&#39;y&#39;&#62; &#38; more1<b>ok</b></p>',
    );
  });

  it("keep the worst findings first, so many of a name, and count all", () => {
    const findings = createFindings();
    for (let count = 0; count < 600; count++) findings.add("late-commit", `claim ${count}`, PLACE);
    findings.add("lie-final", "a lie", { ...PLACE, blockNumber: 9 });
    const sorted = findings.sorted();
    assert.equal(sorted[0]?.name, "lie-final");
    assert.equal(sorted.length, 501);
    assert.equal(findings.counts()["late-commit"]?.count, 600);
    assert.equal(findings.verdict(), "anomalies");
  });

  it("call nothing clean that could not be checked, and no anomaly either", () => {
    const findings = createFindings();
    findings.add("balance-unasked", "a gift", PLACE);
    assert.equal(findings.verdict(), "clean");
    findings.add("attestation-unverifiable", "a quote", PLACE);
    assert.equal(findings.verdict(), "cannot tell");
    findings.add("late-commit", "late", PLACE, {}, "low");
    assert.equal(findings.verdict(), "anomalies");
  });

  it("derive a claim's standing as the contracts do", () => {
    const batch = {
      ...{ batchId: ZERO_HASH, header: {} as BatchHeader, committed: PLACE, finalAt: 2_000, heldUntil: 0 },
      ...{ disputed: 0, rejected: 0, leaves: new Map() },
    };
    const leaf = (change: Partial<LeafRecord>): LeafRecord => ({
      ...{ state: "Quiet", kinds: 0, evidence: [], deadline: 0, changedAt: 0, ...change },
    });
    const proof = { kind: 1, at: 1_500, source: 0, place: PLACE };
    const cases: [LeafRecord | undefined, number, number, string, string, number?][] = [
      [undefined, 0, 1_999, "Committed", "clock"],
      [undefined, 0, 2_000, "Final", "clock", 2_000],
      [leaf({ kinds: 1, evidence: [proof] }), 0, 1_999, "Proven", "proof"],
      [leaf({ kinds: 1, evidence: [proof], changedAt: 1_500 }), 3, 1_600, "Final", "proof", 1_500],
      [leaf({ kinds: 4, evidence: [{ ...proof, kind: 4 }] }), 0, 1_600, "Attested", "committee"],
      [leaf({ state: "Challenged", deadline: 3_000 }), 0, 2_500, "Challenged", "clock"],
      [leaf({ state: "Revealed", deadline: 2_400 }), 0, 2_300, "Committed", "clock"],
      [leaf({ state: "Revealed", deadline: 2_400 }), 0, 2_400, "Final", "clock", 2_400],
      [leaf({ state: "Rejected" }), 0, 9_000, "Rejected", "clock"],
      [leaf({ state: "Voided" }), 0, 9_000, "Voided", "clock"],
      [
        leaf({ state: "Answered", kinds: 1, evidence: [{ ...proof, at: 2_700 }], changedAt: 2_700 }),
        ...([0, 3_000, "Final", "clock", 2_700] as const),
      ],
    ];
    for (const [one, rule, now, status, by, finalAt] of cases) {
      const standing = standingOf(batch, one, { rule }, now);
      assert.deepEqual([standing.status, standing.by, standing.finalAt], [status, by, finalAt]);
    }
  });

  it("look at published batches without a chain: data, keys, promises and second answers", async () => {
    const key = id("receipt key") as Hex;
    const policy = { publicData: false, challengeWindowSeconds: 60, bondToken: ZERO_ADDRESS } as Policy;
    const operator = randomAddress();
    const base = { ...randomClaim(), operator };
    const claims = [1, 2, 3].map((at) => ({
      ...base,
      requestId: `0x${String(at).padStart(64, "0")}` as Hex,
    }));
    const second = [{ ...base, requestId: claims[1]?.requestId ?? ZERO_HASH, outputHash: randomWord() }];
    const files = new Map<Hex, string>();
    const batches = [claims, second].map((all, nonce) => {
      const ids = all.map((claim) => claimId(testDomain, claim));
      const header: BatchHeader = {
        ...{
          operator,
          policyId: base.policyId,
          modelId: base.modelId,
          dataRoot: ZERO_HASH,
          count: all.length,
        },
        root: buildMerkleTree(ids.map((one, index) => leafHash(index, one))).root,
        ...{ oldestServedAt: base.servedAt, nonce: BigInt(nonce) },
      };
      const signed = all.map((claim) => signReceipt(key, claim, testDomain));
      const json = signed.map(({ claim, signature }) => ({ claim: claimToJson(claim), signature }));
      files.set(
        batchId(testDomain, header),
        JSON.stringify({ header: batchHeaderToJson(header), claims: json }),
      );
      return { header, committedAt: Number(base.servedAt) + 5 };
    });
    const look = (operatorKey: Hex) =>
      auditPublished({
        ...{
          domain: testDomain,
          nowSeconds: Number(base.servedAt) + 1_000,
          modelIds: [base.modelId],
          batches,
        },
        ...{ policies: [{ id: base.policyId, policy }], receiptKeys: [{ operator, key: operatorKey }] },
        read: async (batch) => files.get(batch) ?? "",
      });
    const { counted, findings } = await look(addressOf(key));
    assert.deepEqual(
      findings.map(({ name }) => name),
      ["equivocation"],
    );
    assert.equal(counted.counts.final, 4);
    assert.equal(counted.data["root only"], 2);
    const foreign = await look(randomAddress());
    assert.equal(foreign.counted.receipts.invalid, 4);
  });
});
