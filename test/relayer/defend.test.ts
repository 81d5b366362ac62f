// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, it } from "node:test";
import type { BatchHeader } from "@meantime/sdk/batch";
import { type ClaimReport, getClaim, getReceipt } from "@meantime/sdk/client";
import { commitLabel } from "@meantime/sdk/commitment";
import { enclaveKeyIdOf } from "@meantime/sdk/enclave-keys";
import { encodeVerificationKey, verificationKeyId } from "@meantime/sdk/groth16";
import { type Hex, ZERO_ADDRESS, ZERO_HASH } from "@meantime/sdk/hex";
import { EVIDENCE_KINDS, type Policy } from "@meantime/sdk/policy";
import { type Receipt, signReceipt } from "@meantime/sdk/receipt";
import { addressOf } from "@meantime/sdk/signature";
import { toBeHex, Wallet } from "ethers";
import { bindContracts } from "../../relayer/src/chain/contracts.ts";
import { connectRpc } from "../../relayer/src/chain/rpc.ts";
import type { RelayerConfig } from "../../relayer/src/config/load.ts";
import { type RunningRelayer, startRelayer } from "../../relayer/src/relayer.ts";
import { createPredicates } from "../../relayer/src/tx/predicates.ts";
import { digitModelUrl } from "../../scripts/chain/models.ts";
import { type LocalStack, startLocalStack } from "../../scripts/stack/local.ts";
import {
  enrolOperator,
  enterEnclaveKey,
  type LocalOperator,
  localKey,
  localOperator,
  lowerCase,
} from "../../scripts/stack/operators.ts";
import { CHALLENGE_BOND_WEI } from "../../scripts/stack/policies.ts";
import { forgeProof, trapdoorOf } from "../contracts/forgery.ts";
import {
  askFor,
  eventually,
  localConfig,
  postInfer,
  REQUESTER,
  registerVariant,
  sampleInput,
  silentLogger,
  untilStatus,
} from "./local-relayer.ts";

const OPERATOR_ACCOUNT = 6;
const STRANGER_ACCOUNT = 13;
const OTHER_ENCLAVE_ACCOUNT = 14;
const INPUT_HASH = 1_234n;
const WORD_BYTES = 32;
const GRACE_SECONDS = 3_600;
const OMISSION_REFUTED = 2n;
const BOND = { value: CHALLENGE_BOND_WEI };

describe("an operator defends itself", () => {
  let stack: LocalStack;
  let operator: LocalOperator;
  let stranger: ReturnType<Wallet["connect"]>;

  before(async () => {
    stack = await startLocalStack();
    operator = localOperator(OPERATOR_ACCOUNT);
    await enrolOperator(stack, operator, 10n ** 18n);
    stranger = localKey(STRANGER_ACCOUNT).connect(stack.chain.connection.ethers.provider);
  });

  after(async () => {
    await stack?.chain.close();
  });

  it("reveals a claim that somebody demands to see, with its opening, and wins the bond", async () => {
    await running(async ({ url }) => {
      const claimIds = [await askFor(url, 1, "window"), await askFor(url, 2, "window")];
      const reports = [];
      for (const claimId of claimIds) reports.push(await untilStatus(stack, url, claimId, "Committed"));
      const { claim, batch } = at(reports, 1);
      assert.ok(batch);
      const creditBeforeWei = await creditOf(stack.deployment.settlement);
      await demand(batch.header, batch.index);
      const revealed = await eventually("the claim to be revealed", () => revealedLeaf(batch));
      assert.deepEqual([...Buffer.from(revealed.opening.input.slice(2), "hex")], sampleInput(2));
      assert.equal(BigInt(revealed.opening.output), BigInt(claim.outputHash));
      assert.equal((await creditOf(stack.deployment.settlement)) - creditBeforeWei, CHALLENGE_BOND_WEI);
      const after = await untilStatus(stack, url, at(claimIds, 1), "Committed");
      const { timeline } = (await (await fetch(new URL(`/v1/claims/${after.claimId}`, url))).json()) as {
        timeline: { finalAt: number };
      };
      assert.equal(BigInt(timeline.finalAt), revealed.finalAt);
    });
  });

  it("shows nothing of a batch under private data but the claim that is demanded", async () => {
    const privately = await servingUnder("private", { publicData: false });
    await running(async ({ url }) => {
      const claimId = await askFor(url, 3, "private");
      const { batch } = await untilStatus(stack, url, claimId, "Committed");
      assert.ok(batch);
      assert.equal(batch.header.dataRoot, ZERO_HASH);
      const shown = [`/v1/receipts/${claimId}`, `/v1/batches/${batch.batchId}`];
      for (const path of shown)
        assert.doesNotMatch(await (await fetch(new URL(path, url))).text(), /opening|salt/);
      await demand(batch.header, batch.index);
      const revealed = await eventually("the claim to be revealed", () => revealedLeaf(batch));
      const { input, salt, output } = revealed.opening;
      assert.deepEqual([input, salt, output], ["0x", ZERO_HASH, "0x"]);
    }, privately);
  });

  it("shows where a claim is that was reported as omitted, and wins the reporter's bond", async () => {
    await running(async ({ url }) => {
      const claimId = await askFor(url, 4, "window");
      await untilStatus(stack, url, claimId, "Committed");
      const { claim, signature } = await getReceipt({ baseUrl: url }, claimId);
      await stack.chain.moveTo(Number(claim.commitBy) + GRACE_SECONDS + 1);
      const { receipts } = stack.deployment;
      await (await receipts.connect(stranger).reportOmission(claim, signature, BOND)).wait();
      await eventually("the report to be refuted", async () =>
        (await receipts.omissionOf(claimId)).state === OMISSION_REFUTED ? true : undefined,
      );
      assert.equal(await creditOf(receipts), CHALLENGE_BOND_WEI);
      const status = await eventually("the relayer to see it", async () => {
        const { obligations } = await statusOf(url);
        return obligations.omissionsToRefute === 0 ? obligations : undefined;
      });
      assert.equal(status.demandsToReveal, 0);
    });
  });

  it("says once that a report of omission is right, and does not send what would fail", async () => {
    const lines: unknown[] = [];
    const logger = Object.assign(Object.create(silentLogger), {
      error: (line: unknown) => lines.push(line),
      child: () => logger,
    });
    await running(
      async ({ url, ledger }) => {
        const { claim } = await getReceipt({ baseUrl: url }, await askFor(url, 5, "window"));
        const lost = { ...claim, requestId: `0x${"77".repeat(32)}` as Hex };
        const receipt = signReceipt(operator.receiptKey.privateKey as Hex, lost, stack.domain);
        await stack.chain.moveTo(Number(claim.commitBy) + GRACE_SECONDS + 1);
        const { receipts } = stack.deployment;
        await (await receipts.connect(stranger).reportOmission(lost, receipt.signature, BOND)).wait();
        const isReported = () => lines.some((line) => (line as { code?: string }).code === "MT-DEF-001");
        await eventually("the error", () => (isReported() ? true : undefined));
        const sent = () =>
          ledger
            .selectFrom("intents")
            .select("id")
            .where("kind", "=", "answerOmission")
            .where("subject", "like", `%${receipt.claimId}%`)
            .executeTakeFirst();
        assert.equal(await sent(), undefined);
      },
      undefined,
      logger,
    );
    assert.equal(lines.filter((line) => (line as { code?: string }).code === "MT-DEF-001").length, 1);
  });

  it("takes no new work while it is suspended, says so, and goes on when its owner resumes", async () => {
    await running(async ({ url }) => {
      const claimId = await askFor(url, 6, "window");
      const first = await getReceipt({ baseUrl: url }, claimId);
      await reportEquivocation(first);
      const refused = await eventually("the relayer to refuse", async () => {
        const response = await postInfer(url, { input: sampleInput(7), requester: REQUESTER });
        return response.status === 200 ? undefined : response;
      });
      assert.equal(refused.status, 503);
      const { error } = (await refused.json()) as { error: { code: string; hint: string } };
      assert.equal(error.code, "MT-GW-018");
      assert.match(error.hint, /resume/);
      const ready = await fetch(new URL("/readyz", url));
      assert.equal(ready.status, 503);
      const report = (await ready.json()) as { ready: boolean; policies: { code: string }[] };
      assert.equal(report.ready, false);
      assert.ok(report.policies.every(({ code }) => code === "MT-GW-018"));
      assert.equal((await fetch(new URL("/healthz", url))).status, 200, "it lives, and defends what is open");
      assert.equal((await statusOf(url)).exposure[0]?.suspended, true);
      const settlement = stack.deployment.settlement.connect(ownerOf(operator));
      await (await settlement.resume(ZERO_ADDRESS)).wait();
      const next = await eventually("the relayer to take work again", () =>
        askFor(url, 8, "window").catch(() => undefined),
      );
      await untilStatus(stack, url, next, "Committed");
      assert.equal((await fetch(new URL("/readyz", url))).status, 200);
    });
  });

  it("commits what it promised before it saw that the policy was closed", async () => {
    const closed = await localConfig(stack, ({ chain }) =>
      Object.assign(chain, { pollMilliseconds: 60_000 }),
    );
    const unaware = await startRelayer(closed, { logger: silentLogger });
    await eventually("it to have looked at the chain for the last time", async () =>
      (await statusOf(unaware.url)).tasks.every(({ runs }) => runs > 0) ? true : undefined,
    );
    await (await stack.deployment.settlement.closePolicy(stack.policyIds.proof)).wait();
    const closedAt = await stack.deployment.settlement.closedAtOf(stack.policyIds.proof);
    // Its clock was set by a block before that.
    await eventually("its clock to pass the closing", async () =>
      BigInt((await statusOf(unaware.url)).nowSeconds) >= closedAt ? true : undefined,
    );
    const claimId = await askFor(unaware.url, 9, "proof");
    await unaware.stop();
    const aware = await startRelayer(
      { ...closed, chain: { ...closed.chain, pollMilliseconds: 50 } },
      { logger: silentLogger },
    );
    try {
      const { batch, claim } = await untilStatus(stack, aware.url, claimId, "Final");
      assert.ok(claim.servedAt >= closedAt, "it was served before the closing: nothing is tested");
      assert.equal(batch?.header.oldestServedAt, closedAt - 1n);
    } finally {
      await aware.stop();
    }
  });

  it("promises nothing that a pause makes impossible, waits with the rest, and commits it afterwards", async () => {
    const { settlement } = stack.deployment;
    await running(async ({ url, ledger }) => {
      const until = (await stack.chain.now()) + 1_000;
      await (await settlement.pauseCommits(until)).wait();
      const refused = await eventually("the relayer to refuse", async () => {
        const response = await postInfer(url, { input: sampleInput(1), requester: REQUESTER });
        return response.status === 200 ? undefined : response;
      });
      assert.equal(((await refused.json()) as { error: { code: string } }).error.code, "MT-GW-019");
      await stack.chain.moveTo(until - 500);
      const claimId = await eventually("the relayer to promise", () =>
        askFor(url, 10, "window").catch(() => undefined),
      );
      assert.equal((await statusOf(url)).commitsPausedUntil, until);
      const rounds = (await statusOf(url)).tasks.find(({ name }) => name === "commit")?.runs ?? 0;
      const dueAt = performance.now() + 1_500;
      await eventually("the claim to be due", async () => {
        const task = (await statusOf(url)).tasks.find(({ name }) => name === "commit");
        return performance.now() > dueAt && (task?.runs ?? 0) > rounds + 3 ? true : undefined;
      });
      const report = await getClaim({ baseUrl: url }, claimId);
      assert.deepEqual([report.status, report.batch], ["Served", undefined]);
      assert.equal(await predicateOfCommit(), "later");
      await stack.chain.moveTo(until);
      await untilStatus(stack, url, claimId, "Committed");
      const troubled = await ledger
        .selectFrom("intents")
        .select("id")
        .where((eb) => eb.or([eb("state", "=", "failed"), eb("tries", ">", 0)]))
        .execute();
      assert.deepEqual(troubled, []);
      assert.equal(await predicateOfCommit(), "needed");
      assert.equal(await predicateOfCommit(1_000_000), "later", "its last claim would not be in it");
    });
  });

  it("I-14 voids what proofs alone could answer once they are not believed, and lets the enclave answer the rest", async () => {
    const { zk, tee } = EVIDENCE_KINDS;
    const byProof = await servingUnder("proven", { challengerBps: 3_000 });
    const byEither = await servingUnder("either", { answerKinds: zk | tee });
    await running(
      async ({ url }) => {
        const [proven, either] = [await askFor(url, 11, "proven"), await askFor(url, 12, "either")];
        const reports = [
          await untilStatus(stack, url, proven, "Committed"),
          await untilStatus(stack, url, either, "Committed"),
        ];
        await tripBreaker();
        for (const report of reports) await challenge(report);
        await untilStatus(stack, url, proven, "Voided");
        await untilStatus(stack, url, either, "Attested");
      },
      (config) => {
        byProof(config);
        byEither(config);
      },
    );
  });

  it("I-14 voids a challenge once its enclave's key was revoked, and answers it while only another's was", async () => {
    const { settlement, enclaveEvidence } = stack.deployment;
    const other = localKey(OTHER_ENCLAVE_ACCOUNT);
    await enterEnclaveKey(stack.chain, stack.deployment, other);
    const byEnclave = await servingUnder("attested", { answerKinds: EVIDENCE_KINDS.tee });
    await running(async ({ url }) => {
      const [first, second] = [await askFor(url, 13, "attested"), await askFor(url, 14, "attested")];
      const reports = [
        await untilStatus(stack, url, first, "Committed"),
        await untilStatus(stack, url, second, "Committed"),
      ];
      await (await enclaveEvidence.revoke(enclaveKeyIdOf(lowerCase(other.address)))).wait();
      await challenge(at(reports, 0));
      await untilStatus(stack, url, first, "Attested");
      await (await enclaveEvidence.revoke(enclaveKeyIdOf(addressOf(stack.enclaveKey as Hex)))).wait();
      const creditBeforeWei = await settlement.creditOf(stranger.address, ZERO_ADDRESS);
      await challenge(at(reports, 1));
      await untilStatus(stack, url, second, "Voided");
      const creditWei = await settlement.creditOf(stranger.address, ZERO_ADDRESS);
      assert.equal(creditWei - creditBeforeWei, CHALLENGE_BOND_WEI);
    }, byEnclave);
  });

  /** Whether a batch of claims that are served `secondsAhead` from now could be committed. */
  async function predicateOfCommit(secondsAhead = 0) {
    const rpc = connectRpc(stack.chain.url, 31337);
    try {
      const contracts = await bindContracts(rpc, stack.domain.settlement);
      const nowSeconds = await stack.chain.now();
      const clock = { nowSeconds: () => nowSeconds, observe: () => undefined };
      const lastServedAt = String(nowSeconds + secondsAhead);
      const predicates = createPredicates({ contracts, clock, rpc, chainId: 31337, confirmations: 1 });
      return await predicates.commit({ batchId: `0x${"5e".repeat(32)}`, lastServedAt });
    } finally {
      rpc.destroy();
    }
  }

  async function running(
    work: (relayer: RunningRelayer) => Promise<void>,
    change: (config: RelayerConfig) => void = () => undefined,
    logger = silentLogger,
  ): Promise<void> {
    const config = await localConfig(
      stack,
      (config) => {
        Object.assign(config.commit, { maxAgeSeconds: 1 });
        change(config);
      },
      operator,
    );
    const relayer = await startRelayer(config, { logger });
    try {
      await work(relayer);
    } finally {
      await relayer.stop();
    }
  }

  /** Has the operator authorise a policy of its own; what adds it to a configuration. */
  async function servingUnder(
    name: string,
    change: Partial<Policy>,
  ): Promise<(config: RelayerConfig) => void> {
    const id = await registerVariant(stack, change);
    const { settlement, receipts } = stack.deployment;
    const owner = ownerOf(operator);
    await (await settlement.connect(owner).setSender(operator.sender.address, [id], true)).wait();
    await (await receipts.connect(owner).acceptPolicies([id])).wait();
    return ({ policies }) => void policies.push({ name, id, prove: "never" });
  }

  async function challenge({ claim, batch }: ClaimReport): Promise<void> {
    assert.ok(batch);
    const settlement = stack.deployment.settlement.connect(stranger);
    await (await settlement.challenge(batch.header, claim, batch.index, batch.proof, BOND)).wait();
  }

  async function tripBreaker(): Promise<void> {
    const json: unknown = JSON.parse(await readFile(digitModelUrl("verificationKey"), "utf8"));
    const trapped = trapdoorOf(encodeVerificationKey(json));
    const side = async (outputHash: bigint) => {
      const proof = await forgeProof(trapped, [INPUT_HASH, outputHash, 7n]);
      return { outputHash: toBeHex(outputHash, WORD_BYTES), ctx: 7n, proof };
    };
    const sides = [await side(1n), await side(2n)] as const;
    const { groth16Evidence } = stack.deployment;
    await (
      await groth16Evidence.tripBreaker(
        verificationKeyId(trapped.key),
        toBeHex(INPUT_HASH, WORD_BYTES),
        ...sides,
      )
    ).wait();
  }

  async function demand(header: BatchHeader, index: number): Promise<void> {
    await (await stack.deployment.settlement.connect(stranger).demandReveal(header, index, BOND)).wait();
  }

  async function revealedLeaf({ batchId, index }: NonNullable<ClaimReport["batch"]>) {
    const { settlement } = stack.deployment;
    const events = await settlement.queryFilter(settlement.filters.ClaimRevealed(batchId));
    return events.find(({ args }) => Number(args.index) === index)?.args;
  }

  /** The same request answered with another label, under the same key. */
  /** Convicts another key of the operator, so that the relayer's stays valid. */
  async function reportEquivocation(first: Receipt): Promise<void> {
    const { receipts } = stack.deployment;
    const key = Wallet.createRandom();
    await (await receipts.connect(ownerOf(operator)).addReceiptKey(key.address)).wait();
    const { validFrom } = await receipts.receiptKeyOf(operator.owner.address, key.address);
    const other = (Number(BigInt(first.claim.outputHash)) + 1) % 10;
    const claim = {
      ...{ ...first.claim, outputHash: commitLabel(other, 10) },
      ...{ servedAt: validFrom, commitBy: validFrom + 60n },
    };
    const second = signReceipt(key.privateKey as Hex, claim, stack.domain);
    await (
      await receipts
        .connect(stranger)
        .reportEquivocation(second.claim, second.signature, first.claim, first.signature)
    ).wait();
  }

  function ownerOf({ owner }: LocalOperator) {
    return owner.connect(stack.chain.connection.ethers.provider);
  }

  function creditOf(vault: LocalStack["deployment"]["settlement" | "receipts"]): Promise<bigint> {
    return vault.creditOf(operator.owner.address, ZERO_ADDRESS);
  }
});

async function statusOf(url: string) {
  return (await (await fetch(new URL("/v1/status", url))).json()) as {
    nowSeconds: number;
    exposure: { suspended: boolean }[];
    obligations: { omissionsToRefute: number; demandsToReveal: number };
    commitsPausedUntil: number | null;
    tasks: { name: string; runs: number }[];
  };
}

function at<Item>(items: readonly Item[], index: number): Item {
  const item = items[index];
  assert.ok(item !== undefined);
  return item;
}
