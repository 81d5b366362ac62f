// SPDX-License-Identifier: GPL-3.0-or-later

import { bindRegistry, publicEnclaveKey, standingOf } from "../attest/registry.ts";
import type { Services } from "../services.ts";

/** How long the enclave's key counts, in seconds; undefined where there is none. Looked at rarely: it changes slowly. */
export async function readEnclaveExpiry({ rpc, config, clock }: Services): Promise<number | undefined> {
  const { enclaveKey } = config.operator;
  const { enclaveEvidence } = config.chain;
  if (!enclaveKey || !enclaveEvidence) return undefined;
  const key = await standingOf(bindRegistry(enclaveEvidence, rpc), publicEnclaveKey(enclaveKey));
  return key.measurement === undefined ? 0 : key.expiresAt - clock.nowSeconds();
}
