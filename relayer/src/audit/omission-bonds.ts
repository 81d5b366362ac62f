// SPDX-License-Identifier: GPL-3.0-or-later

import { claimId, parseClaim } from "@meantime/sdk/claim";
import { MeantimeError } from "@meantime/sdk/errors";
import type { Address, Hex } from "@meantime/sdk/hex";
import type { Result } from "ethers";
import { INTERFACES } from "./events.ts";
import type { Place } from "./findings.ts";
import type { PinnedChain } from "./pinned-chain.ts";
import type { ChainRecord } from "./record.ts";

/** Bonds of reports in one token: of those that are open, and of those that ended in somebody's credit. */
export interface OmissionBonds {
  openWei: bigint;
  endedWei: bigint;
}

/**
 * What reports of omissions cost. Their events name no policy: it is in the calldata of the report, also where another
 * contract made it.
 */
export async function omissionBonds(
  chain: PinnedChain,
  record: ChainRecord,
): Promise<{ bonds: Map<Address, OmissionBonds>; unknown: [Hex, Place][] }> {
  const bonds = new Map<Address, OmissionBonds>();
  const unknown: [Hex, Place][] = [];
  for (const [id, { place, state }] of record.omissions) {
    const transaction = await chain.transaction(place.txHash);
    const policyId = transaction && reportedPolicy(chain, transaction.input, id);
    const policy = policyId && record.policies.get(policyId)?.policy;
    if (!policy) {
      unknown.push([id, place]);
      continue;
    }
    const sum = bonds.get(policy.bondToken) ?? { openWei: 0n, endedWei: 0n };
    bonds.set(policy.bondToken, sum);
    sum[state === "Open" ? "openWei" : "endedWei"] += policy.challengeBondWei;
  }
  return { bonds, unknown };
}

function reportedPolicy(chain: PinnedChain, input: Hex, id: Hex): Hex | undefined {
  const selector = INTERFACES.receipts.getFunction("reportOmission")?.selector.slice(2) ?? "";
  for (let at = input.indexOf(selector); at !== -1; at = input.indexOf(selector, at + 1)) {
    try {
      const call = INTERFACES.receipts.decodeFunctionData("reportOmission", `0x${input.slice(at)}`);
      const claim = parseClaim(textOf(call.claim as Result));
      if (claimId(chain.domain, claim) === id) return claim.policyId;
    } catch (error) {
      // Bytes that only look like the call; ethers' errors name themselves by a code of their own.
      if (!(error instanceof MeantimeError) && !(error instanceof Error && "code" in error)) throw error;
    }
  }
  return undefined;
}

function textOf(claim: Result): Record<string, string> {
  return Object.fromEntries(Object.entries(claim.toObject()).map(([name, value]) => [name, String(value)]));
}
