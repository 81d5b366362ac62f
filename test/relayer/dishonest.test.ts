// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { getReceipt } from "@meantime/sdk/client";
import { enclaveKeyIdOf } from "@meantime/sdk/enclave-keys";
import { type Address, type Hex, ZERO_ADDRESS } from "@meantime/sdk/hex";
import { type ModelSpec, parseModelSpec } from "@meantime/sdk/model";
import { EVIDENCE_RULES } from "@meantime/sdk/policy";
import { receiptToJson } from "@meantime/sdk/receipt";
import { addressOf } from "@meantime/sdk/signature";
import { STATUS } from "@meantime/sdk/status";
import type { WatchtowerConfig } from "../../relayer/src/config/watch.ts";
import { besideLedger } from "../../relayer/src/ledger/beside.ts";
import { startRelayer } from "../../relayer/src/relayer.ts";
import { decideProposal, listProposals } from "../../relayer/src/watch/actions.ts";
import { readCoverage } from "../../relayer/src/watch/coverage.ts";
import { type RunningWatchtower, startWatchtower } from "../../relayer/src/watch/standalone.ts";
import { digitModelUrl } from "../../scripts/chain/models.ts";
import { type LocalStack, startLocalStack } from "../../scripts/stack/local.ts";
import {
  enrolOperator,
  type LocalOperator,
  localKey,
  localOperator,
  lowerCase,
} from "../../scripts/stack/operators.ts";
import {
  CHALLENGE_BOND_WEI,
  CHALLENGE_WINDOW_SECONDS,
  CLAIM_BOND_WEI,
  PROVE_WINDOW_SECONDS,
} from "../../scripts/stack/policies.ts";
import { Congestion } from "./congestion.ts";
import { DishonestOperator, type MadeBatch, proofOf } from "./dishonest-operator.ts";
import {
  askFor,
  eventually,
  freshFolder,
  localConfig,
  registerVariant,
  silentLogger,
  untilStatus,
} from "./local-relayer.ts";
import { towerConfig } from "./tower.ts";

const LIAR_ACCOUNT = 6;
const TOWER_ACCOUNTS = [10, 11, 12] as const;
const OVERSEER_ACCOUNT = 13;
const DISPROVER_ACCOUNT = 14;
const LIAR_STAKE_WEI = 10n ** 18n;
const GRACE_SECONDS = 3_600;
const DAY_SECONDS = 86_400;
/** Each dispute of a batch gives the next a minute more. */
const LOAD_SECONDS = 300;
const OMISSION_OPEN = 1n;
const OMISSION_UPHELD = 3n;

describe("a dishonest operator beside an honest one", () => {
  let stack: LocalStack;
  let spec: ModelSpec;
  let operator: LocalOperator;
  let liar: DishonestOperator;

  before(async () => {
    stack = await startLocalStack();
    spec = parseModelSpec(JSON.parse(await readFile(digitModelUrl("spec"), "utf8")));
    operator = localOperator(LIAR_ACCOUNT);
    await enrolOperator(stack, operator, LIAR_STAKE_WEI);
    liar = await DishonestOperator.start(stack, operator, spec);
  });

  after(async () => {
    await liar?.stop();
    await stack?.chain.close();
  });

  it("R-57 R-58 R-59 pays for every lie while blocks are full, and nobody honest loses a bond", async () => {
    const { settlement, receipts } = stack.deployment;
    const honest = await startRelayer(
      await localConfig(stack, ({ commit }) => Object.assign(commit, { maxAgeSeconds: 1 })),
      { logger: silentLogger },
    );
    const truths = [];
    for (const seed of [1, 2, 3]) {
      const claimId = await askFor(honest.url, seed, "window");
      truths.push(await untilStatus(stack, honest.url, claimId, "Committed"));
    }

    const wrong = await liar.commit([await liar.claim(11, 0), await liar.claim(12, 1)]);
    const first = await liar.claim(13, 0);
    const twice = await liar.commit([first, await liar.claim(13, 2, first)]);
    const truth = await liar.claim(14, 0);
    const opening = { ...truth.opening, input: truth.opening.input.map((element) => element ^ 1) };
    const junk = await liar.commit([{ ...truth, opening }]);
    const withheld = await liar.commit([await liar.claim(15, 3)], false);
    await stack.chain.moveTo((await stack.chain.now()) + 1);
    const omitted = (await liar.claim(16, 0)).receipt;

    // Each holds the receipt that was broken, and one that was kept.
    const kept = await getReceipt({ baseUrl: honest.url }, truths[0]?.claimId as Hex);
    const held = [omitted, kept].map((receipt) => JSON.stringify(receiptToJson(receipt)));
    const towers: RunningWatchtower[] = [];
    const congestion = await Congestion.start(stack);
    try {
      for (const account of TOWER_ACCOUNTS) {
        towers.push(await startWatchtower(await towerOf(account, "auto", held), silentLogger));
      }
      await congestion.until("the lies to be challenged", async () =>
        (await statusOf(wrong, 1)) >= STATUS.Challenged && (await statusOf(twice, 1)) >= STATUS.Challenged
          ? true
          : undefined,
      );
      await congestion.until("the two answers to be reported", async () => {
        const reports = await receipts.queryFilter(receipts.filters.EquivocationReported());
        return reports.length > 0 ? true : undefined;
      });
      const finalAt = Number(await settlement.finalAt(withheld.batchId));
      await stack.chain.moveTo(finalAt - CHALLENGE_WINDOW_SECONDS / 5);
      await congestion.until("the demand", async () =>
        (await statusOf(withheld, 0)) === STATUS.Challenged ? true : undefined,
      );
      await stack.chain.moveTo((await stack.chain.now()) + PROVE_WINDOW_SECONDS + LOAD_SECONDS);
      for (const [batch, index] of [
        [wrong, 1],
        [twice, 1],
        [withheld, 0],
      ] as const) {
        await congestion.until("the lie to be rejected", async () =>
          (await statusOf(batch, index)) === STATUS.Rejected ? true : undefined,
        );
      }
      await stack.chain.moveTo(Number(omitted.claim.commitBy) + GRACE_SECONDS + 1);
      await congestion.until("the omission to be reported", async () =>
        (await receipts.omissionOf(omitted.claimId)).state === OMISSION_OPEN ? true : undefined,
      );
      await stack.chain.moveTo((await stack.chain.now()) + DAY_SECONDS + 1);
      await congestion.until("the omission to be punished", async () =>
        (await receipts.omissionOf(omitted.claimId)).state === OMISSION_UPHELD ? true : undefined,
      );
      assert.ok(congestion.filled > 5, `only ${congestion.filled} blocks were full`);
      await Promise.all(towers.map((tower) => inspect(tower, junk)));
    } finally {
      await Promise.all(towers.map((tower) => tower.stop()));
      await congestion.end();
      await honest.stop();
    }

    // What the chain says.
    assert.equal(await statusOf(wrong, 0), STATUS.Final, "the truth beside a lie");
    assert.equal(await statusOf(junk, 0), STATUS.Final, "a bait that nobody took");
    for (const { claim, batch } of truths) {
      assert.ok(batch);
      const { header, index, proof } = batch;
      assert.equal(Number(await settlement.statusOf(header, claim, index, proof)), STATUS.Final);
    }
    const opened = [
      ...(await settlement.queryFilter(settlement.filters.ClaimChallenged())).map(({ args }) => ({
        ...{ batchId: args.batchId, opener: lowerCase(args.challenger) },
      })),
      ...(await settlement.queryFilter(settlement.filters.RevealDemanded())).map(({ args }) => ({
        ...{ batchId: args.batchId, opener: lowerCase(args.demander) },
      })),
    ];
    const lies = [wrong, twice, withheld].map(({ batchId }) => batchId);
    assert.equal(opened.length, lies.length);
    assert.deepEqual(new Set(opened.map(({ batchId }) => batchId)), new Set(lies));
    for (const tower of TOWER_ACCOUNTS.map((account) => lowerCase(localKey(account).address))) {
      await everyBondCameBack(tower, opened.filter(({ opener }) => opener === tower).length);
    }
    const honestAccount = await settlement.operatorOf(stack.operator.owner.address, ZERO_ADDRESS);
    assert.equal(honestAccount.stakeWei, 20n * 10n ** 18n, "the honest operator lost nothing");
    const liarAccount = await settlement.operatorOf(operator.owner.address, ZERO_ADDRESS);
    // Three claims rejected, one omission, one equivocation.
    assert.equal(LIAR_STAKE_WEI - liarAccount.stakeWei - liarAccount.unbondingWei, 5n * CLAIM_BOND_WEI);
  });

  it("proposes and waits in oversight, and challenges what a human approves", async () => {
    await resume();
    const lie = await liar.commit([await liar.claim(21, 1)]);
    const config = await towerOf(OVERSEER_ACCOUNT, "oversight", []);
    const tower = await startWatchtower(config, silentLogger);
    try {
      const [proposal] = await eventually("the proposal", async () => {
        const proposals = await besideLedger(config.ledger, (ledger) => listProposals(ledger, false));
        return proposals.length > 0 ? proposals : undefined;
      });
      assert.equal(proposal?.kind, "challenge");
      assert.equal(proposal?.batchId, lie.batchId);
      assert.equal(await statusOf(lie, 0), STATUS.Committed);
      await besideLedger(config.ledger, (ledger) => decideProposal(ledger, proposal?.id ?? 0, "approved"));
      await eventually("the challenge", async () =>
        (await statusOf(lie, 0)) === STATUS.Challenged ? true : undefined,
      );
      await assert.rejects(
        besideLedger(config.ledger, (ledger) => decideProposal(ledger, proposal?.id ?? 0, "rejected")),
        { code: "MT-WATCH-010" },
      );
    } finally {
      await tower.stop();
    }
  });

  it("disproves a lie at once and without a bond where it can prove the truth", async () => {
    const { settlement } = stack.deployment;
    const lie = await liar.commit([await liar.claim(22, 4)]);
    const config = await towerOf(DISPROVER_ACCOUNT, "auto", []);
    const disprover = { ...config, watch: { ...config.watch, disprove: true, maxOpenChallenges: 0 } };
    const tower = await startWatchtower(disprover, silentLogger);
    try {
      await eventually(
        "the disproof",
        async () => ((await statusOf(lie, 0)) === STATUS.Rejected ? true : undefined),
        120,
      );
    } finally {
      await tower.stop();
    }
    const [event] = await settlement.queryFilter(settlement.filters.ClaimDisproven(lie.batchId));
    const key = lowerCase(localKey(DISPROVER_ACCOUNT).address);
    assert.equal(lowerCase(event?.args.beneficiary ?? ""), key);
    assert.ok((await settlement.creditOf(key, ZERO_ADDRESS)) > 0n);
  });

  it("has what a compromised enclave vouched for taken back while it is not final", async () => {
    const { settlement, receipts, enclaveEvidence } = stack.deployment;
    const id = await registerVariant(stack, {
      ...{ rule: EVIDENCE_RULES.teeThenWindow, attestedWindowSeconds: PROVE_WINDOW_SECONDS },
    });
    const owner = stack.operator.owner.connect(stack.chain.connection.ethers.provider);
    await (await settlement.connect(owner).setSender(stack.operator.sender.address, [id], true)).wait();
    await (await receipts.connect(owner).acceptPolicies([id])).wait();
    const honest = await startRelayer(
      await localConfig(stack, ({ commit, policies }) => {
        Object.assign(commit, { maxAgeSeconds: 1 });
        policies.push({ name: "attested", id, prove: "never" });
      }),
      { logger: silentLogger },
    );
    const tower = await startWatchtower(await towerOf(OVERSEER_ACCOUNT, "auto", []), silentLogger);
    try {
      const claimId = await askFor(honest.url, 31, "attested");
      const { batch } = await untilStatus(stack, honest.url, claimId, "Attested");
      assert.ok(batch);
      const { attestedAt } = await settlement.batchOf(batch.batchId);
      const keyId = enclaveKeyIdOf(addressOf(stack.enclaveKey as Hex));
      await (await enclaveEvidence.markCompromised(keyId, attestedAt)).wait();
      await eventually("the attestation to be taken back", async () => {
        const events = await settlement.queryFilter(settlement.filters.BatchReopened(batch.batchId));
        return events.length > 0 ? true : undefined;
      });
    } finally {
      await Promise.all([tower.stop(), honest.stop()]);
    }
  });

  /** A watchtower that is nobody's, with these receipts in its folder. */
  async function towerOf(
    account: number,
    mode: "auto" | "oversight",
    held: readonly string[],
  ): Promise<WatchtowerConfig> {
    const folder = await freshFolder();
    await mkdir(join(folder, "receipts"));
    for (const [at, text] of held.entries()) await writeFile(join(folder, "receipts", `${at}.json`), text);
    return towerConfig(stack, folder, account, {
      mode,
      maxBondsWei: (8n * CHALLENGE_BOND_WEI).toString(),
      receiptsFolder: "receipts",
    });
  }

  async function statusOf(batch: MadeBatch, index: number): Promise<number> {
    const { settlement } = stack.deployment;
    const claim = batch.claims[index]?.receipt.claim;
    assert.ok(claim);
    return Number(await settlement.statusOf(batch.header, claim, index, proofOf(batch, index, stack)));
  }

  /** It has looked at everything, says how, and leaves the bait to a human. */
  async function inspect({ ledger }: RunningWatchtower, junk: MadeBatch): Promise<void> {
    const proposals = await listProposals(ledger, false);
    assert.deepEqual(
      proposals.map(({ kind, batchId }) => [kind, batchId]),
      [["challenge", junk.batchId]],
    );
    const coverage = await readCoverage(ledger);
    // Three truths and four claims of the liar; the bait by its signature; what was withheld not at all.
    assert.equal(coverage.reExecuted, 7);
    assert.equal(coverage.signatureOnly, 1);
    assert.equal(coverage.unchecked, 1);
    assert.equal(coverage.claims, 9);
  }

  async function everyBondCameBack(tower: Address, disputes: number): Promise<void> {
    const { settlement, receipts } = stack.deployment;
    const credit = await settlement.creditOf(tower, ZERO_ADDRESS);
    const bonds = BigInt(disputes) * CHALLENGE_BOND_WEI;
    assert.ok(credit >= bonds, `${tower} has ${credit} of ${bonds} wei`);
    if (disputes > 0) assert.ok(credit > bonds, "and is paid for what it found");
    const reports = await receipts.queryFilter(receipts.filters.OmissionReported());
    const own = reports.filter(({ args }) => lowerCase(args.reporter) === tower).length;
    assert.ok((await receipts.creditOf(tower, ZERO_ADDRESS)) >= BigInt(own) * CHALLENGE_BOND_WEI);
  }

  /** The owner goes on after what its operator lost. */
  async function resume(): Promise<void> {
    const owner = operator.owner.connect(stack.chain.connection.ethers.provider);
    await (await stack.deployment.settlement.connect(owner).resume(ZERO_ADDRESS)).wait();
  }
});
