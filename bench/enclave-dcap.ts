// SPDX-License-Identifier: MIT
import { certificateIds } from "@meantime/sdk/dcap/certificate";
import { splitQuote } from "@meantime/sdk/dcap/quote";
import type { Contract } from "ethers";
import { ethers } from "../test/enclave/chain.ts";
import { deployOnTestRoot } from "../test/enclave/dcap-ready.ts";
import { ANY_STATUS, enter } from "../test/enclave/dcap-world.ts";
import { ascii } from "../test/enclave/pki/der.ts";
import { LEVELS, qeIdentityJson, tcbInfoJson } from "../test/enclave/pki/documents.ts";
import { authorityCertificate, crl, PLATFORM_CA, ROOT, TCB_SIGNER } from "../test/enclave/pki/intel.ts";
import { sign } from "../test/enclave/pki/keys.ts";
import { quote } from "../test/enclave/pki/quotes.ts";

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
    enter(collateral, method, ascii(json), sign(ascii(json), TCB_SIGNER.key), authorityId);

  await enter(collateral, "enterCrl", crl(ROOT));
  await enter(collateral, "enterAuthority", authorityCertificate(PLATFORM_CA));
  await enter(collateral, "enterAuthority", signer);
  const serials = Array.from({ length: REVOKED }, (_, place) => (1n << 159n) + BigInt(place));
  const list = await enter(collateral, "enterCrl", crl(PLATFORM_CA, serials));
  const tcbInfo = await enterSigned("enterTcbInfo", longTcbInfo());
  await enterSigned("enterQeIdentity", qeIdentityJson());

  const recorder = await ethers.deployContract("QuoteRecorder", [await verifier.getAddress()]);
  return {
    dcapWarm: await record(recorder as unknown as Contract),
    dcapCollateralTcb: Number(tcbInfo.gasUsed),
    dcapCollateralCrl: Number(list.gasUsed),
  };
}

// The second key: the first one finds the counter fresh.
async function record(recorder: Contract): Promise<number> {
  let gas = 0;
  for (const place of [1, 2]) {
    const key = ethers.toBeHex(place, 20);
    const binding: string = await recorder.getFunction("bindingOf")(key);
    const { parts } = splitQuote(quote({ report: [[520, binding.slice(2)]] }));
    const receipt = await (await recorder.getFunction("record")(key, parts, ANY_STATUS)).wait();
    gas = Number(receipt.gasUsed);
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
