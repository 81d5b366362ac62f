// SPDX-License-Identifier: GPL-3.0-or-later

import inferenceRequestsAbi from "@meantime/sdk/abi/InferenceRequests" with { type: "json" };
import { decodeWords, encodeCall } from "@meantime/sdk/chain/abi";
import { MeantimeError } from "@meantime/sdk/errors";
import type { Address, Hex } from "@meantime/sdk/hex";
import { OUTPUT_KECCAK } from "@meantime/sdk/request";
import { Interface } from "ethers";
import { BadInputError } from "../cli/enclave/bad-input.ts";
import type { Findings } from "./findings.ts";
import { addressNamedBy, type PinnedChain } from "./pinned-chain.ts";

const REQUESTED = new Interface(inferenceRequestsAbi).getEvent("InferenceRequested")?.topicHash as Hex;

/**
 * The contracts that take requests. Settlement does not know them: where none is named, every contract that had a request
 * and says that it is about this Settlement is one, whoever made it.
 *
 * @throws BadInputError `MT-AUDIT-003` one that is named is about another Settlement
 */
export async function findRequests(
  chain: PinnedChain,
  findings: Findings,
  named: readonly Address[] | undefined,
): Promise<Address[]> {
  if (named === undefined) return searched(chain, findings);
  for (const address of named) {
    if (await isOurs(chain, address)) continue;
    throw new BadInputError(
      "MT-AUDIT-003",
      `${address} is no InferenceRequests contract of this Settlement`,
      "Correct --requests.",
    );
  }
  return [...named];
}

async function searched(chain: PinnedChain, findings: Findings): Promise<Address[]> {
  const found = new Set<Address>();
  const from = await chain.deployedAt(chain.domain.settlement);
  try {
    for await (const logs of chain.logs(undefined, from, chain.pinned.number, [REQUESTED])) {
      for (const { address } of logs) found.add(address);
    }
  } catch (error) {
    if (!isRefusal(error)) throw error;
    const what = "the node does not search for contracts that took requests: their money is not checked";
    findings.add("accounts-unchecked", what, undefined);
    return [];
  }
  const ours = await Promise.all([...found].map((address) => isOurs(chain, address)));
  return [...found].filter((_, at) => ours[at]).sort();
}

async function isOurs(chain: PinnedChain, address: Address): Promise<boolean> {
  try {
    const settlement = await addressNamedBy(chain, address, "SETTLEMENT");
    // Evidence contracts name their Settlement too.
    const [scheme] = decodeWords(await chain.call(address, encodeCall("OUTPUT_KECCAK()")), 1);
    return settlement === chain.domain.settlement && scheme === BigInt(OUTPUT_KECCAK);
  } catch (error) {
    if (isRefusal(error)) return false;
    throw error;
  }
}

/** The node refused, or answered what cannot be decoded. */
function isRefusal(error: unknown): boolean {
  return error instanceof MeantimeError && ["MT-SDK-702", "MT-SDK-703"].includes(error.code);
}
