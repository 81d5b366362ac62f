// SPDX-License-Identifier: MIT
import { type CollateralBundle, collateralCalls } from "@meantime/sdk/dcap/collateral";
import { splitQuote } from "@meantime/sdk/dcap/quote";
import { TCB_STATUSES, type TcbStatusName, tcbStatusBits } from "@meantime/sdk/dcap/tcb-status";
import type { Hex } from "@meantime/sdk/hex";
import type { Contract } from "ethers";
import { errorNameOf } from "../contracts/errors.ts";
import { ethers, networkHelpers } from "./chain.ts";

/** No transaction can have more from Osaka on (EIP-7825). */
export const TRANSACTION_GAS_LIMIT = 2n ** 24n;

/** Intel's contracts on one root. */
export interface DcapWorld {
  collateral: Contract;
  verifier: Contract;
}

/** What `verifyQuote` accepts beside what it is told. */
export interface QuotePolicy {
  statuses: number;
  minEvaluationNumber: number;
  serviceTd: string;
}

/** Every status that can be allowed. */
export const ANY_STATUS: QuotePolicy = {
  statuses: tcbStatusBits(Object.keys(TCB_STATUSES) as TcbStatusName[]),
  minEvaluationNumber: 0,
  serviceTd: ethers.ZeroHash,
};

export async function deployDcap(root: Uint8Array | Hex): Promise<DcapWorld> {
  const collateral = await ethers.deployContract("IntelCollateral", [root]);
  const verifier = await ethers.deployContract("IntelQuoteVerifier", [await collateral.getAddress()]);
  return { collateral: collateral as unknown as Contract, verifier: verifier as unknown as Contract };
}

/** Brings a bundle on chain, one transaction for each document. */
export async function enterBundle({ collateral }: DcapWorld, bundle: CollateralBundle): Promise<void> {
  for (const { method, args } of collateralCalls(bundle)) {
    await enter(collateral, method, ...args);
  }
}

/** Sends one document to IntelCollateral. The limit spares the search for one, which runs the call many times. */
export async function enter(collateral: Contract, method: string, ...args: unknown[]) {
  return (await collateral.getFunction(method)(...args, { gasLimit: TRANSACTION_GAS_LIMIT })).wait();
}

/** Asks for the judgement of a raw quote, or of its parts, as of the chain's time or another. */
export async function judge(
  { verifier }: DcapWorld,
  quote: Uint8Array | ReturnType<typeof splitQuote>["parts"],
  { policy = ANY_STATUS, asOf }: { policy?: QuotePolicy; asOf?: number } = {},
) {
  const parts = quote instanceof Uint8Array ? splitQuote(quote).parts : quote;
  return verifier.getFunction("verifyQuote")(parts, policy, asOf ?? (await networkHelpers.time.latest()));
}

/** What a call would do: "done", or the name of the custom error it reverts with. */
export async function outcomeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return "done";
  } catch (error) {
    const name = errorNameOf(error);
    if (!name) throw error;
    return name;
  }
}
