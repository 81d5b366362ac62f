// SPDX-License-Identifier: MIT
import { certificateIds } from "@meantime/sdk/dcap/certificate";
import type { Contract } from "ethers";
import { ascii } from "../relayer/src/attest/simulated/pki/der.ts";
import { LEVELS, qeIdentityJson, tcbInfoJson } from "../relayer/src/attest/simulated/pki/documents.ts";
import {
  authorityCertificate,
  crl,
  PLATFORM_CA,
  ROOT,
  TCB_SIGNER,
} from "../relayer/src/attest/simulated/pki/intel.ts";
import { P256 } from "../relayer/src/attest/simulated/pki/keys.ts";
import { certificateOf } from "../relayer/src/attest/simulated/pki/nitro.ts";
import { ethers } from "../test/enclave/chain.ts";
import { deployOnTestRoot } from "../test/enclave/dcap-ready.ts";
import { enter } from "../test/enclave/dcap-world.ts";
import { deployNitroVerifier } from "../test/enclave/nitro-world.ts";
import {
  intelCall,
  intelImage,
  intelPolicy,
  keyOf,
  MAX_KEYS_PER_PLATFORM,
} from "../test/enclave/registry-world.ts";
import type { EnclaveEvidence } from "../types/ethers-contracts/index.ts";

/** As many as Intel's list for Platform CAs had in February 2026. */
const REVOKED = 57;
/** With them a TDX document is as long as Intel's longest that are known, 6.6 kB. */
const TCB_LEVELS = 6;

/**
 * Gas of whole transactions, from their receipts: entering a key by a TDX quote, its record included, with all
 * collateral there; entering a TCB info; entering a revocation list. The documents have the shapes of Intel's.
 */
export async function benchEnclaveDcap(): Promise<Record<string, number>> {
  const { collateral, verifier } = await deployOnTestRoot();
  const signer = authorityCertificate(TCB_SIGNER);
  const { authorityId } = certificateIds(signer);
  const enterSigned = (method: string, json: string) =>
    enter(collateral, method, ascii(json), P256.sign(ascii(json), TCB_SIGNER.key), authorityId);

  await enter(collateral, "enterCrl", crl(ROOT));
  await enter(collateral, "enterAuthority", authorityCertificate(PLATFORM_CA));
  await enter(collateral, "enterAuthority", signer);
  const serials = Array.from({ length: REVOKED }, (_, place) => (1n << 159n) + BigInt(place));
  const list = await enter(collateral, "enterCrl", crl(PLATFORM_CA, serials));
  const tcbInfo = await enterSigned("enterTcbInfo", longTcbInfo());
  await enterSigned("enterQeIdentity", qeIdentityJson());

  return {
    dcapWarm: await register(verifier),
    dcapCollateralTcb: Number(tcbInfo.gasUsed),
    dcapCollateralCrl: Number(list.gasUsed),
  };
}

// The second key: the first one finds counters fresh.
async function register(verifier: Contract): Promise<number> {
  const nitro = await deployNitroVerifier(certificateOf("root"));
  const authority = await ethers.deployContract("AccessManager", [(await ethers.getSigners())[0]]);
  const registry = await ethers.deployContract("EnclaveEvidence", [
    ...[authority, authority, nitro, verifier, MAX_KEYS_PER_PLATFORM],
  ]);
  const measurement = intelImage();
  await registry.getFunction("allowMeasurement")(measurement, 0, intelPolicy("tdx"));
  let gas = 0;
  for (const label of ["one", "two"]) {
    const call = await intelCall({ registry: registry as unknown as EnclaveEvidence }, keyOf(label));
    const receipt = await (await registry.getFunction("registerIntel")(...call)).wait();
    gas = Number(receipt?.gasUsed);
  }
  return gas;
}

function longTcbInfo(): string {
  const [newest, older] = LEVELS;
  if (!newest || !older) throw new Error("there are no levels");
  const advisories = Array.from(
    { length: 14 },
    (_, place) => `INTEL-SA-${String(100 + place).padStart(5, "0")}`,
  );
  const rest = Array.from({ length: TCB_LEVELS - 1 }, () => ({ ...older, advisories }));
  return tcbInfoJson({ levels: [newest, ...rest] });
}
