// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { claimId } from "@meantime/sdk/claim";
import { claimVerdictDigest } from "@meantime/sdk/evidence";
import { type Address, type Hex, ZERO_ADDRESS } from "@meantime/sdk/hex";
import { type InferenceRequest, requestId } from "@meantime/sdk/request";
import { signDigest } from "@meantime/sdk/signature";
import { STATUS } from "@meantime/sdk/status";
import { concat, id, keccak256, Wallet, zeroPadValue } from "ethers";
import { getCurveFromName } from "ffjavascript";
import { type AuditOptions, audit } from "../../relayer/src/audit/audit.ts";
import { reportToHtml } from "../../relayer/src/audit/html/page.ts";
import type { MoneyReport } from "../../relayer/src/audit/money.ts";
import type { AuditReport } from "../../relayer/src/audit/report.ts";
import { type LocalStack, startLocalStack } from "../../scripts/stack/local.ts";
import { localKey, lowerCase } from "../../scripts/stack/operators.ts";
import {
  CHALLENGE_BOND_WEI,
  CHALLENGE_WINDOW_SECONDS,
  PROVE_WINDOW_SECONDS,
} from "../../scripts/stack/policies.ts";
import { freshFolder } from "./local-relayer.ts";
import { type Lie, startLyingNode } from "./lying-node.ts";
import { memberOf, type Published, publish } from "./published.ts";

const CHALLENGER_ACCOUNT = 12;
const ASKER_ACCOUNT = 14;
const OPERATOR_ACCOUNT = 1;
const DAY_SECONDS = 24 * 3600;
const EXIT_SECONDS = 30 * DAY_SECONDS;
const STAKE_WEI = 10n ** 18n;
const FEES_WEI = { open: 5n, delivered: 7n, settled: 11n, expired: 13n, refunded: 17n };

type RequestName = keyof typeof FEES_WEI;

describe("An audit of the money of requests and committees", () => {
  let stack: LocalStack;
  let folder: string;
  let report: AuditReport;
  let requestsAt: Address;
  let quorumAt: Address;
  const ids: Partial<Record<RequestName, Hex>> = {};
  const signers = ["stays", "leaves", "exits", "lies"].map((name) => new Wallet(id(`signer that ${name}`)));
  const run = (more: Partial<AuditOptions> = {}) =>
    audit({
      ...{ rpcUrl: stack.chain.url, settlement: stack.domain.settlement, data: folder, proofs: false },
      ...more,
    });

  before(async () => {
    stack = await startLocalStack();
    folder = await freshFolder();
    requestsAt = lowerCase(await stack.deployment.requests.getAddress());
    quorumAt = lowerCase(await stack.deployment.quorumEvidence.getAddress());
    await bringCommittee(stack, quorumAt, signers);
    Object.assign(ids, await bringRequests(stack, folder, requestsAt));
    report = await run();
  });

  after(async () => {
    await (await getCurveFromName("bn128")).terminate();
    await stack?.chain.close();
  });

  it("adds up what requests are owed from their events, and finds it there", () => {
    const { open, delivered, settled, refunded } = FEES_WEI;
    // What expired was withdrawn.
    assertMoney(report, "requests", {
      ...{ address: requestsAt, feesWei: open + delivered, creditsWei: settled + refunded },
      ...{ stakesWei: 0n, unbondingWei: 0n, burntWei: 0n, unaskedWei: 0n },
      balanceWei: open + delivered + settled + refunded,
    });
  });

  it("adds up what a committee is owed from its events, and finds it there", () => {
    // The one that exited withdrew; of the one that lied a fifth is its reporter's and the rest is burnt.
    assertMoney(report, "quorum", {
      ...{ address: quorumAt, stakesWei: STAKE_WEI, unbondingWei: STAKE_WEI, feesWei: 0n },
      ...{ creditsWei: STAKE_WEI / 5n, burntWei: (STAKE_WEI * 4n) / 5n, unaskedWei: 0n },
      balanceWei: 3n * STAKE_WEI,
    });
  });

  it("finds nothing else than how things ended", () => {
    const ends = new Set(["claim-rejected", "contradiction-reported", "guardian-action"]);
    assert.deepEqual(
      report.findings.filter(({ name }) => !ends.has(name)),
      [],
    );
  });

  it("calls ether that was forced in a surplus, and no anomaly", async () => {
    await withBalance(requestsAt, 3n, async () => {
      await withBalance(quorumAt, 4n, async () => {
        const found = await run();
        assert.deepEqual(beyond(report, found), [
          ["balance-unasked", "info", quorumAt],
          ["balance-unasked", "info", requestsAt],
        ]);
        assert.deepEqual(
          ["quorum", "requests"].map((name) => moneyOf(found, name).unaskedWei),
          [4n, 3n],
        );
      });
    });
  });

  it("calls a wei too little a shortfall, of each contract", async () => {
    for (const address of [requestsAt, quorumAt]) {
      await withBalance(address, -1n, async () => {
        const found = await run();
        assert.deepEqual(beyond(report, found), [["balance-short", "critical", address]]);
        assert.equal(found.verdict, "anomalies");
        assert.match(reportToHtml(found), /1 short/);
      });
    }
  });

  it("finds a credit that no event explains, written into the contract's storage", async () => {
    const { provider } = stack.chain.connection.ethers;
    const slot = creditSlot(lowerCase(localKey(OPERATOR_ACCOUNT).address));
    const before = await provider.getStorage(requestsAt, slot);
    await provider.send("hardhat_setStorageAt", [requestsAt, slot, word(BigInt(before) + 1n)]);
    try {
      const found = await run();
      assert.deepEqual(beyond(report, found), [["state-mismatch", "critical", requestsAt]]);
      assert.ok(found.findings.some(({ what }) => what.includes("the credit of")));
    } finally {
      await provider.send("hardhat_setStorageAt", [requestsAt, slot, before]);
    }
  });

  it("finds that the node keeps back how a request ended, and that a signer was slashed", async () => {
    const hidden: [string, string, RegExp][] = [
      [
        "RequestSettled(bytes32,address,uint256)",
        requestsAt,
        new RegExp(`request ${ids.settled} is Settled`),
      ],
      [
        "RequestExpired(bytes32,address,uint256)",
        requestsAt,
        new RegExp(`request ${ids.expired} is Expired`),
      ],
      ["SignerSlashed(address,address,bytes32,bytes32,uint256,uint256)", quorumAt, /is Slashed of/],
      ["SignerResigned(address,uint40)", quorumAt, /is Leaving of/],
    ];
    for (const [event, address, what] of hidden) {
      const found = await auditThrough((method, _, result) =>
        method === "eth_getLogs"
          ? (result as { topics: string[] }[]).filter(({ topics }) => topics[0] !== id(event))
          : result,
      );
      const mismatches = found.findings.filter(({ name }) => name === "state-mismatch");
      assert.ok(
        mismatches.some((one) => what.test(one.what) && one.about.contract === address),
        `${event}: ${JSON.stringify(mismatches)}`,
      );
    }
  });

  it("says that it cannot tell where the node searches for no contracts, and checks one that is named", async () => {
    const lie: Lie = (method, params, result) => {
      const [filter] = params as [{ address?: unknown }];
      if (method === "eth_getLogs" && filter.address === undefined) throw new Error("address is missing");
      return result;
    };
    const blind = await auditThrough(lie);
    assert.deepEqual(beyond(report, blind), [["accounts-unchecked", "low", undefined]]);
    assert.equal(blind.money.filter(({ contract }) => contract === "requests").length, 0);
    const named = await auditThrough(lie, { requests: [requestsAt] });
    assert.deepEqual(beyond(report, named), []);
    assert.deepEqual(moneyOf(named, "requests"), moneyOf(report, "requests"));
    await assert.rejects(run({ requests: [quorumAt] }), { code: "MT-AUDIT-003" });
  });

  async function withBalance(address: Address, byWei: bigint, work: () => Promise<void>): Promise<void> {
    const { provider } = stack.chain.connection.ethers;
    const held = await provider.getBalance(address);
    await provider.send("hardhat_setBalance", [address, `0x${(held + byWei).toString(16)}`]);
    try {
      await work();
    } finally {
      await provider.send("hardhat_setBalance", [address, `0x${held.toString(16)}`]);
    }
  }

  async function auditThrough(lie: Lie, more: Partial<AuditOptions> = {}): Promise<AuditReport> {
    const node = await startLyingNode(stack.chain.url, lie);
    try {
      return await run({ rpcUrl: node.url, ...more });
    } finally {
      node.close();
    }
  }
});

function moneyOf(report: AuditReport, contract: string): MoneyReport {
  const [found, ...more] = report.money.filter((one) => one.contract === contract);
  assert.ok(found);
  assert.deepEqual(more, []);
  return found;
}

function assertMoney(report: AuditReport, contract: string, told: Partial<MoneyReport>): void {
  const found = moneyOf(report, contract);
  assert.deepEqual({ ...found, ...told }, found);
}

/** Name, severity and contract of what one report found and another did not. */
function beyond(before: AuditReport, found: AuditReport): (string | undefined)[][] {
  const known = new Set(before.findings.map(({ what }) => what));
  return found.findings
    .filter(({ what }) => !known.has(what))
    .map(({ name, severity, about }) => [name, severity, about.address ?? about.contract])
    .sort();
}

/** Where the contract has what an account can withdraw in ether: `_credits` is at slot 0. */
function creditSlot(account: Address): string {
  const ofAccount = keccak256(concat([zeroPadValue(account, 32), word(0n)]));
  return keccak256(concat([word(0n), ofAccount]));
}

function word(value: bigint): string {
  return `0x${value.toString(16).padStart(64, "0")}`;
}

/** Four signers: one stays, one leaves, one has left with its stake, one contradicted itself. */
async function bringCommittee(
  { chain, deployment, domain, modelId, policyIds }: LocalStack,
  quorumAt: Address,
  [stays, leaves, exits, lies]: readonly Wallet[],
): Promise<void> {
  assert.ok(stays && leaves && exits && lies);
  const { provider } = chain.connection.ethers;
  const owner = localKey(ASKER_ACCOUNT).connect(provider);
  const { manager } = deployment;
  const quorum = deployment.quorumEvidence.connect(owner);
  const calls = [stays, leaves, exits, lies].map(({ address }) =>
    quorum.interface.encodeFunctionData("addSigner", [address, owner.address]),
  );
  for (const call of calls) await (await manager.schedule(quorumAt, call, 0)).wait();
  await chain.moveTo((await chain.now()) + DAY_SECONDS);
  for (const call of calls) await (await manager.execute(quorumAt, call)).wait();
  for (const { address } of [stays, leaves, exits, lies]) {
    await (await quorum.stakeFor(address, { value: STAKE_WEI })).wait();
  }

  await (await quorum.resign(exits.address)).wait();
  await chain.moveTo((await chain.now()) + EXIT_SECONDS);
  await (await quorum.completeExit(exits.address)).wait();
  await (await quorum.withdraw(ZERO_ADDRESS, owner.address)).wait();
  await (await quorum.resign(leaves.address)).wait();

  const reporter = localKey(CHALLENGER_ACCOUNT).connect(provider);
  const servedAt = BigInt(await chain.now());
  const verdicts = [1n, 2n].map((label) => {
    const claim = {
      ...{ modelId, policyId: policyIds.window, operator: ZERO_ADDRESS, requester: ZERO_ADDRESS },
      ...{ requestId: word(0n) as Hex, inputHash: word(9n) as Hex, outputHash: word(label) as Hex },
      ...{ servedAt, commitBy: servedAt },
    };
    const quorumDomain = { chainId: domain.chainId, quorumEvidence: quorumAt };
    const digest = claimVerdictDigest(quorumDomain, claimId(domain, claim), ZERO_ADDRESS);
    return {
      claim,
      beneficiary: ZERO_ADDRESS,
      signature: signDigest(lies.privateKey as Hex, digest),
    };
  });
  const [first, second] = verdicts;
  assert.ok(first && second);
  await (await quorum.connect(reporter).reportContradiction(first, second)).wait();
}

/** A request of each end, and one whose refund was withdrawn. */
async function bringRequests(
  stack: LocalStack,
  folder: string,
  requestsAt: Address,
): Promise<Record<RequestName, Hex>> {
  const { chain, deployment, domain, modelId, policyIds, operator } = stack;
  const { provider } = chain.connection.ethers;
  const asker = localKey(ASKER_ACCOUNT).connect(provider);
  const requests = deployment.requests.connect(asker);
  const requester = lowerCase(asker.address);
  // Seeds fix inputs and salts: what is asked is what is answered later.
  const probe = await publish(stack, folder, "window", [40]);
  const drafts = await Promise.all(
    Object.values(FEES_WEI).map(async (feeWei): Promise<InferenceRequest> => {
      const expiresAt = BigInt((await chain.now()) + DAY_SECONDS);
      return {
        ...{ requester, modelId, policyId: policyIds.window, operator: ZERO_ADDRESS, feeWei },
        ...{ inputHash: probe.claims[0]?.inputHash ?? "0x", minStatus: STATUS.Committed, expiresAt },
        ...{ callbackGasLimit: 0, nonce: feeWei },
      };
    }),
  );
  for (const draft of drafts) await (await requests.request(draft, "0x1234", { value: draft.feeWei })).wait();
  const names = Object.keys(FEES_WEI) as RequestName[];
  const draftOf = (name: RequestName): InferenceRequest => {
    const draft = drafts[names.indexOf(name)];
    assert.ok(draft);
    return draft;
  };
  const idOf = (name: RequestName) =>
    requestId({ chainId: domain.chainId, requests: requestsAt }, draftOf(name));

  const answered: Partial<Record<RequestName, Published>> = {};
  const callOf = (name: RequestName) => {
    const batch = answered[name];
    assert.ok(batch);
    const [header, claim, index, proof] = memberOf(batch, 0);
    return [draftOf(name), header, claim, index, proof, claim.outputHash] as const;
  };
  const answer = async (name: RequestName) => {
    const claims = { 0: { requester, requestId: idOf(name) } };
    answered[name] = await publish(stack, folder, "window", [40], { claims });
    await (await requests.fulfil(...callOf(name))).wait();
  };
  for (const name of ["settled", "refunded", "delivered"] as const) await answer(name);
  const refunded = answered.refunded;
  assert.ok(refunded);
  const challenger = localKey(CHALLENGER_ACCOUNT).connect(provider);
  const settlement = deployment.settlement.connect(challenger);
  await (await settlement.challenge(...memberOf(refunded, 0), { value: CHALLENGE_BOND_WEI })).wait();
  await chain.moveTo((await chain.now()) + PROVE_WINDOW_SECONDS);
  const [claim] = refunded.claims;
  assert.ok(claim);
  await (await settlement.resolve(refunded.batchId, claim, 0, challenger.address)).wait();
  await (await deployment.settlement.connect(operator.owner.connect(provider)).resume(ZERO_ADDRESS)).wait();
  await chain.moveTo((await chain.now()) + CHALLENGE_WINDOW_SECONDS);
  await (await requests.settle(...callOf("settled"))).wait();
  await chain.moveTo((await chain.now()) + DAY_SECONDS);
  await (await requests.expire(draftOf("expired"))).wait();
  await (await requests.withdraw(ZERO_ADDRESS, asker.address)).wait();
  await (await requests.settle(...callOf("refunded"))).wait();
  return Object.fromEntries(names.map((name) => [name, idOf(name)])) as Record<RequestName, Hex>;
}
