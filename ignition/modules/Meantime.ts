// SPDX-License-Identifier: MIT
import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";
import { id } from "ethers";

const CURATOR_ROLE = 1n;
const GUARDIAN_ROLE = 2n;
const DAY_SECONDS = 24 * 60 * 60;

const ZK = 1;
const TEE = 2;

/**
 * The whole protocol on one chain, the deployer still its administrator without delay: `scripts/chain/deployment.ts`
 * deploys it and hands the administration over, which a module cannot, because it depends on who the deployer is.
 *
 * Parameters: `curator`, `guardian` (addresses; the deployer where not given), `curatorDelaySeconds` (how long what adds
 * trust must be announced; what removes trust is instant).
 */
export default buildModule("Meantime", (m) => {
  const deployer = m.getAccount(0);
  const curator = m.getParameter("curator", deployer);
  const guardian = m.getParameter("guardian", deployer);
  const curatorDelaySeconds = m.getParameter("curatorDelaySeconds", DAY_SECONDS);

  const manager = m.contract("AccessManager", [deployer]);
  const models = m.contract("ModelRegistry", [manager]);
  const policies = m.contract("PolicyRegistry", [manager]);
  const enclaves = m.contract("EnclaveRegistry", [manager]);
  const groth16Evidence = m.contract("Groth16Evidence", [models]);
  const enclaveEvidence = m.contract("EnclaveEvidence", [models, enclaves]);
  const settlement = m.contract("Settlement", [policies]);

  // The first evidence contracts are part of the deployment; later ones wait out the curator's delay.
  const allowZk = m.call(policies, "allowEvidence", [ZK, groth16Evidence], { id: "allow_zk" });
  const allowTee = m.call(policies, "allowEvidence", [TEE, enclaveEvidence], { id: "allow_tee" });

  const assignments = [
    { role: CURATOR_ROLE, target: policies, signature: "allowEvidence(uint8,address)" },
    { role: CURATOR_ROLE, target: enclaves, signature: "register(address,bytes32,uint40)" },
    { role: GUARDIAN_ROLE, target: policies, signature: "retire(bytes32)" },
    { role: GUARDIAN_ROLE, target: policies, signature: "disallowEvidence(uint8,address)" },
    { role: GUARDIAN_ROLE, target: models, signature: "retire(bytes32)" },
    { role: GUARDIAN_ROLE, target: enclaves, signature: "revoke(address)" },
  ].map(({ role, target, signature }) =>
    m.call(manager, "setTargetFunctionRole", [target, [selectorOf(signature)], role], {
      id: `role_${role}_${target.id.replace(/\W/g, "_")}_${signature.split("(")[0]}`,
      after: [allowZk, allowTee],
    }),
  );
  const grantCurator = m.call(manager, "grantRole", [CURATOR_ROLE, curator, curatorDelaySeconds], {
    id: "grant_curator",
    after: assignments,
  });
  m.call(manager, "grantRole", [GUARDIAN_ROLE, guardian, 0], {
    id: "grant_guardian",
    after: [grantCurator],
  });
  return { manager, models, policies, enclaves, groth16Evidence, enclaveEvidence, settlement };
});

function selectorOf(signature: string): string {
  return id(signature).slice(0, 10);
}
