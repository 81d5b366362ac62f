// SPDX-License-Identifier: GPL-3.0-or-later

import { type CollateralBundle, type CollateralCall, collateralCalls } from "@meantime/sdk/dcap/collateral";
import { type SplitQuote, splitQuote } from "@meantime/sdk/dcap/quote";
import { readReport } from "@meantime/sdk/dcap/report";
import {
  TCB_STATUSES,
  type TcbStatusName,
  tcbStatusBits,
  tcbStatusName,
} from "@meantime/sdk/dcap/tcb-status";
import { MeantimeError } from "@meantime/sdk/errors";
import { type Hex, keccak256 } from "@meantime/sdk/hex";
import { explainRefusal, type Refusal, refusalText } from "../../attest/explain.ts";
import type { LocalContract, LocalEvm } from "./local-evm.ts";
import { type Judgement, malformed, NOTHING_KNOWN } from "./verdict.ts";

/** What of a quote is accepted beside what Intel's rules ask for. */
export interface QuotePolicy {
  /** Statuses of the platform. */
  statuses: readonly TcbStatusName[];
  minEvaluationNumber: number;
  /** An accepted MRSERVICETD beside the zero one, 48 bytes. */
  serviceTd?: Hex | undefined;
}

/** All of them but Revoked, which the contract never accepts. */
export const ACCEPTABLE_STATUSES = (Object.keys(TCB_STATUSES) as TcbStatusName[]).filter(
  (name) => name !== "Revoked",
);

/** Intel's contracts on one root. */
export interface QuoteVerifier {
  collateral: LocalContract;
  verifier: LocalContract;
}

/** Deploys them. Throws what the provider throws where that is no root, or none that is valid at this moment. */
export async function deployQuoteVerifier(evm: LocalEvm, root: Uint8Array): Promise<QuoteVerifier> {
  const collateral = await evm.deploy("IntelCollateral", [root]);
  return { collateral, verifier: await evm.deploy("IntelQuoteVerifier", [collateral.address]) };
}

/** Enters the collateral and has IntelQuoteVerifier judge a quote, all in real transactions. */
export async function judgeQuote(
  contracts: QuoteVerifier,
  bytes: Uint8Array,
  {
    bundle,
    policy,
    atSeconds,
  }: { bundle: Partial<CollateralBundle>; policy: QuotePolicy; atSeconds: number },
): Promise<Judgement> {
  let quote: SplitQuote;
  let calls: CollateralCall[];
  try {
    quote = splitQuote(bytes);
  } catch (error) {
    return { ...NOTHING_KNOWN, refusal: malformed(asMeantimeError(error)) };
  }
  const claimed: Judgement = { ...NOTHING_KNOWN, ...claims(quote), transactions: [] };
  try {
    calls = collateralCalls(bundle, authoritiesIn(quote, bundle));
  } catch (error) {
    return { ...claimed, refusal: malformed(asMeantimeError(error)) };
  }
  const refused = await enterAll(contracts.collateral, calls, claimed, atSeconds);
  return {
    ...claimed,
    ...(await judge(contracts.verifier, quote, {
      policy,
      atSeconds,
      isGiven: calls.length > 0,
      refused,
      claimed,
    })),
  };
}

async function enterAll(
  collateral: LocalContract,
  calls: readonly CollateralCall[],
  { transactions }: Judgement,
  atSeconds: number,
): Promise<string[]> {
  const refused: string[] = [];
  for (const { method, args } of calls) {
    try {
      transactions.push({ name: `IntelCollateral.${method}`, gas: await collateral.send(method, args) });
    } catch (error) {
      const refusal = explainRefusal(error, { at: atSeconds });
      if (refusal === undefined) throw error;
      refused.push(`${method} was refused, ${refusalText(refusal)}`);
    }
  }
  return refused;
}

interface Asked {
  policy: QuotePolicy;
  atSeconds: number;
  /** Whether there is any collateral. */
  isGiven: boolean;
  /** Documents of the collateral that did not get on the chain, and why. */
  refused: readonly string[];
  claimed: Judgement;
}

async function judge(verifier: LocalContract, quote: SplitQuote, asked: Asked): Promise<Partial<Judgement>> {
  const { policy, atSeconds, isGiven, refused, claimed } = asked;
  const argsUnder = (terms: QuotePolicy) => [quote.parts, encodedPolicy(terms), atSeconds];
  try {
    const [verified] = await verifier.call("verifyQuote", argsUnder(policy));
    const gas = await verifier.send("verifyQuote", argsUnder(policy));
    claimed.transactions.push({ name: "IntelQuoteVerifier.verifyQuote", gas });
    return {
      measurement: { hash: verified.measurement, ...claimed.measurement },
      tcbStatus: tcbStatusName(verified.status) ?? null,
      expiresAt: Number(verified.expiresAt),
    };
  } catch (error) {
    const refusal = explainRefusal(error, { at: atSeconds });
    if (refusal === undefined) throw error;
    const causes = isGiven ? refused : ["no collateral was given"];
    const withCause = { ...refusal, what: [refusal.what, ...causes].join("; ") };
    return { refusal: withCause, tcbStatus: await statusBehind(verifier, quote, asked, refusal) };
  }
}

/** The status of a platform that the policy alone refuses. */
async function statusBehind(
  verifier: LocalContract,
  quote: SplitQuote,
  { atSeconds }: Asked,
  { check, values }: Refusal,
): Promise<TcbStatusName | null> {
  if (check === "TcbStatusNotAllowed") return (values.status ?? null) as TcbStatusName | null;
  if (check !== "ServiceTdNotAllowed") return null;
  const lax = encodedPolicy({
    statuses: ACCEPTABLE_STATUSES,
    minEvaluationNumber: 0,
    serviceTd: readReport(quote).fields.mrServiceTd,
  });
  try {
    const [verified] = await verifier.call("verifyQuote", [quote.parts, lax, atSeconds]);
    return tcbStatusName(verified.status) ?? null;
  } catch {
    return null;
  }
}

function encodedPolicy({ statuses, minEvaluationNumber, serviceTd }: QuotePolicy) {
  return {
    statuses: tcbStatusBits(statuses),
    minEvaluationNumber,
    serviceTd: serviceTd === undefined ? `0x${"00".repeat(32)}` : keccak256(serviceTd),
  };
}

/** The authority that the quote carries itself, where the collateral has no chain to take it from. */
function authoritiesIn(
  { certificates }: SplitQuote,
  { pck_crl_issuer_chain, pck_crl }: Partial<CollateralBundle>,
): Uint8Array[] {
  return pck_crl_issuer_chain === undefined && pck_crl !== undefined ? certificates.slice(1, 2) : [];
}

function claims(quote: SplitQuote): Partial<Judgement> {
  const { fields, reportData } = readReport(quote);
  const measurement = Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name.replace(/^(mr|rtMr).*/, (one) => one.toLowerCase()),
      value,
    ]),
  );
  return { measurement, userData: reportData };
}

function asMeantimeError(error: unknown): MeantimeError {
  if (error instanceof MeantimeError) return error;
  throw error;
}
