// SPDX-License-Identifier: GPL-3.0-or-later

import type { Hex } from "@meantime/sdk/hex";
import { EVIDENCE_RULES, type Policy } from "@meantime/sdk/policy";
import type { Contracts } from "../chain/contracts.ts";
import type { PolicyConfig } from "../config/load.ts";
import { RelayerError } from "../errors.ts";
import type { Logger } from "../ops/logger.ts";
import type { ServedPolicy } from "../services.ts";
import { policyTermsOf } from "./policy-terms.ts";

/** Rules under which a claim is final early by a proof of its own only. */
const RULES_OF_PROOF: readonly number[] = [EVIDENCE_RULES.zk, EVIDENCE_RULES.teeAndZk];

/**
 * Reads the terms of the configured policies.
 *
 * A closed policy is no error: its claims may still be open, and their challenges want answers.
 *
 * @throws RelayerError `MT-CFG-010` a policy is not registered
 */
export async function loadPolicies(
  configs: readonly PolicyConfig[],
  contracts: Contracts,
  logger: Logger,
): Promise<ServedPolicy[]> {
  return Promise.all(
    configs.map(async (config, index) => {
      const { terms, registeredAt } = await readPolicy(contracts, config.id);
      if (registeredAt === 0n) {
        throw new RelayerError(
          "MT-CFG-010",
          `policies.${index}.id: the policy ${config.name} is not registered`,
          "Name a policy that PolicyRegistry has.",
          { path: `policies.${index}.id` },
        );
      }
      if ((await contracts.settlement.closedAtOf(config.id)) !== 0n) {
        logger.warn(
          { code: "MT-CFG-012", policy: config.name },
          "the policy was closed: it takes no new work, its open claims are looked after",
        );
      }
      if (RULES_OF_PROOF.includes(terms.rule) && config.prove === "never") {
        logger.warn(
          { code: "MT-PRV-004", policy: config.name },
          "the policy closes claims by proof, but this relayer never proves unasked: its claims wait for the clock",
        );
      }
      return { ...config, terms };
    }),
  );
}

/** The terms of any policy, as registered. */
export async function readPolicy(
  contracts: Pick<Contracts, "policies">,
  id: Hex,
): Promise<{ terms: Policy; registeredAt: bigint }> {
  const { policy, registeredAt } = await contracts.policies.policyOf(id);
  return { registeredAt, terms: policyTermsOf(policy) };
}
