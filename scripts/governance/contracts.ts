// SPDX-License-Identifier: MIT
import type { Deployment } from "../chain/deployment.ts";

/** The contract behind each name of a deployment, in the order of docs/GOVERNANCE.md. */
export const CONTRACTS: Record<keyof Deployment, string> = {
  settlement: "Settlement",
  receipts: "Receipts",
  requests: "InferenceRequests",
  policies: "PolicyRegistry",
  models: "ModelRegistry",
  groth16Evidence: "Groth16Evidence",
  enclaveEvidence: "EnclaveEvidence",
  nitroVerifier: "NitroVerifier",
  intelCollateral: "IntelCollateral",
  intelVerifier: "IntelQuoteVerifier",
  quorumEvidence: "QuorumEvidence",
  erc8274Verifier: "Erc8274Verifier",
  lens: "MeantimeLens",
  manager: "AccessManager",
};
