// SPDX-License-Identifier: MIT
import { INTEL_ROOT_CERTIFICATE } from "@meantime/sdk/dcap/intel-root";
import { AWS_NITRO_ROOT_CERTIFICATE } from "@meantime/sdk/nitro/aws-root";
import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";
import { id } from "ethers";

const CURATOR_ROLE = 1n;
const GUARDIAN_ROLE = 2n;
const DAY_SECONDS = 24 * 60 * 60;

const HEADER = "(address,bytes32,bytes32,bytes32,bytes32,uint32,uint64,uint64)";
const CLAIM = "(bytes32,bytes32,address,address,bytes32,bytes32,bytes32,uint64,uint64)";

const ZK = 1;
const TEE = 2;
const QUORUM = 4;

const QUORUM_THRESHOLD = 3;
const QUORUM_STAKE_WEI = 10n ** 18n;
const MAX_KEYS_PER_PLATFORM = 16;

const MEASUREMENT_POLICY = "(uint8,uint32,uint16,uint16,uint16,uint24)";

/**
 * The whole protocol on one chain, the deployer still its administrator without delay: `scripts/chain/deployment.ts`
 * deploys it and hands the administration over, which a module cannot, because it depends on who the deployer is.
 *
 * Parameters: `curator`, `guardian` (addresses; the deployer where not given), `curatorDelaySeconds` (how long what adds
 * trust must be announced; what removes trust is instant), `quorumThreshold`, `quorumStakeWei` and `quorumFounders` (pairs
 * of signer and owner; none where not given) of the committee of re-executors, `nitroRoot` and `intelRoot` (DER in
 * hexadecimal; AWS's and Intel's where not given) and `maxKeysPerPlatform` of the enclaves.
 */
export default buildModule("Meantime", (m) => {
  const deployer = m.getAccount(0);
  const curator = m.getParameter("curator", deployer);
  const guardian = m.getParameter("guardian", deployer);
  const curatorDelaySeconds = m.getParameter("curatorDelaySeconds", DAY_SECONDS);

  const quorumThreshold = m.getParameter("quorumThreshold", QUORUM_THRESHOLD);
  const quorumStakeWei = m.getParameter("quorumStakeWei", QUORUM_STAKE_WEI);
  const quorumFounders = m.getParameter<[string, string][]>("quorumFounders", []);

  const nitroRoot = m.getParameter<string>("nitroRoot", AWS_NITRO_ROOT_CERTIFICATE);
  const intelRoot = m.getParameter<string>("intelRoot", INTEL_ROOT_CERTIFICATE);
  const maxKeysPerPlatform = m.getParameter("maxKeysPerPlatform", MAX_KEYS_PER_PLATFORM);

  const manager = m.contract("AccessManager", [deployer]);
  const models = m.contract("ModelRegistry", [manager]);
  const policies = m.contract("PolicyRegistry", [manager]);
  const groth16Evidence = m.contract("Groth16Evidence", [models]);
  const nitroVerifier = m.contract("NitroVerifier", [
    ...[manager, nitroRoot],
    ...[m.contract("P384"), m.contract("Sha384")],
  ]);
  const intelCollateral = m.contract("IntelCollateral", [intelRoot]);
  const intelVerifier = m.contract("IntelQuoteVerifier", [intelCollateral]);
  const enclaveEvidence = m.contract("EnclaveEvidence", [
    ...[manager, models, nitroVerifier, intelVerifier, maxKeysPerPlatform],
  ]);
  const settlement = m.contract("Settlement", [manager, policies], {
    libraries: { Setbacks: m.library("Setbacks"), TermsCopy: m.library("TermsCopy") },
  });
  const quorumEvidence = m.contract("QuorumEvidence", [
    ...[manager, models, settlement],
    ...[quorumThreshold, quorumStakeWei, quorumFounders],
  ]);
  const receipts = m.contractAt("Receipts", m.staticCall(settlement, "RECEIPTS"));
  const requests = m.contract("InferenceRequests", [settlement, models]);
  const erc8274Verifier = m.contract("Erc8274Verifier", [settlement]);
  const lens = m.contract("MeantimeLens", [settlement]);

  // The first evidence contracts are part of the deployment; later ones wait out the curator's delay.
  const allowZk = m.call(policies, "allowEvidence", [ZK, groth16Evidence], { id: "allow_zk" });
  const allowTee = m.call(policies, "allowEvidence", [TEE, enclaveEvidence], { id: "allow_tee" });
  const allowQuorum = m.call(policies, "allowEvidence", [QUORUM, quorumEvidence], { id: "allow_quorum" });

  const assignments = [
    { role: CURATOR_ROLE, target: policies, signature: "allowEvidence(uint8,address)" },
    {
      role: CURATOR_ROLE,
      target: enclaveEvidence,
      signature: `allowMeasurement(bytes32,uint32,${MEASUREMENT_POLICY})`,
    },
    { role: CURATOR_ROLE, target: policies, signature: "allowBondToken(address)" },
    { role: GUARDIAN_ROLE, target: policies, signature: "disallowBondToken(address)" },
    { role: GUARDIAN_ROLE, target: policies, signature: "disallowEvidence(uint8,address)" },
    { role: GUARDIAN_ROLE, target: models, signature: "retire(bytes32)" },
    { role: GUARDIAN_ROLE, target: enclaveEvidence, signature: "revoke(bytes32)" },
    { role: GUARDIAN_ROLE, target: enclaveEvidence, signature: "markCompromised(bytes32,uint40)" },
    { role: GUARDIAN_ROLE, target: enclaveEvidence, signature: "removeMeasurement(bytes32)" },
    {
      role: GUARDIAN_ROLE,
      target: enclaveEvidence,
      signature: `tightenMeasurement(bytes32,${MEASUREMENT_POLICY})`,
    },
    { role: GUARDIAN_ROLE, target: nitroVerifier, signature: "revoke(bytes32,uint256)" },
    { role: CURATOR_ROLE, target: quorumEvidence, signature: "addSigner(address,address)" },
    { role: GUARDIAN_ROLE, target: quorumEvidence, signature: "removeSigner(address)" },
    { role: GUARDIAN_ROLE, target: receipts, signature: "markCompromised(address,address,uint40)" },
    { role: GUARDIAN_ROLE, target: settlement, signature: "pauseCommits(uint40)" },
    { role: GUARDIAN_ROLE, target: settlement, signature: "resumeCommits()" },
    { role: GUARDIAN_ROLE, target: settlement, signature: "closePolicy(bytes32)" },
    { role: GUARDIAN_ROLE, target: settlement, signature: `lengthenChallengeWindow(${HEADER},uint40)` },
    { role: GUARDIAN_ROLE, target: settlement, signature: `lengthenDeadline(${HEADER},uint256,uint40)` },
    { role: GUARDIAN_ROLE, target: settlement, signature: `voidChallenge(bytes32,${CLAIM},uint256,address)` },
  ].map(({ role, target, signature }) =>
    m.call(manager, "setTargetFunctionRole", [target, [selectorOf(signature)], role], {
      id: `role_${role}_${target.id.replace(/\W/g, "_")}_${signature.split("(")[0]}`,
      after: [allowZk, allowTee, allowQuorum],
    }),
  );
  const grantCurator = m.call(manager, "grantRole", [CURATOR_ROLE, curator, curatorDelaySeconds], {
    id: "grant_curator",
    after: assignments,
  });
  const grantGuardian = m.call(manager, "grantRole", [GUARDIAN_ROLE, guardian, 0], {
    id: "grant_guardian",
    after: [grantCurator],
  });
  // The guardian can stop what the curator has announced.
  m.call(manager, "setRoleGuardian", [CURATOR_ROLE, GUARDIAN_ROLE], { after: [grantGuardian] });
  return {
    manager,
    models,
    policies,
    nitroVerifier,
    intelCollateral,
    intelVerifier,
    groth16Evidence,
    enclaveEvidence,
    quorumEvidence,
    settlement,
    receipts,
    requests,
    erc8274Verifier,
    lens,
  };
});

function selectorOf(signature: string): string {
  return id(signature).slice(0, 10);
}
