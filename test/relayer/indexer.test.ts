// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { batchId, leafHash, parseBatchHeader } from "@meantime/sdk/batch";
import { claimId as claimIdOf, parseClaim } from "@meantime/sdk/claim";
import { type Hex, ZERO_ADDRESS } from "@meantime/sdk/hex";
import { verifyMerkleProof } from "@meantime/sdk/merkle";
import { parseReceipt, receiptSigner } from "@meantime/sdk/receipt";
import { STATUS } from "@meantime/sdk/status";
import { type RunningRelayer, startRelayer } from "../../relayer/src/relayer.ts";
import { type LocalStack, startLocalStack } from "../../scripts/stack/local.ts";
import { CLAIM_BOND_WEI } from "../../scripts/stack/policies.ts";
import { askIndex, type ClaimAnswer, type ListAnswer, untilIndexed } from "./index-client.ts";
import { askFor, eventually, localConfig, REQUESTER, silentLogger } from "./local-relayer.ts";

describe("the index of a relayer", () => {
  let stack: LocalStack;
  let relayer: RunningRelayer;
  const ids: Record<string, Hex> = {};

  before(async () => {
    stack = await startLocalStack();
    relayer = await startRelayer(
      await localConfig(stack, ({ commit }) => Object.assign(commit, { maxAgeSeconds: 1 })),
      { logger: silentLogger },
    );
    for (const policy of ["window", "enclave", "proof"]) ids[policy] = await askFor(relayer.url, 1, policy);
    for (const [policy, status] of [
      ["window", "Committed"],
      ["enclave", "Final"],
      ["proof", "Final"],
    ] as const) {
      await untilIndexed(relayer.url, ids[policy] ?? "0x", status);
    }
  });

  after(async () => {
    await relayer?.stop();
    await stack?.chain.close();
  });

  it("shows a claim with all that its reader needs to check it", async () => {
    const claimId = ids.window ?? "0x";
    const shown = await askIndex<ClaimAnswer>(relayer.url, `claims/${claimId}`);
    const claim = parseClaim(shown.claim);
    const header = parseBatchHeader(shown.header);
    assert.equal(claimIdOf(stack.domain, claim), claimId);
    assert.equal(batchId(stack.domain, header), shown.batchId);
    const { root, count } = header;
    const { index, proof } = shown;
    assert.ok(verifyMerkleProof({ root, count, index, leaf: leafHash(index, claimId), proof }));
    const signer = receiptSigner(parseReceipt(shown.receipt), stack.domain);
    assert.equal(signer, stack.operator.receiptKey.address.toLowerCase());
    assert.equal(Buffer.from(shown.opening?.input ?? "", "base64url").length, 196);
    const onChain = await stack.deployment.settlement.statusOf(header, claim, index, proof);
    assert.equal(Number(onChain), STATUS.Committed);
    assert.equal(shown.status, "Committed");
    assert.deepEqual(
      shown.timeline.map(({ what }) => what),
      ["served", "committed"],
    );
  });

  it("tells of every kind of evidence which transaction brought it", async () => {
    const proven = await askIndex<ClaimAnswer>(relayer.url, `claims/${ids.proof}`);
    assert.deepEqual(
      proven.evidence.map(({ kind }) => kind),
      ["zk"],
    );
    assert.deepEqual(
      proven.timeline.map(({ what }) => what),
      ["served", "committed", "proven", "final"],
    );
    assert.equal(proven.status, "Final");
    const attested = await askIndex<ClaimAnswer>(relayer.url, `claims/${ids.enclave}`);
    assert.deepEqual(
      attested.evidence.map(({ kind }) => kind),
      ["tee-batch"],
    );
    const [evidence] = attested.evidence;
    const receipt = await stack.chain.connection.ethers.provider.getTransactionReceipt(evidence?.tx ?? "");
    assert.equal(receipt?.blockNumber, evidence?.block);
  });

  it("lists claims by what they are, and no others", async () => {
    const list = async (query: string) =>
      (await askIndex<ListAnswer<ClaimAnswer>>(relayer.url, `claims?${query}`)).items
        .map(({ claimId }) => claimId)
        .sort();
    const all = Object.values(ids).sort();
    assert.deepEqual(await list(""), all);
    assert.deepEqual(await list(`requester=${REQUESTER}`), all);
    assert.deepEqual(await list(`operator=${stack.operator.owner.address}`), all);
    assert.deepEqual(await list(`operator=${REQUESTER}`), []);
    assert.deepEqual(await list(`model=${stack.modelId}`), all);
    assert.deepEqual(await list(`policy=${stack.policyIds.proof}`), [ids.proof]);
    assert.deepEqual(await list("status=Committed"), [ids.window]);
    assert.deepEqual(await list("status=Final"), [ids.enclave, ids.proof].sort());
    assert.deepEqual(await list("status=Rejected"), []);
    assert.deepEqual(await list(`status=Final&policy=${stack.policyIds.proof}`), [ids.proof]);
  });

  it("knows the gap: what is open, and the stake behind it", async () => {
    const gap = await eventually("the operator's latest account", async () => {
      const answer = await askIndex<{
        open: { claims: number; exposure: { token: string; wei: string; stakeWei: string }[] };
        byStatus: Record<string, number>;
        byOperator: { operator: string; openClaims: number; lockedWei: string; stakeWei: string }[];
      }>(relayer.url, "gap");
      const { stakeWei, lockedWei } = await stack.deployment.settlement.operatorOf(
        stack.operator.owner.address,
        ZERO_ADDRESS,
      );
      const [shown] = answer.byOperator;
      const isLatest = shown?.stakeWei === stakeWei.toString() && shown.lockedWei === lockedWei.toString();
      return isLatest ? answer : undefined;
    });
    assert.equal(gap.open.claims, 1);
    assert.equal(gap.open.exposure[0]?.wei, CLAIM_BOND_WEI.toString());
    assert.equal(gap.byStatus.Committed, 1);
    assert.equal(gap.byStatus.Final, 2);
  });

  it("finds models, policies and operators that were registered before it looked", async () => {
    const models = await eventually("the registry's events", async () => {
      const { items } = await askIndex<ListAnswer<{ modelId: Hex; name: string; claims: number }>>(
        relayer.url,
        "models",
      );
      return items.length > 0 ? items : undefined;
    });
    assert.equal(models[0]?.modelId, stack.modelId);
    assert.equal(models[0]?.claims, 3);
    const policies = await askIndex<ListAnswer<{ policyId: Hex }>>(relayer.url, "policies");
    assert.deepEqual(
      policies.items.map(({ policyId }) => policyId).sort(),
      Object.values(stack.policyIds).sort(),
    );
    const { items } = await askIndex<ListAnswer<{ operator: string; endpoint: string }>>(
      relayer.url,
      "operators",
    );
    assert.deepEqual(
      items.map(({ operator }) => operator),
      [stack.operator.owner.address.toLowerCase()],
    );
    assert.equal(items[0]?.endpoint, relayer.url);
  });
});
