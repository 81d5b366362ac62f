// SPDX-License-Identifier: MIT
import type { BatchHeader } from "@meantime/sdk/batch";
import type { Claim } from "@meantime/sdk/claim";
import type { SettlementDomain } from "@meantime/sdk/domain";
import { type Address, type Hex, randomBytes32 } from "@meantime/sdk/hex";

export const testDomain: SettlementDomain = {
  chainId: 31_337n,
  settlement: "0x5fbdb2315678afecb367f032d93f642f64180aa3",
};

export function randomWord(): Hex {
  return randomBytes32();
}

export function randomAddress(): Address {
  return randomBytes32().slice(0, 42) as Address;
}

/** A claim whose fields are all different; its model and policy share the kinds 1 and 2. */
export function randomClaim(): Claim {
  const servedAt = 1_800_000_000n + (BigInt(randomBytes32()) & 0xffffn);
  return {
    modelId: `${randomWord().slice(0, -2)}03` as Hex,
    policyId: `${randomWord().slice(0, -2)}03` as Hex,
    operator: randomAddress(),
    requester: randomAddress(),
    requestId: randomWord(),
    inputHash: randomWord(),
    outputHash: randomWord(),
    servedAt,
    commitBy: servedAt + 600n,
  };
}

export function randomHeader(): BatchHeader {
  return {
    operator: randomAddress(),
    policyId: randomWord(),
    modelId: randomWord(),
    root: randomWord(),
    dataRoot: randomWord(),
    count: 1 + Number(BigInt(randomBytes32()) & 0xfffn),
    oldestServedAt: BigInt(randomBytes32()) >> 192n,
    nonce: BigInt(randomBytes32()) >> 192n,
  };
}
