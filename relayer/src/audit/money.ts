// SPDX-License-Identifier: GPL-3.0-or-later

import type { Address } from "@meantime/sdk/hex";
import { ZERO_ADDRESS } from "@meantime/sdk/hex";
import { balanceOf } from "./balance.ts";
import { INTERFACES, lower } from "./events.ts";
import type { Findings } from "./findings.ts";
import { omissionBonds } from "./omission-bonds.ts";
import type { PinnedChain } from "./pinned-chain.ts";
import type { ChainRecord } from "./record.ts";
import { vaultsMoney } from "./vaults.ts";

/** What a contract owes in one token against what it holds, in wei of the token. */
export interface MoneyReport {
  contract: "settlement" | "receipts" | "requests" | "quorum";
  address: Address;
  token: Address;
  stakesWei: bigint;
  unbondingWei: bigint;
  bondsWei: bigint;
  /** Of requests that are open or delivered. */
  feesWei: bigint;
  creditsWei: bigint;
  burntWei: bigint;
  /** The sum of these: what the events say has to be there. */
  expectedWei: bigint;
  balanceWei: bigint;
  /** Sent there unasked. Negative: short. */
  unaskedWei: bigint;
}

/** Whether the contracts hold what their events say they owe (I-01, I-40, I-51), and their accounts say the same. */
export async function auditMoney(
  chain: PinnedChain,
  record: ChainRecord,
  findings: Findings,
): Promise<MoneyReport[]> {
  await compareAccounts(chain, record, findings);
  const settlement = await settlementMoney(chain, record);
  const bondTokens = [...record.policies.values()].map(({ policy }) => policy.bondToken);
  const tokens = new Set([...settlement.map(({ token }) => token), ...bondTokens]);
  const reports = [
    ...settlement,
    ...(await receiptsMoney(chain, record, findings)),
    ...(await vaultsMoney(chain, record, tokens, findings)),
  ];
  for (const { contract, address, token, unaskedWei, balanceWei, expectedWei } of reports) {
    const amount = token === ZERO_ADDRESS ? "wei" : `of the token ${token}`;
    if (unaskedWei < 0n) {
      const what = `${contract} holds ${balanceWei} ${amount} and owes ${expectedWei}`;
      findings.add("balance-short", what, undefined, { contract, address, token });
    }
    if (unaskedWei > 0n) {
      const what = `${contract} holds ${unaskedWei} ${amount} more than its events explain: sent there unasked`;
      findings.add("balance-unasked", what, undefined, { contract, address, token });
    }
  }
  return reports;
}

/** The state of every operator's account against what the events add up to. */
async function compareAccounts(chain: PinnedChain, record: ChainRecord, findings: Findings): Promise<void> {
  for (const account of sorted(record.accounts)) {
    const { operator, token, stakeWei, lockedWei, unbondingWei } = account;
    const call = INTERFACES.settlement.encodeFunctionData("operatorOf", [operator, token]);
    const output = await chain.call(chain.domain.settlement, lower(call));
    const [state] = INTERFACES.settlement.decodeFunctionResult("operatorOf", output);
    const about = { operator, token };
    const isEqual =
      state.stakeWei === stakeWei && state.lockedWei === lockedWei && state.unbondingWei === unbondingWei;
    if (!isEqual) {
      const ofState = `${state.stakeWei} staked, ${state.lockedWei} locked, ${state.unbondingWei} unbonding`;
      const ofEvents = `${stakeWei}, ${lockedWei} and ${unbondingWei}`;
      findings.add(
        "state-mismatch",
        `${operator} has ${ofState}; its events say ${ofEvents}`,
        undefined,
        about,
      );
    }
    if (state.lockedWei > state.stakeWei) {
      const what = `${operator} has ${state.lockedWei} wei locked and ${state.stakeWei} staked`;
      findings.add("exposure-uncovered", what, undefined, about);
    }
  }
}

async function settlementMoney(chain: PinnedChain, record: ChainRecord): Promise<MoneyReport[]> {
  const tokens = new Set(
    [...record.accounts.values()].map(({ token }) => token).concat(...record.money.keys()),
  );
  return Promise.all(
    [...tokens].sort().map(async (token): Promise<MoneyReport> => {
      const accounts = [...record.accounts.values()].filter((account) => account.token === token);
      const stakesWei = accounts.reduce((sum, account) => sum + account.stakeWei, 0n);
      const unbondingWei = accounts.reduce((sum, account) => sum + account.unbondingWei, 0n);
      const {
        disputeBondsWei: bondsWei = 0n,
        creditsWei = 0n,
        burntWei = 0n,
      } = record.money.get(token) ?? {};
      const expectedWei = stakesWei + unbondingWei + bondsWei + creditsWei + burntWei;
      const balanceWei = await balanceOf(chain, chain.domain.settlement, token);
      return {
        ...{ contract: "settlement", address: chain.domain.settlement, token, stakesWei, unbondingWei },
        ...{
          bondsWei,
          feesWei: 0n,
          creditsWei,
          burntWei,
          expectedWei,
          balanceWei,
          unaskedWei: balanceWei - expectedWei,
        },
      };
    }),
  );
}

async function receiptsMoney(
  chain: PinnedChain,
  record: ChainRecord,
  findings: Findings,
): Promise<MoneyReport[]> {
  const { bonds, unknown } = await omissionBonds(chain, record);
  for (const [claimId, place] of unknown) {
    const what = `the bond of the report of claim ${claimId} is in no calldata: Receipts' balance is not judged`;
    findings.add("accounts-unchecked", what, place, { claimId });
  }
  if (unknown.length > 0) return [];
  const tokens = new Set([ZERO_ADDRESS, ...bonds.keys(), ...record.receiptsWithdrawn.keys()]);
  return Promise.all(
    [...tokens].sort().map(async (token): Promise<MoneyReport> => {
      const { openWei = 0n, endedWei = 0n } = bonds.get(token) ?? {};
      const creditsWei = endedWei - (record.receiptsWithdrawn.get(token) ?? 0n);
      const balanceWei = await balanceOf(chain, chain.receipts, token);
      const expectedWei = openWei + creditsWei;
      return {
        ...{ contract: "receipts", address: chain.receipts, token, stakesWei: 0n, unbondingWei: 0n },
        ...{ bondsWei: openWei, feesWei: 0n, creditsWei, burntWei: 0n },
        ...{ expectedWei, balanceWei, unaskedWei: balanceWei - expectedWei },
      };
    }),
  );
}

function sorted<Value>(map: ReadonlyMap<string, Value>): Value[] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value);
}
