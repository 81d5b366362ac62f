// SPDX-License-Identifier: GPL-3.0-or-later

import { encodeEnclavePublicKey, nitroMeasurement } from "@meantime/sdk/enclave-keys";
import { bytesToHex, type Hex, hexToBytes } from "@meantime/sdk/hex";
import { sha384 } from "@noble/hashes/sha2.js";
import type { Attestor } from "../platform.ts";
import { ascii } from "./pki/der.ts";
import { certificateOf, chainOf, documentOf } from "./pki/nitro.ts";
import type { CertificateContent } from "./pki/x509.ts";

const HOUR_SECONDS = 3600;
const DAY_SECONDS = 24 * HOUR_SECONDS;

/** How long before and after now the certificates are valid, as AWS's are. */
const LIFETIMES = {
  regional: { before: 10 * DAY_SECONDS, after: 10 * DAY_SECONDS },
  zonal: { before: 3 * DAY_SECONDS, after: 3 * DAY_SECONDS },
  instance: { before: 12 * HOUR_SECONDS, after: 12 * HOUR_SECONDS },
  leaf: { before: 3, after: 3 * HOUR_SECONDS },
} as const;

/** What a simulated enclave says of itself. */
export interface SimulatedEnclave {
  /** What its image is called: its measurement follows from the name. */
  image: string;
  /** The chain's time, unix seconds. */
  nowSeconds(): number | Promise<number>;
  /** The instance that it runs on. */
  instance?: string;
  /** Gives every certificate the validity of the root's, for tests that move through years. Default: AWS's lifetimes. */
  isLasting?: boolean;
  /** When its own certificate runs out, unix seconds. Default: after three hours, or with all others. */
  notAfter?: number;
}

const ROOT_VALIDITY = { notBefore: Date.UTC(2020, 0, 1) / 1000, notAfter: Date.UTC(2049, 0, 1) / 1000 };
const INSTANCE = "i-0123456789abcdef0";
const PCRS = 16;
const IMAGE_PCRS = 3;

/** The root above every simulated Nitro enclave, DER. Anybody can sign in its name: never for a chain with value on it. */
export const SIMULATED_NITRO_ROOT: Hex = bytesToHex(certificateOf("root", ROOT_VALIDITY));

/** The measurement of an image by its name. */
export function simulatedNitroMeasurement(image: string): Hex {
  return nitroMeasurement(new Map(pcrsOf(image)));
}

/**
 * A SIMULATED Nitro security module: issues documents in the genuine format, under a root of this repository whose keys
 * everybody knows. They prove nothing, and count on chains alone whose verifier is built on that root.
 */
export function simulatedNitroAttestor(enclave: SimulatedEnclave): Attestor {
  return {
    name: "the simulated Nitro security module",
    async attest(binding, key) {
      const now = await enclave.nowSeconds();
      const valid = (member: keyof typeof LIFETIMES) =>
        enclave.isLasting ? ROOT_VALIDITY : lifetime(member, now);
      const document = documentOf({
        chain: chainOf({
          root: ROOT_VALIDITY,
          regional: valid("regional"),
          zonal: valid("zonal"),
          instance: valid("instance"),
          leaf: {
            ...valid("leaf"),
            ...(enclave.notAfter === undefined ? {} : { notAfter: enclave.notAfter }),
          },
        }),
        timestampMs: now * 1000,
        pcrs: pcrsOf(enclave.image),
        publicKey: encodeEnclavePublicKey(key),
        userData: hexToBytes(binding),
        moduleId: `${enclave.instance ?? INSTANCE}-enc0123456789abcdef`,
      });
      return { kind: "nitro", document };
    },
  };
}

function pcrsOf(image: string): [number, Uint8Array][] {
  return Array.from({ length: PCRS }, (_, pcr) => [
    pcr,
    pcr < IMAGE_PCRS ? sha384(ascii(`${image} PCR${pcr}`)) : new Uint8Array(48),
  ]);
}

// In whole periods, so that documents of the same hours have the same authorities and these are verified once.
function lifetime(
  member: keyof typeof LIFETIMES,
  now: number,
): Pick<CertificateContent, "notBefore" | "notAfter"> {
  const { before, after } = LIFETIMES[member];
  const start = member === "leaf" ? now : now - (now % before);
  return { notBefore: start - before, notAfter: start + after + (member === "leaf" ? 0 : before) };
}
