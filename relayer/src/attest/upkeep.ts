// SPDX-License-Identifier: GPL-3.0-or-later

import type { Rpc } from "../chain/rpc.ts";
import type { RelayerConfig } from "../config/load.ts";
import { describeError } from "../errors.ts";
import type { Task } from "../ops/supervisor.ts";
import type { Services } from "../services.ts";
import { createAttestor } from "./create-attestor.ts";
import type { RegistrationOrder } from "./register.ts";
import { publicEnclaveKey } from "./registry.ts";
import { createRenewal, type EnclaveKeyFacts, type Renewal } from "./renewal.ts";

/** The daemon's care for its enclave's key. */
export interface EnclaveUpkeep {
  /** Empty where the configuration has no enclave to register. */
  tasks: Task[];
  /** For the metric and its alert; undefined without an enclave to register. */
  facts: () => EnclaveKeyFacts | undefined;
}

const EVERY_MILLISECONDS = 5_000;

/** Registers the enclave's key once, before anything is attested with it, and makes the task that renews it. */
export async function startEnclaveUpkeep(services: Services): Promise<EnclaveUpkeep> {
  const { config, rpc, clock, logger } = services;
  const order = registrationOrder(config, rpc);
  if (config.enclave === undefined || order === undefined) return { tasks: [], facts: () => undefined };
  const { renewBeforeSeconds } = config.enclave;
  const renewal: Renewal = createRenewal({ order, renewBeforeSeconds, clock, logger });
  try {
    await renewal.run();
  } catch (error) {
    logger.error(describeError(error), "the enclave's key is not registered yet; it will be tried again");
  }
  return {
    tasks: [{ name: "enclave", everyMilliseconds: EVERY_MILLISECONDS, run: () => renewal.run() }],
    facts: () => renewal.facts(),
  };
}

/** What a configuration says about registering its enclave's key; undefined where it says nothing. */
export function registrationOrder(
  { chain, operator, enclave }: RelayerConfig,
  rpc: Rpc,
): RegistrationOrder | undefined {
  const { enclaveKey } = operator;
  if (enclave === undefined || enclaveKey === undefined || chain.enclaveEvidence === undefined)
    return undefined;
  return {
    rpc,
    chainId: chain.chainId,
    enclaveEvidence: chain.enclaveEvidence,
    key: publicEnclaveKey(enclaveKey),
    measurement: enclave.measurement,
    attestor: createAttestor(enclave.attestor, async () => (await rpc.getBlock("latest"))?.timestamp ?? 0),
    registrarKey: enclave.registrarKey,
  };
}
