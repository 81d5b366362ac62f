// SPDX-License-Identifier: MIT
import { bytesToHex, type Hex } from "@meantime/sdk/hex";
import { readNitroDocument } from "@meantime/sdk/nitro/document";
import { nitroSignatures } from "@meantime/sdk/nitro/signatures";
import { p384Hints } from "@meantime/sdk/p384-hints";
import type { NitroVerifier } from "../../types/ethers-contracts/index.ts";
import { errorNameOf } from "../contracts/errors.ts";
import { ethers } from "./chain.ts";

export const MAX_AGE_SECONDS = 20_000;

/** A verifier under a root, whose guardian is the first account. */
export async function deployNitroVerifier(root: Uint8Array): Promise<NitroVerifier> {
  const [admin] = await ethers.getSigners();
  if (!admin) throw new Error("the network has no accounts");
  const authority = await ethers.deployContract("AccessManager", [admin.address]);
  const p384 = await ethers.deployContract("P384");
  const sha384 = await ethers.deployContract("Sha384");
  return ethers.deployContract("NitroVerifier", [authority, root, p384, sha384]);
}

/**
 * The hints for what the verifier does not remember. A signature that is wrong, for which there are none, gets those of
 * nothing; bytes that are no document get one such.
 */
export async function hintsFor(verifier: NitroVerifier, document: Uint8Array): Promise<Hex[]> {
  const hints: Hex[] = [];
  for (const { chainId, signature } of signaturesOf(document)) {
    if (chainId !== undefined && (await verifier.isVerified(chainId))) continue;
    hints.push(hintsOrNone(() => p384Hints(signature)));
  }
  return hints.length > 0 ? hints : ["0x"];
}

/** "accepted", or the name of the error by which the verifier refuses the document. */
export async function verdictOf(
  verifier: NitroVerifier,
  document: Uint8Array,
  hints?: Hex[],
  maxAgeSeconds: number = MAX_AGE_SECONDS,
): Promise<string | undefined> {
  return verifier.verify
    .staticCall(bytesToHex(document), hints ?? (await hintsFor(verifier, document)), maxAgeSeconds)
    .then(
      () => "accepted",
      (error: unknown) => errorNameOf(error),
    );
}

/** Verifies the document in a transaction, so that its chain is remembered; gives the gas. */
export async function verifyInTransaction(verifier: NitroVerifier, document: Uint8Array): Promise<number> {
  const sent = await verifier.verify(
    bytesToHex(document),
    await hintsFor(verifier, document),
    MAX_AGE_SECONDS,
  );
  const receipt = await sent.wait();
  return Number(receipt?.gasUsed);
}

function signaturesOf(document: Uint8Array): ReturnType<typeof nitroSignatures> {
  try {
    return nitroSignatures(readNitroDocument(document));
  } catch {
    return [];
  }
}

function hintsOrNone(make: () => Hex): Hex {
  try {
    return make();
  } catch {
    return "0x";
  }
}
