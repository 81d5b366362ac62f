// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Hex, ZERO_ADDRESS } from "@meantime/sdk/hex";
import { type ModelSpec, parseModelSpec } from "@meantime/sdk/model";
import { requestId as requestIdOf } from "@meantime/sdk/request";
import { STATUS } from "@meantime/sdk/status";
import { type IndexerConfig, loadIndexerConfig } from "../../relayer/src/config/indexer.ts";
import { replayIndex } from "../../relayer/src/indexer/replay.ts";
import { type RunningIndexer, startIndexer } from "../../relayer/src/indexer/standalone.ts";
import { addressesOf } from "../../scripts/chain/deployment.ts";
import { digitModelUrl } from "../../scripts/chain/models.ts";
import { type LocalStack, startLocalStack } from "../../scripts/stack/local.ts";
import { enrolOperator, localOperator, lowerCase } from "../../scripts/stack/operators.ts";
import { CHALLENGE_BOND_WEI, PROVE_WINDOW_SECONDS } from "../../scripts/stack/policies.ts";
import { DishonestOperator, type MadeBatch, proofOf } from "./dishonest-operator.ts";
import { askIndex, type ClaimAnswer, type ListAnswer, untilIndexed } from "./index-client.ts";
import { eventually, freshFolder, silentLogger } from "./local-relayer.ts";

const LIAR_ACCOUNT = 6;
const LIAR_STAKE_WEI = 10n ** 18n;
const DAY_SECONDS = 86_400;
const WAIT_SECONDS = 90;

interface BatchAnswer {
  batchId: Hex;
  dataState: string;
  dataError?: string;
  committed: { block: number };
}

describe("an index alone", () => {
  let stack: LocalStack;
  let liar: DishonestOperator;
  let indexer: RunningIndexer;
  const operator = localOperator(LIAR_ACCOUNT);

  before(async () => {
    stack = await startLocalStack();
    const spec: ModelSpec = parseModelSpec(JSON.parse(await readFile(digitModelUrl("spec"), "utf8")));
    await enrolOperator(stack, operator, LIAR_STAKE_WEI);
    liar = await DishonestOperator.start(stack, operator, spec);
    indexer = await startIndexer(await indexConfig(), silentLogger);
  });

  after(async () => {
    await indexer?.stop();
    await liar?.stop();
    await stack?.chain.close();
  });

  async function indexConfig(): Promise<IndexerConfig> {
    const { deployment, chain } = stack;
    const flags = {
      rpcUrls: [chain.url],
      settlement: await deployment.settlement.getAddress(),
      inferenceRequests: await deployment.requests.getAddress(),
      port: 0,
      ledger: join(await freshFolder(), "index.sqlite"),
    };
    const config = await loadIndexerConfig(undefined, flags, async () => 31337, {});
    Object.assign(config.chain, { pollMilliseconds: 50 });
    return config;
  }

  function untilBatch(url: string, { batchId }: Pick<MadeBatch, "batchId">, dataState: string) {
    return eventually(
      `the data of ${batchId} to be ${dataState}`,
      async () => {
        const response = await fetch(new URL(`/index/v1/batches/${batchId}`, url));
        if (response.status !== 200) return undefined;
        const batch = (await response.json()) as BatchAnswer;
        return batch.dataState === dataState ? batch : undefined;
      },
      WAIT_SECONDS,
    );
  }

  const statusOf = async (claimId: Hex) =>
    (await askIndex<ClaimAnswer>(indexer.url, `claims/${claimId}`)).status;

  it("refuses as the gateway does", async () => {
    const response = await fetch(`${indexer.url}/v1/nothing`);
    assert.equal(response.status, 404);
    const { error } = (await response.json()) as { error: Record<string, unknown> };
    assert.equal(error.code, "MT-GW-012");
    assert.equal(error.type, "not_found_error");
    assert.equal(error.param, null);
  });

  it("believes no data but what was committed, and takes that whenever it comes", async () => {
    const [truth, other] = [await liar.claim(21, 0), await liar.claim(22, 0)];
    const batch = await liar.commit([truth], false);
    await untilBatch(indexer.url, batch, "withheld");
    liar.show(batch, [other]);
    await untilBatch(indexer.url, batch, "mismatch");
    for (const { receipt } of [truth, other]) {
      const response = await fetch(new URL(`/index/v1/claims/${receipt.claimId}`, indexer.url));
      assert.equal(response.status, 404);
    }
    const claims = await askIndex<ListAnswer<ClaimAnswer>>(indexer.url, `batches/${batch.batchId}/claims`);
    assert.deepEqual(claims.items, []);
    // The chain says that there is a claim, and that it is open, whatever its data.
    const gap = await askIndex<{ open: { claims: number } }>(indexer.url, "gap");
    assert.equal(gap.open.claims, 1);
    const opening = { ...truth.opening, input: truth.opening.input.map((element) => element ^ 1) };
    liar.show(batch, [{ ...truth, opening }]);
    await untilBatch(indexer.url, batch, "mismatch");
    liar.show(batch, [truth]);
    await untilBatch(indexer.url, batch, "complete");
    assert.equal(await statusOf(truth.receipt.claimId), "Committed");
  });

  it("follows nobody's address into its own network unless it is told to", async () => {
    const config = await indexConfig();
    Object.assign(config.index, { allowPrivateAddresses: false });
    const strict = await startIndexer(config, silentLogger);
    try {
      const batch = await liar.commit([await liar.claim(23, 0)]);
      const seen = await untilBatch(strict.url, batch, "withheld");
      assert.equal(seen.dataError, "MT-WATCH-008");
      await untilBatch(indexer.url, batch, "complete");
    } finally {
      await strict.stop();
    }
  });

  it("shows a challenge, its end, and what it cost", async () => {
    const { settlement } = stack.deployment;
    const lie = await liar.commit([await liar.claim(24, 1), await liar.claim(25, 0)]);
    const claim = lie.claims[0]?.receipt;
    assert.ok(claim);
    const proof = proofOf(lie, 0, stack);
    const { header } = lie;
    const challenger = operator.challenger.connect(stack.chain.connection.ethers.provider);
    const asStranger = settlement.connect(challenger);
    await (await asStranger.challenge(header, claim.claim, 0, proof, { value: CHALLENGE_BOND_WEI })).wait();
    await untilIndexed(indexer.url, claim.claimId, "Challenged");
    const { items } = await askIndex<ListAnswer<{ claimId: Hex; outcome: string; opener: string }>>(
      indexer.url,
      "challenges",
    );
    assert.deepEqual(
      items.map(({ claimId, outcome, opener }) => [claimId, outcome, opener]),
      [[claim.claimId, "open", challenger.address.toLowerCase()]],
    );
    await stack.chain.moveTo((await stack.chain.now()) + PROVE_WINDOW_SECONDS + 60);
    await (await asStranger.resolve(lie.batchId, claim.claim, 0, challenger.address)).wait();
    const rejected = await untilIndexed(indexer.url, claim.claimId, "Rejected");
    assert.deepEqual(
      rejected.timeline.map(({ what }) => what),
      ["served", "committed", "challenged", "rejected"],
    );
    assert.equal(Number(await settlement.statusOf(header, claim.claim, 0, proof)), STATUS.Rejected);
    const owner = operator.owner.connect(stack.chain.connection.ethers.provider);
    await (await settlement.connect(owner).resume(ZERO_ADDRESS)).wait();
    const account = await settlement.operatorOf(header.operator, ZERO_ADDRESS);
    await eventually("the stake to be what is left", async () => {
      const { byOperator } = await askIndex<{ byOperator: { operator: string; stakeWei: string }[] }>(
        indexer.url,
        "gap",
      );
      const row = byOperator.find((each) => each.operator === header.operator);
      return row?.stakeWei === account.stakeWei.toString() ? true : undefined;
    });
  });

  it("shows a request of a contract's from the asking to its end", async () => {
    const { requests } = stack.deployment;
    const [asker] = await stack.chain.connection.ethers.getSigners();
    assert.ok(asker);
    const expiresAt = BigInt((await stack.chain.now()) + DAY_SECONDS);
    const request = {
      ...{ requester: lowerCase(asker.address), modelId: stack.modelId, policyId: stack.policyIds.window },
      ...{ operator: ZERO_ADDRESS, inputHash: `0x${"12".repeat(32)}` as Hex, feeWei: 7n },
      ...{ minStatus: STATUS.Committed, expiresAt, callbackGasLimit: 0, nonce: 1n },
    };
    await (await requests.connect(asker).request(request, "0x1234", { value: 7n })).wait();
    const domain = { chainId: 31337n, requests: lowerCase(await requests.getAddress()) };
    const id = requestIdOf(domain, request);
    const state = (wanted: string) =>
      eventually(`the request to be ${wanted}`, async () => {
        const response = await fetch(new URL(`/index/v1/requests/${id}`, indexer.url));
        if (response.status !== 200) return undefined;
        const shown = (await response.json()) as { state: string; input: Hex; feeWei: string };
        return shown.state === wanted ? shown : undefined;
      });
    const { input, feeWei } = await state("Open");
    assert.deepEqual([input, feeWei], ["0x1234", "7"]);
    await stack.chain.moveTo(Number(expiresAt));
    await (await requests.connect(asker).expire(request)).wait();
    await state("Expired");
  });

  it("has every event of every contract, as the chain has it, and no other", async () => {
    const { provider } = stack.chain.connection.ethers;
    const addresses = await addressesOf(stack.deployment);
    // They emit nothing that is about claims: documents of enclaves' makers, and views.
    const { nitroVerifier, intelCollateral, intelVerifier, erc8274Verifier, lens, ...followed } = addresses;
    void [nitroVerifier, intelCollateral, intelVerifier, erc8274Verifier, lens];
    const logs = await provider.send("eth_getLogs", [
      { fromBlock: "0x0", toBlock: "latest", address: Object.values(followed) },
    ]);
    const onChain = (logs as { blockNumber: Hex; logIndex: Hex; address: Hex }[])
      .map((log) => `${Number(log.blockNumber)}:${Number(log.logIndex)}:${log.address.toLowerCase()}`)
      .reverse();
    const indexed: { block: number; logIndex: number; address: string; contract: string }[] = [];
    for (let cursor = ""; ; ) {
      const page: ListAnswer<(typeof indexed)[number]> = await askIndex(
        indexer.url,
        `events?limit=50${cursor}`,
      );
      indexed.push(...page.items);
      if (page.nextCursor === null) break;
      cursor = `&cursor=${page.nextCursor}`;
    }
    assert.deepEqual(
      indexed.map(({ block, logIndex, address }) => `${block}:${logIndex}:${address}`),
      onChain,
    );
    const contracts = new Set(indexed.map(({ contract }) => contract));
    for (const name of [
      "AccessManager",
      "PolicyRegistry",
      "ModelRegistry",
      "EnclaveEvidence",
      "InferenceRequests",
    ])
      assert.ok(contracts.has(name), name);
    // What the administrator did.
    const granted = await askIndex<ListAnswer<{ contract: string }>>(indexer.url, "events?name=RoleGranted");
    assert.ok(
      granted.items.length > 0 && granted.items.every(({ contract }) => contract === "AccessManager"),
    );
  });

  it("follows the chain onto another branch, tells listeners, and keeps nothing of the old one", async () => {
    const { provider } = stack.chain.connection.ethers;
    const snapshot: unknown = await provider.send("evm_snapshot", []);
    const gone = await liar.commit([await liar.claim(31, 0)]);
    await untilBatch(indexer.url, gone, "complete");
    const claimId = gone.claims[0]?.receipt.claimId ?? "0x";
    assert.equal(await statusOf(claimId), "Committed");
    const stream = await fetch(new URL("/index/v1/stream", indexer.url));
    const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
    await provider.send("evm_revert", [snapshot]);
    await provider.send("hardhat_mine", ["0x3"]);
    let heard = "";
    while (!/event: reorg\r?\ndata: \{"fromBlock":\d+\}/.test(heard)) {
      const { value, done } = (await reader?.read()) ?? { done: true, value: undefined };
      assert.ok(!done, heard);
      heard += value;
    }
    await reader?.cancel();
    for (const path of [`batches/${gone.batchId}`, `claims/${claimId}`]) {
      assert.equal((await fetch(new URL(`/index/v1/${path}`, indexer.url))).status, 404, path);
    }
    await (
      await stack.deployment.settlement.connect(operator.sender.connect(provider)).commit(gone.header)
    ).wait();
    const again = await untilBatch(indexer.url, gone, "complete");
    assert.equal(again.committed.block, await provider.getBlockNumber());
  });

  it("derives from its events alone what it has derived as they came", async () => {
    const tables = () =>
      Promise.all(
        (["index_batches", "index_leaves", "index_operators"] as const).map((table) =>
          indexer.ledger
            .selectFrom(table)
            .selectAll()
            .orderBy(table === "index_operators" ? "operator" : "ordinal")
            .execute(),
        ),
      );
    const before = await tables();
    assert.ok(before.every((rows) => rows.length > 0));
    await replayIndex(indexer.ledger);
    assert.deepEqual(await tables(), before);
  });

  it("serves the page, says whether it keeps up, and is measured", async () => {
    const at = (path: string) => fetch(new URL(path, indexer.url));
    assert.match(await (await at("/")).text(), /<title>/);
    assert.equal((await at("/readyz")).status, 200);
    const root = await askIndex<{ synced: boolean; chainId: number; sources: object[] }>(indexer.url, "");
    assert.deepEqual([root.synced, root.chainId], [true, 31337]);
    assert.ok(root.sources.length >= 7);
    const metrics = await (await at("/metrics")).text();
    assert.match(metrics, /^meantime_index_batches\{state="complete"\} [1-9]/m);
    assert.match(metrics, /^meantime_index_lag_blocks 0$/m);
  });

  it("ends its streams when it stops, and waits for none of their readers", async () => {
    const stream = await fetch(new URL("/index/v1/stream", indexer.url));
    const [text] = await Promise.all([stream.text(), indexer.stop()]);
    assert.match(text, /^event: head/m);
  });
});
