// SPDX-License-Identifier: GPL-3.0-or-later

import { stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { type Address, ZERO_ADDRESS } from "@meantime/sdk/hex";
import { freeStakeWei, promisedWei, unlockedNow } from "../../commit/exposure.ts";
import type { Credit } from "../../finalise/withdraw.ts";
import { readiness } from "../../gateway/capacity.ts";
import { claimCounts, oldestOpenAt, watchedCounts } from "../../gateway/status.ts";
import { observeIndex } from "../../indexer/observe.ts";
import { type Margin, OBLIGATIONS, openMargins } from "../../ledger/margins.ts";
import { countPending } from "../../ledger/payments.ts";
import type { Services } from "../../services.ts";
import { outboxCounts } from "../../tx/listing.ts";
import type { TaskHealth } from "../supervisor.ts";
import { VERSION } from "../version.ts";
import type { Metrics } from "./metrics.ts";
import { shareNext } from "./share-next.ts";
import { gapsWithin } from "./trust-gap.ts";

/** What of the process metrics tell, beside the services. */
export interface Observed {
  tasks(): readonly TaskHealth[];
  draining(): boolean;
  /** How long the enclave's key counts; undefined where there is none, or it was not looked at yet. */
  enclaveExpirySeconds(): number | undefined;
  credits(): readonly Credit[];
  proofsWaiting(): number;
}

/** Claims of one moment are observed one by one; more than this of them are left out of the histogram. */
const MAX_OBSERVATIONS = 100_000;

/** Reads everything that is measured by looking, not by counting. Called when somebody asks for the metrics. */
export function createCollector(services: Services, metrics: Metrics, observed: Observed) {
  const { config, clock, ledger, policies } = services;
  metrics.info.set(
    { version: VERSION, chain_id: String(config.chain.chainId), operator: config.operator.address },
    1,
  );
  const moment = () => ({ block: services.view()?.readUpTo ?? 0, seconds: clock.nowSeconds() });
  let after = moment();
  const policyName = (id: string) => policies.find((policy) => policy.id === id)?.name ?? id;

  async function gaps(): Promise<void> {
    const until = moment();
    const ruleOf = (id: string) => policies.find((policy) => policy.id === id)?.terms.rule ?? 0;
    const samples = await gapsWithin(ledger, { after, until }, ruleOf);
    after = until;
    let left = MAX_OBSERVATIONS;
    for (const { phase, policyId, seconds, claims } of samples) {
      const times = Math.min(claims, left);
      left -= times;
      const labels = { phase, policy: policyName(policyId) };
      for (let count = 0; count < times; count += 1) metrics.gap.observe(labels, seconds);
    }
  }

  async function collect(): Promise<void> {
    const nowSeconds = clock.nowSeconds();
    await gaps();
    observeMargins(metrics, await openMargins(ledger, config.operator.address), nowSeconds);
    for (const [status, count] of Object.entries(await claimCounts(services))) {
      if (status !== "total") metrics.claims.set({ status }, count);
    }
    const oldest = await oldestOpenAt(services);
    metrics.oldestOpenSeconds.set(oldest === undefined ? 0 : Math.max(0, nowSeconds - oldest));
    const report = await readiness(services, observed.draining());
    for (const { name, ready } of report.policies) metrics.ready.set({ policy: name }, Number(ready));
    await observeStake(services, metrics);
    await observeOutbox(services, metrics);
    metrics.paymentsPending.set(await countPending(ledger));
    const watched = await watchedCounts(services);
    for (const [state, count] of Object.entries(watched.batches))
      metrics.watchedBatches.set({ state }, count);
    for (const [result, count] of Object.entries(watched.claims))
      metrics.watchedClaims.set({ result }, count);
    for (const [how, count] of Object.entries(watched.coverage)) metrics.watchCoverage.set({ how }, count);
    observeChain(services, metrics);
    if (config.index.enabled) {
      await observeIndex({ ...services, startBlock: config.chain.startBlock }, metrics.index);
    }
    observeProcess(services, metrics, observed);
    observeBalances(services, metrics);
    metrics.creditWei.reset();
    for (const { account, token, amountWei } of observed.credits()) {
      metrics.creditWei.inc({ account, token: nameOf(token) }, Number(amountWei));
    }
    await observeDisk(services, metrics);
  }

  // Two at the same time would observe the same gaps twice.
  return shareNext(collect);
}

/** Every obligation's safety margin. A deadline that passed stays below zero until the obligation ends. */
export function observeMargins(metrics: Metrics, margins: readonly Margin[], nowSeconds: number): void {
  metrics.marginSeconds.reset();
  for (const obligation of OBLIGATIONS) {
    const open = margins.filter((margin) => margin.obligation === obligation);
    metrics.obligations.set({ obligation }, open.length);
    const ratios = open.map(({ openedAt, deadline }) => {
      return (deadline - nowSeconds) / Math.max(1, deadline - openedAt);
    });
    metrics.marginRatio.set({ obligation }, Math.min(1, ...ratios));
    if (open.length === 0) continue;
    metrics.marginSeconds.set({ obligation }, Math.min(...open.map(({ deadline }) => deadline - nowSeconds)));
  }
}

async function observeStake(services: Services, metrics: Metrics): Promise<void> {
  const unlocked = await unlockedNow(services);
  for (const [token, account] of services.view()?.accounts ?? []) {
    const label = { token: nameOf(token) };
    metrics.stakeWei.set(label, Number(account.stakeWei));
    metrics.lockableWei.set(label, Number(account.lockableWei));
    metrics.lockedWei.set(label, Number(account.lockedWei));
    metrics.promisedWei.set(label, Number(promisedWei(services, token, unlocked)));
    metrics.freeWei.set(label, Number(freeStakeWei(services, token, unlocked) ?? 0n));
    metrics.suspended.set(label, Number(account.suspended));
  }
}

async function observeOutbox({ ledger, view }: Services, metrics: Metrics): Promise<void> {
  metrics.intents.reset();
  metrics.oldestAttemptBlocks.reset();
  metrics.intentTries.reset();
  metrics.overCap.reset();
  const head = view()?.head.number ?? 0;
  const { states, lanes } = await outboxCounts(ledger);
  for (const { lane, state, count } of states) metrics.intents.set({ lane, state }, count);
  for (const { lane, tries, oldestSignedAtBlock, overCap } of lanes) {
    metrics.overCap.set({ lane }, overCap);
    metrics.intentTries.set({ lane }, tries);
    const blocks = oldestSignedAtBlock === null ? 0 : Math.max(0, head - oldestSignedAtBlock);
    metrics.oldestAttemptBlocks.set({ lane }, blocks);
  }
}

function observeChain({ view, rpc }: Services, metrics: Metrics): void {
  const chain = view();
  for (const { name: endpoint, state, head } of rpc.endpoints()) {
    metrics.endpointUp.set({ endpoint }, Number(state === "alive"));
    if (head !== undefined) metrics.endpointHead.set({ endpoint }, head);
  }
  if (!chain) return;
  metrics.headBlock.set(chain.head.number);
  metrics.readBlock.set(chain.readUpTo);
  metrics.headAgeSeconds.set(Date.now() / 1_000 - chain.head.timestampSeconds);
  metrics.seenAgeSeconds.set((performance.now() - chain.seenAtMilliseconds) / 1_000);
}

function observeProcess({ breaker }: Pick<Services, "breaker">, metrics: Metrics, observed: Observed): void {
  for (const { name: task, failuresInARow, lastSuccessAtMilliseconds } of observed.tasks()) {
    metrics.taskFailures.set({ task }, failuresInARow);
    if (lastSuccessAtMilliseconds !== undefined) {
      metrics.taskSuccess.set({ task }, lastSuccessAtMilliseconds / 1_000);
    }
  }
  metrics.failedObligations.set(breaker.failed.length);
  metrics.breakerOpen.set(Number(breaker.state.openSince !== null));
  metrics.proofsWaiting.set(observed.proofsWaiting());
  const enclaveExpirySeconds = observed.enclaveExpirySeconds();
  if (enclaveExpirySeconds !== undefined) metrics.enclaveExpirySeconds.set(enclaveExpirySeconds);
}

/** By lane: lanes that share a key have one balance. */
function observeBalances({ balances, senderAddresses, challengerAddress }: Services, metrics: Metrics): void {
  const lanes = { ...senderAddresses, ...(challengerAddress ? { challenge: challengerAddress } : {}) };
  for (const [lane, address] of Object.entries(lanes)) {
    const balance = balances.of(address);
    if (!balance) continue;
    metrics.balanceWei.set({ lane }, Number(balance.balanceWei));
    metrics.balanceTransactions.set({ lane }, balance.transactions);
    metrics.senderPoor.set({ lane }, Number(balance.isPoor));
  }
}

async function observeDisk({ config }: Services, metrics: Metrics): Promise<void> {
  if (!("file" in config.ledger)) return;
  const { file } = config.ledger;
  const { bavail, bsize } = await statfs(dirname(file));
  metrics.diskFreeBytes.set(bavail * bsize);
  metrics.ledgerBytes.set((await stat(file)).size);
}

function nameOf(token: Address): string {
  return token === ZERO_ADDRESS ? "ether" : token;
}
