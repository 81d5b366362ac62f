// SPDX-License-Identifier: GPL-3.0-or-later

import { bindRegistry, publicEnclaveKey, standingOf } from "../attest/registry.ts";
import type { Services } from "../services.ts";
import type { Lane } from "../tx/intents.ts";

/** What runs out: looked at rarely, since it changes slowly. */
export interface Standing {
  senders: { lane: Lane; balanceWei: bigint; transactions: number }[];
  enclaveExpirySeconds: number | undefined;
}

/** What a commit of a full batch costs, with room to spare: balances are told in such transactions. */
export const TYPICAL_GAS = 250_000n;

/** Reads the senders' ether, what it is worth at the present fee, and how long the enclave's key counts. */
export async function readStanding(services: Services): Promise<Standing> {
  const { rpc, signers, clock } = services;
  const { maxFeePerGas, gasPrice } = await rpc.getFeeData();
  const costWei = (maxFeePerGas ?? gasPrice ?? 0n) * TYPICAL_GAS;
  const lanes = [
    { lane: "operator" as const, signer: signers.sender },
    ...(signers.challenger ? [{ lane: "watch" as const, signer: signers.challenger }] : []),
  ];
  const senders = await Promise.all(
    lanes.map(async ({ lane, signer }) => {
      const balanceWei = await rpc.getBalance(signer.address);
      const transactions = costWei === 0n ? 0 : Number(balanceWei / costWei);
      return { lane, balanceWei, transactions };
    }),
  );
  return { senders, enclaveExpirySeconds: await enclaveExpiry(services, clock.nowSeconds()) };
}

async function enclaveExpiry({ rpc, config }: Services, nowSeconds: number): Promise<number | undefined> {
  const { enclaveKey } = config.operator;
  const { enclaveEvidence } = config.chain;
  if (!enclaveKey || !enclaveEvidence) return undefined;
  const key = await standingOf(bindRegistry(enclaveEvidence, rpc), publicEnclaveKey(enclaveKey));
  return key.measurement === undefined ? 0 : key.expiresAt - nowSeconds;
}
