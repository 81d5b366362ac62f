// SPDX-License-Identifier: GPL-3.0-or-later

import type { Hex } from "@meantime/sdk/hex";
import { z } from "zod";
import { DEVELOPMENT_CHAIN_ID } from "./development-chain.ts";

const webUrl = () => z.url({ protocol: /^https?$/ });

const simulated = z.strictObject({
  kind: z.literal("simulated"),
  platform: z.enum(["nitro", "tdx"]).default("nitro").describe("which genuine format it imitates"),
  image: z.string().min(1).default("meantime simulated image").describe("its measurement follows from it"),
});
const nitriding = z.strictObject({
  kind: z.literal("nitriding"),
  url: webUrl().default("https://127.0.0.1").describe("its web server for the world"),
  internalUrl: webUrl().default("http://127.0.0.1:8080").describe("its web server for the application"),
});
const dstack = z.strictObject({
  kind: z.literal("dstack"),
  endpoint: z
    .string()
    .regex(/^(\/|https?:\/\/)/, "must be the path of a socket, or a URL")
    .default("/var/run/dstack.sock")
    .describe("the guest agent's socket"),
  collateralUrl: webUrl().optional().describe("a PCCS; default: Intel's own service"),
  rootCrlUrl: webUrl().optional().describe("of the root's revocation list; default: the PCCS has it"),
});

/** How the enclave's key is registered and kept registered. */
export const enclaveSchema = z.strictObject({
  attestor: z.discriminatedUnion("kind", [simulated, nitriding, dstack]).describe("who attests"),
  measurement: z
    .string()
    .regex(/^0x[0-9a-fA-F]{64}$/, "must be 0x followed by 64 hex digits")
    .optional()
    .describe("of the image; default: the one that the models name"),
  renewBeforeSeconds: z
    .int()
    .min(60)
    .max(7_776_000)
    .default(5_400)
    .describe("how long before its end the key is attested anew"),
});

/** The section as written, defaults filled in. */
export type EnclaveFile = z.output<typeof enclaveSchema>;

/** The same with what the rest of the configuration says. */
export type EnclaveConfig = Omit<EnclaveFile, "measurement"> & { measurement: Hex; registrarKey: Hex };

/** What the section has to agree with. */
export interface EnclaveSurroundings {
  chainId: number;
  enclaveEvidence: string | undefined;
  enclaveKey: Hex | undefined;
  registrarKey: Hex;
  /** Keys of other senders. */
  senders: readonly (Hex | undefined)[];
  /** Of the models. */
  measurements: readonly Hex[];
}

/** Completes the section. @param contradict throws, given a path, what is wrong and what to do */
export function resolveEnclave(
  { measurement, ...section }: EnclaveFile,
  { registrarKey, ...around }: EnclaveSurroundings,
  contradict: (path: string, message: string, hint: string) => never,
): EnclaveConfig {
  if (around.enclaveEvidence === undefined) {
    contradict(
      "chain.enclaveEvidence",
      "is missing",
      "Name the contract whose registry takes the enclave's key.",
    );
  }
  if (around.enclaveKey === undefined) {
    contradict("operator.enclaveKey", "is missing", "Give the key that lives in the enclave.");
  }
  if (section.attestor.kind === "simulated" && around.chainId !== DEVELOPMENT_CHAIN_ID) {
    contradict("enclave.attestor.kind", "simulated is for the development chain", "Use nitriding or dstack.");
  }
  if (around.senders.includes(registrarKey)) {
    contradict(
      "enclave.registrarKey",
      "is another sender's key",
      "Use a key of its own: two may not share nonces.",
    );
  }
  const named =
    measurement === undefined ? [...new Set(around.measurements)] : [measurement.toLowerCase() as Hex];
  const [only] = named;
  if (only === undefined || named.length > 1) {
    return contradict(
      "enclave.measurement",
      `the models name ${named.length} of them`,
      "Say which one the enclave has.",
    );
  }
  return { ...section, measurement: only, registrarKey };
}
