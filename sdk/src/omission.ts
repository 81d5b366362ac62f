// SPDX-License-Identifier: MIT
import { CLAIM_TUPLE, claimWords, encodeCall } from "./chain/abi.ts";
import { type Chain, chainSeconds, challengeBondOf, omissionOf } from "./chain/chain.ts";
import type { ChainProvider } from "./chain/provider.ts";
import { MeantimeError } from "./errors.ts";
import { type Address, type Hex, ZERO_ADDRESS } from "./hex.ts";
import { type Receipt, verifyReceipt } from "./receipt.ts";
import { COMMIT_GRACE_SECONDS } from "./settlement.ts";
import { resolveTrust } from "./trust.ts";

/** A call as wallets send it. */
export interface PreparedCall {
  to: Address;
  data: Hex;
  valueWei: bigint;
}

/** A report that a claim was omitted, ready to be sent. */
export interface OmissionReport {
  /** The call of `Receipts.reportOmission`. */
  report: PreparedCall;
  /** Where the bond is paid in a token: the call that lets Receipts take it, to be mined before the report. */
  approval?: PreparedCall;
  /** The reporter's stake: back with a share of the penalty when the operator has no answer, lost when it has one. */
  bondWei: bigint;
}

/** How long reports are taken (`Limits.REPORT_WINDOW_SECONDS`). */
const REPORT_WINDOW_SECONDS = 604_800n;

/**
 * Prepares the report that a claim with a receipt was not committed in time. Throws MT-SDK-531 before its time (an hour
 * after `commitBy`; a pause of commits puts it off, which the contract judges) and after seven days more; MT-SDK-532 when it
 * was reported before; the errors of `verifyReceipt` for a receipt that binds nobody; and what the chain's provider throws.
 */
export async function prepareOmissionReport(receipt: Receipt, chain: Chain): Promise<OmissionReport> {
  const { nowSeconds: _, ...facts } = await resolveTrust({ chain }, receipt);
  verifyReceipt(receipt, facts);
  await requireReportable(receipt, chain);
  const { bondToken, challengeBondWei } = await challengeBondOf(chain, receipt.claim.policyId);
  const isEther = bondToken === ZERO_ADDRESS;
  const data = encodeCall(`reportOmission(${CLAIM_TUPLE},bytes)`, claimWords(receipt.claim), {
    bytes: receipt.signature,
  });
  const approve = encodeCall("approve(address,uint256)", chain.receipts, challengeBondWei);
  return {
    report: { to: chain.receipts, data, valueWei: isEther ? challengeBondWei : 0n },
    ...(isEther ? {} : { approval: { to: bondToken, data: approve, valueWei: 0n } }),
    bondWei: challengeBondWei,
  };
}

/**
 * Reports that a claim with a receipt was not committed in time, from an account of a wallet, and returns the hash of the
 * transaction. A day later the operator has answered, or `Receipts.resolveOmission` pays. Throws as
 * {@link prepareOmissionReport}, MT-SDK-533 where the bond is paid in a token, and what the wallet throws.
 */
export async function reportOmission(
  receipt: Receipt,
  { chain, wallet, from }: { chain: Chain; wallet: ChainProvider; from: Address },
): Promise<Hex> {
  const { report, approval } = await prepareOmissionReport(receipt, chain);
  if (approval !== undefined) {
    throw new MeantimeError("MT-SDK-533", `the bond is paid in the token ${approval.to}`, {
      hint: "Send the two calls of prepareOmissionReport one after the other.",
      details: { token: approval.to },
    });
  }
  const transaction = { from, to: report.to, data: report.data, value: `0x${report.valueWei.toString(16)}` };
  return (await wallet.request({ method: "eth_sendTransaction", params: [transaction] })) as Hex;
}

async function requireReportable({ claim, claimId }: Receipt, chain: Chain): Promise<void> {
  const [nowSeconds, { state }] = await Promise.all([chainSeconds(chain), omissionOf(chain, claimId)]);
  const includeBy = claim.commitBy + COMMIT_GRACE_SECONDS;
  const until = includeBy + REPORT_WINDOW_SECONDS;
  if (nowSeconds <= includeBy || nowSeconds >= until) {
    throw new MeantimeError(
      "MT-SDK-531",
      `the omission can be reported after ${includeBy} and before ${until}`,
      {
        hint: nowSeconds <= includeBy ? "Wait: the operator may still commit the claim." : "It is too late.",
        details: { nowSeconds, from: includeBy + 1n, until },
      },
    );
  }
  if (state === "None") return;
  throw new MeantimeError("MT-SDK-532", `the claim was reported before; the report is ${state}`, {
    hint: "Follow that report: `omissionOf`.",
    details: { claimId, state },
  });
}
