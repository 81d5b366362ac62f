// SPDX-License-Identifier: GPL-3.0-or-later

import type { Hex } from "@meantime/sdk/hex";
import type { NitroDocument } from "@meantime/sdk/nitro/document";
import { type ChainSignature, nitroSignatures } from "@meantime/sdk/nitro/signatures";
import { p384Hints } from "@meantime/sdk/p384-hints";

/** What has to be sent for a document to be verified, each part within the gas and the size of one transaction. */
export interface NitroPlan {
  /** Chains to have verified first. */
  chains: { certificates: Uint8Array[]; hints: Hex[] }[];
  /** For the document itself, with what is not verified of its chain by then. */
  hints: Hex[];
  /** What the first signature is on that cannot be right, if any; its hints are empty. */
  badSignature: string | undefined;
}

/** A verification takes about 1.5 million gas and 17 kB of hints: AWS's four certificates and a document fit. */
const SIGNATURES_PER_TRANSACTION = 5;

/**
 * Plans how `NitroVerifier` is given a document. Throws MT-SDK-650 for malformed DER.
 *
 * @param isVerified whether the verifier remembers a chain
 */
export async function planNitro(
  document: NitroDocument,
  isVerified: (chainId: Hex) => Promise<boolean>,
): Promise<NitroPlan> {
  const signatures = nitroSignatures(document);
  const chains: NitroPlan["chains"] = [];
  let hints: Hex[] = [];
  let badSignature: string | undefined;
  for (const [index, signature] of signatures.entries()) {
    if (signature.chainId !== undefined && (await isVerified(signature.chainId))) continue;
    if (hints.length === SIGNATURES_PER_TRANSACTION) {
      chains.push({ certificates: document.certificates.slice(0, index + 1), hints });
      hints = [];
    }
    const own = hintsOf(signature);
    badSignature ??= own === undefined ? nameOf(signature, index) : undefined;
    hints.push(own ?? "0x");
  }
  return { chains, hints, badSignature };
}

// A wrong signature has no hints. The contract shall say so itself.
function hintsOf({ signature }: ChainSignature): Hex | undefined {
  try {
    return p384Hints(signature);
  } catch {
    return undefined;
  }
}

function nameOf({ chainId }: ChainSignature, index: number): string {
  return chainId === undefined ? "the document" : `certificate ${index + 1} of the chain (the root is 0)`;
}
