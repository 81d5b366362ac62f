// SPDX-License-Identifier: GPL-3.0-or-later

import { MeantimeError } from "@meantime/sdk/errors";
import type { Address, Hex } from "@meantime/sdk/hex";
import { ZERO_ADDRESS } from "@meantime/sdk/hex";
import { REQUEST_STATES } from "@meantime/sdk/request";
import type { Result } from "ethers";
import { balanceOf } from "./balance.ts";
import { INTERFACES, lower } from "./events.ts";
import type { Findings } from "./findings.ts";
import type { MoneyReport } from "./money.ts";
import type { PinnedChain } from "./pinned-chain.ts";
import type { ChainRecord, CommitteeRecord, RequestsRecord } from "./record.ts";

/** Questions that are asked at a time. */
const AT_A_TIME = 32;
/** `IQuorumEvidence.Standing` as the contract numbers it. */
const STANDINGS = { None: 0, Member: 1, Leaving: 2, Exited: 3, Slashed: 4 } as const;

/**
 * What contracts of requests and committees hold against what their events say they owe (I-40, I-51), and whether their own
 * accounts say the same. They owe ether alone; of `tokens` they are only asked what was sent there.
 */
export async function vaultsMoney(
  chain: PinnedChain,
  record: ChainRecord,
  tokens: Iterable<Address>,
  findings: Findings,
): Promise<MoneyReport[]> {
  const reports: MoneyReport[] = [];
  for (const [address, requests] of byAddress(record.requests)) {
    await compare(chain, "requests", address, requestQuestions(requests), findings);
    reports.push(...(await holdings(chain, owedByRequests(address, requests), tokens)));
  }
  for (const [address, committee] of byAddress(record.committees)) {
    await compare(chain, "quorum", address, committeeQuestions(committee), findings);
    reports.push(...(await holdings(chain, owedByCommittee(address, committee), tokens)));
  }
  return reports;
}

type Vault = "requests" | "quorum";

/** What the contract is asked, and what it has to say by its events. */
interface Question {
  about: string;
  call: string;
  args: readonly unknown[];
  told: string;
  read(answer: Result): string;
}

type Owed = Omit<MoneyReport, "expectedWei" | "balanceWei" | "unaskedWei">;

function requestQuestions({ requests, creditsWei }: RequestsRecord): Question[] {
  const names = Object.keys(REQUEST_STATES);
  const states = [...requests].map(([id, { state }]): Question => {
    const read = (answer: Result) => names[Number(answer.state)] ?? String(answer.state);
    return { about: `request ${id}`, call: "stateOf", args: [id], told: state, read };
  });
  return [...states, ...creditQuestions(creditsWei)];
}

function committeeQuestions({ signers, creditsWei }: CommitteeRecord): Question[] {
  const names = Object.keys(STANDINGS);
  const entries = [...signers].map(([signer, { owner, stakeWei, standing }]): Question => {
    const read = ([entry]: Result) =>
      `${names[Number(entry.standing)]} of ${lower(entry.owner)} with ${entry.stakeWei} wei`;
    const told = `${standing} of ${owner} with ${stakeWei} wei`;
    return { about: `signer ${signer}`, call: "signerOf", args: [signer], told, read };
  });
  const members = [...signers].filter(([, { standing }]) => standing === "Member").map(([signer]) => signer);
  const read = ([found]: Result) => listed([...found].map(lower));
  const told = listed(members);
  return [
    ...entries,
    { about: "the members", call: "members", args: [], told, read },
    ...creditQuestions(creditsWei),
  ];
}

function creditQuestions(creditsWei: ReadonlyMap<Address, bigint>): Question[] {
  return [...creditsWei].map(([account, wei]): Question => {
    const read = ([amount]: Result) => `${amount} wei`;
    const args = [account, ZERO_ADDRESS];
    return { about: `the credit of ${account}`, call: "creditOf", args, told: `${wei} wei`, read };
  });
}

/** Asks the contract about everything that its events are about. */
async function compare(
  chain: PinnedChain,
  vault: Vault,
  address: Address,
  questions: readonly Question[],
  findings: Findings,
): Promise<void> {
  for (let from = 0; from < questions.length; from += AT_A_TIME) {
    const some = questions.slice(from, from + AT_A_TIME);
    const answers = await Promise.all(some.map((question) => ask(chain, vault, address, question)));
    for (const [at, { about, told }] of some.entries()) {
      const answer = answers[at];
      if (answer === told) continue;
      if (answer === undefined) {
        const what = `${vault} at ${address} does not say what ${about} is`;
        findings.add("accounts-unchecked", what, undefined, { contract: address });
        continue;
      }
      const what = `${vault} at ${address}: ${about} is ${answer}, and ${told} by its events`;
      findings.add("state-mismatch", what, undefined, { contract: address });
    }
  }
}

/** Undefined: the contract refuses, or says what it cannot mean. */
async function ask(
  chain: PinnedChain,
  vault: Vault,
  address: Address,
  { call, args, read }: Question,
): Promise<string | undefined> {
  const abi = INTERFACES[vault];
  let output: Hex;
  try {
    output = await chain.call(address, lower(abi.encodeFunctionData(call, args)));
  } catch (error) {
    if (error instanceof MeantimeError && error.code === "MT-SDK-702") return undefined;
    throw error;
  }
  try {
    return read(abi.decodeFunctionResult(call, output));
  } catch {
    return undefined;
  }
}

function owedByRequests(address: Address, { requests, creditsWei }: RequestsRecord): Owed {
  const open = [...requests.values()].filter(({ state }) => state === "Open" || state === "Delivered");
  return {
    ...{ contract: "requests", address, token: ZERO_ADDRESS, stakesWei: 0n, unbondingWei: 0n, bondsWei: 0n },
    feesWei: open.reduce((sum, { feeWei }) => sum + feeWei, 0n),
    ...{ creditsWei: sumOf(creditsWei), burntWei: 0n },
  };
}

function owedByCommittee(address: Address, { signers, creditsWei, burntWei }: CommitteeRecord): Owed {
  const stakesOf = (isMember: boolean) =>
    [...signers.values()]
      .filter(({ standing }) => (standing === "Member") === isMember)
      .reduce((sum, { stakeWei }) => sum + stakeWei, 0n);
  return {
    ...{ contract: "quorum", address, token: ZERO_ADDRESS, bondsWei: 0n, feesWei: 0n },
    ...{ stakesWei: stakesOf(true), unbondingWei: stakesOf(false) },
    ...{ creditsWei: sumOf(creditsWei), burntWei },
  };
}

/** The ether that is owed, and tokens that somebody sent: of those that nobody sent there is no line. */
async function holdings(chain: PinnedChain, owed: Owed, tokens: Iterable<Address>): Promise<MoneyReport[]> {
  const expectedWei =
    owed.stakesWei + owed.unbondingWei + owed.bondsWei + owed.feesWei + owed.creditsWei + owed.burntWei;
  const etherWei = await chain.etherOf(owed.address);
  const reports = [{ ...owed, expectedWei, balanceWei: etherWei, unaskedWei: etherWei - expectedWei }];
  for (const token of [...tokens].sort()) {
    if (token === ZERO_ADDRESS) continue;
    const balanceWei = await balanceOf(chain, owed.address, token);
    const none = { stakesWei: 0n, unbondingWei: 0n, bondsWei: 0n, feesWei: 0n, creditsWei: 0n, burntWei: 0n };
    const line = { ...owed, ...none, token, expectedWei: 0n, balanceWei, unaskedWei: balanceWei };
    if (balanceWei !== 0n) reports.push(line);
  }
  return reports;
}

function sumOf(amounts: ReadonlyMap<Address, bigint>): bigint {
  return [...amounts.values()].reduce((sum, wei) => sum + wei, 0n);
}

function listed(addresses: readonly Address[]): string {
  return [...addresses].sort().join(", ");
}

function byAddress<Value>(map: ReadonlyMap<Address, Value>): [Address, Value][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}
