// SPDX-License-Identifier: GPL-3.0-or-later

import { MeantimeError } from "@meantime/sdk/errors";
import { bytesToHex, type Hex } from "@meantime/sdk/hex";
import { type NitroDocument, readNitroDocument } from "@meantime/sdk/nitro/document";
import { explainRefusal } from "../../attest/explain.ts";
import { type NitroPlan, planNitro } from "../../attest/nitro-plan.ts";
import type { LocalContract, LocalEvm } from "./local-evm.ts";
import { type Judgement, NOTHING_KNOWN } from "./verdict.ts";

/** A document's certificates live for hours: the contract's own limit for age is not what is asked here. */
const ANY_AGE_SECONDS = 2 ** 40;
/** Those that say what an enclave runs; the others where they are not zero. */
const IMAGE_PCRS = [0, 1, 2];

/** Deploys NitroVerifier on a root. Throws what the provider throws where that is no root. */
export async function deployNitroVerifier(evm: LocalEvm, root: Uint8Array): Promise<LocalContract> {
  const p384 = await evm.deploy("P384", []);
  const sha384 = await evm.deploy("Sha384", []);
  return evm.deploy("NitroVerifier", [evm.account, root, p384.address, sha384.address]);
}

/** Has NitroVerifier judge a document in real transactions. */
export async function judgeNitro(
  verifier: LocalContract,
  bytes: Uint8Array,
  atSeconds: number,
): Promise<Judgement> {
  const document = attempt(() => readNitroDocument(bytes));
  const { chains, hints, badSignature } = await planOf(document);
  const claimed: Judgement = { ...NOTHING_KNOWN, ...claims(document), transactions: [] };
  const send = async (name: string, args: readonly unknown[]) => {
    claimed.transactions.push({ name: `NitroVerifier.${name}`, gas: await verifier.send(name, args) });
  };
  try {
    for (const chain of chains) await send("verifyChain", [chain.certificates, chain.hints]);
    const args = [bytes, hints, ANY_AGE_SECONDS];
    const [attestation] = await verifier.call("verify", args);
    await send("verify", args);
    return {
      ...claimed,
      measurement: { hash: attestation.measurement, ...claimed.measurement },
      publicKey: orNull(attestation.publicKey),
      userData: orNull(attestation.userData),
      nonce: orNull(attestation.nonce),
      expiresAt: Number(attestation.notAfter),
    };
  } catch (error) {
    const refusal = explainRefusal(error, { badSignature, at: atSeconds });
    if (refusal === undefined) throw error;
    return { ...claimed, refusal };
  }
}

/** Of bytes that are no document the contract says so itself, given hints for one signature. */
async function planOf(document: NitroDocument | undefined): Promise<NitroPlan> {
  const none: NitroPlan = { chains: [], hints: ["0x"], badSignature: undefined };
  if (document === undefined) return none;
  try {
    return await planNitro(document, async () => false);
  } catch (error) {
    if (error instanceof MeantimeError) return none;
    throw error;
  }
}

function claims(document: NitroDocument | undefined): Partial<Judgement> {
  if (document === undefined) return {};
  const shown = [...document.pcrs].filter(
    ([index, value]) => IMAGE_PCRS.includes(index) || value.some(Boolean),
  );
  return {
    measurement: Object.fromEntries(shown.map(([index, value]) => [`pcr${index}`, bytesToHex(value)])),
    publicKey: hexOrNull(document.publicKey),
    userData: hexOrNull(document.userData),
    nonce: hexOrNull(document.nonce),
  };
}

function hexOrNull(bytes: Uint8Array | null): Hex | null {
  return bytes === null ? null : bytesToHex(bytes);
}

function orNull(hex: Hex): Hex | null {
  return hex === "0x" ? null : hex;
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
