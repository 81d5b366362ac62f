// SPDX-License-Identifier: GPL-3.0-or-later

import type { Address } from "@meantime/sdk/hex";
import type { RequestStateName } from "@meantime/sdk/request";
import { lower } from "./events.ts";
import type { ChainRecord, CommitteeRecord, RequestsRecord, SignerRecord } from "./record.ts";
import type { Handler, Happened } from "./replay.ts";

/** What events of InferenceRequests say of its money. */
export const REQUEST_HANDLERS: Record<string, Handler> = {
  InferenceRequested: ({ record, args, place, address }) => {
    const { requests } = requestsOf(record, address);
    requests.set(lower(args.requestId), { feeWei: args.request.feeWei, state: "Open", place });
  },
  RequestDelivered: (happened) => moveRequest(happened, "Delivered"),
  RequestSettled: (happened) => moveRequest(happened, "Settled", lower(happened.args.operator)),
  RequestRefunded: (happened) => moveRequest(happened, "Refunded", lower(happened.args.requester)),
  RequestExpired: (happened) => moveRequest(happened, "Expired", lower(happened.args.requester)),
  Withdrawn: (happened) => withdraw(requestsOf(happened.record, happened.address), happened),
};

/** What events of QuorumEvidence say of its signers and its money. */
export const COMMITTEE_HANDLERS: Record<string, Handler> = {
  SignerAdded: ({ record, args, address }) => {
    const entry: SignerRecord = { owner: lower(args.owner), stakeWei: 0n, standing: "Member" };
    committeeOf(record, address).signers.set(lower(args.signer), entry);
  },
  SignerStaked: (happened) =>
    onSigner(happened, (signer) => {
      signer.stakeWei += happened.args.amountWei;
    }),
  SignerResigned: (happened) =>
    onSigner(happened, (signer) => {
      signer.standing = "Leaving";
    }),
  SignerRemoved: (happened) =>
    onSigner(happened, (signer) => {
      signer.standing = "Leaving";
    }),
  SignerExited: (happened) =>
    onSigner(happened, (signer, { creditsWei }) => {
      const { owner, amountWei } = happened.args;
      signer.stakeWei -= amountWei;
      signer.standing = "Exited";
      change(creditsWei, lower(owner), amountWei);
    }),
  SignerSlashed: (happened) => {
    const { record, args, place } = happened;
    record.contradictions.push({ signer: lower(args.signer), place });
    onSigner(happened, (signer, committee) => {
      signer.stakeWei -= args.reporterWei + args.burnWei;
      signer.standing = "Slashed";
      change(committee.creditsWei, lower(args.reporter), args.reporterWei);
      committee.burntWei += args.burnWei;
    });
  },
  Withdrawn: (happened) => withdraw(committeeOf(happened.record, happened.address), happened),
};

/** @param credited who has the fee from now on */
function moveRequest(
  { record, args, place, address }: Happened,
  state: RequestStateName,
  credited?: Address,
): void {
  const { requests, creditsWei } = requestsOf(record, address);
  const request = requests.get(lower(args.requestId));
  if (request === undefined) {
    const what = `an event of ${address} is about ${lower(args.requestId)}, which nobody requested`;
    record.contradictory.push({ what, place });
    return;
  }
  request.state = state;
  if (credited === undefined) return;
  change(creditsWei, credited, args.feeWei);
  if (args.feeWei === request.feeWei) return;
  const what = `request ${lower(args.requestId)} had a fee of ${request.feeWei} wei, and ${args.feeWei} were credited`;
  record.contradictory.push({ what, place });
}

function onSigner(
  { record, args, place, address }: Happened,
  alter: (signer: SignerRecord, committee: CommitteeRecord) => void,
): void {
  const committee = committeeOf(record, address);
  const signer = committee.signers.get(lower(args.signer));
  if (signer) alter(signer, committee);
  else record.contradictory.push({ what: `${lower(args.signer)} was never added to ${address}`, place });
}

function withdraw({ creditsWei }: { creditsWei: Map<Address, bigint> }, { record, args, place }: Happened) {
  const amountWei: bigint = args.amountWei;
  if (BigInt(args.token) === 0n) return change(creditsWei, lower(args.account), -amountWei);
  const what = `${amountWei} of the token ${lower(args.token)} were paid out by a contract that owes ether alone`;
  record.contradictory.push({ what, place });
}

function change(creditsWei: Map<Address, bigint>, account: Address, byWei: bigint): void {
  creditsWei.set(account, (creditsWei.get(account) ?? 0n) + byWei);
}

function requestsOf({ requests }: ChainRecord, address: Address): RequestsRecord {
  const known = requests.get(address);
  if (known) return known;
  const fresh: RequestsRecord = { requests: new Map(), creditsWei: new Map() };
  requests.set(address, fresh);
  return fresh;
}

function committeeOf({ committees }: ChainRecord, address: Address): CommitteeRecord {
  const known = committees.get(address);
  if (known) return known;
  const fresh: CommitteeRecord = { signers: new Map(), creditsWei: new Map(), burntWei: 0n };
  committees.set(address, fresh);
  return fresh;
}
