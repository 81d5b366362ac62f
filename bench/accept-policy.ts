// SPDX-License-Identifier: MIT
import type { Hex } from "@meantime/sdk/hex";
import type { LocalStack } from "../scripts/stack/local.ts";

/** Lets the stack's operator promise and commit under one more policy. */
export async function acceptPolicy(
  { chain, deployment, operator }: LocalStack,
  policyId: Hex,
): Promise<void> {
  const owner = operator.owner.connect(chain.connection.ethers.provider);
  const settlement = deployment.settlement.connect(owner);
  await (await settlement.setSender(operator.sender.address, [policyId], true)).wait();
  await (await deployment.receipts.connect(owner).acceptPolicies([policyId])).wait();
}
