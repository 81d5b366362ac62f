// SPDX-License-Identifier: GPL-3.0-or-later

import { createHash } from "node:crypto";
import type { Address, Hex } from "@meantime/sdk/hex";
import { z } from "zod";

const address = () => z.string().regex(/^0x[0-9a-fA-F]{40}$/, "must be 0x followed by 40 hex digits");
const environmentName = () => z.string().regex(/^[A-Z_][A-Z0-9_]*$/);
const atomicAmount = () =>
  z.string().regex(/^[0-9]{1,78}$/, "must be decimal digits, in the asset's smallest unit");

const keyName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,31}$/, "must be a short lower-case name such as acme")
  .describe("what logs and metrics call its holder");

const bearerKey = z.union([
  z.strictObject({
    name: keyName,
    sha256: z
      .string()
      .regex(/^[0-9a-fA-F]{64}$/, "must be 64 hex digits")
      .describe("of the key, as `printf %s KEY | sha256sum` prints it"),
  }),
  z.strictObject({ name: keyName, env: environmentName().describe("variable with the key itself") }),
]);

const price = z.strictObject({
  path: z
    .string()
    .startsWith("/v1/")
    .optional()
    .describe("of the route, such as /v1/chat/completions or /v1/infer; default: every one"),
  model: z.string().min(1).optional().describe("as requests name it; default: every one"),
  amount: atomicAmount().describe("for one request; 0: free"),
});

const x402 = z.strictObject({
  mode: z.literal("x402"),
  facilitatorUrl: z.url({ protocol: /^https?$/ }).describe("who verifies and settles payments"),
  facilitatorTimeoutMilliseconds: z.int().min(100).max(120_000).default(15_000),
  network: z
    .string()
    .regex(/^eip155:[0-9]{1,18}$/, "must be eip155: and a chain id")
    .describe("where payments are made; need not be the chain of the claims"),
  rpcUrls: z
    .array(z.url({ protocol: /^https?$/ }))
    .min(1)
    .max(16)
    .optional()
    .describe("nodes of that network: what the facilitator leaves open is looked up there (EIP-3009 only)"),
  payTo: address().describe("who is paid"),
  asset: z
    .strictObject({
      address: address(),
      name: z.string().min(1).max(64).describe("of its EIP-712 domain"),
      version: z.string().min(1).max(16).describe("of its EIP-712 domain"),
      transferMethod: z.enum(["eip3009", "permit2"]).default("eip3009"),
    })
    .describe("the token that is paid in"),
  maxTimeoutSeconds: z
    .int()
    .min(30)
    .max(3_600)
    .default(300)
    .describe("how long a payment may wait to be settled"),
  maxUnsettledPerPayer: z
    .int()
    .min(1)
    .max(10_000)
    .default(16)
    .describe("payments of one payer that are held, of unknown outcome, or failed within the hour"),
  prices: z
    .array(price)
    .min(1)
    .describe("the first that fits a request is its price; the last must fit every one"),
});

/** Who may ask for answers. */
export const authSchema = z.discriminatedUnion("mode", [
  z.strictObject({ mode: z.literal("none") }),
  z.strictObject({ mode: z.literal("bearer"), keys: z.array(bearerKey).min(1).max(1_024) }),
  x402,
]);

/** How often. Undefined: as often as they like. */
export const rateLimitSchema = z.strictObject({
  perKeyPerMinute: z.int().min(1).max(1_000_000).optional().describe("of a bearer key or a payer"),
  perAddressPerMinute: z
    .int()
    .min(1)
    .max(1_000_000)
    .optional()
    .describe("of a network address (IPv6: a /64) without a key"),
  burst: z.int().min(1).max(1_000_000).default(20).describe("requests at once, after a rest"),
  attestationsPerMinute: z.int().min(1).max(100_000).default(30).describe("of all callers together"),
});

/** Streams of events of one kind that one client may keep open, and batches that it may read at one time. */
export const streamsPerAddressSchema = z
  .int()
  .min(1)
  .max(65_536)
  .default(32)
  .describe(
    "event streams of one kind that one network address (IPv6: a /64) may keep open, and batches it may read at one time",
  );

/** Proxies whose X-Forwarded-For is believed. */
export const trustedProxiesSchema = z
  .array(z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()]))
  .default([])
  .describe("addresses or networks of proxies in front; only their X-Forwarded-For is believed");

/** A key that opens the gateway. */
export interface BearerKey {
  name: string;
  sha256: Hex;
}

/** The section as it is used: keys as hashes, hex in lower case. */
export type AuthConfig =
  | { mode: "none" }
  | { mode: "bearer"; keys: readonly BearerKey[] }
  | (Omit<z.output<typeof x402>, "payTo" | "asset"> & {
      payTo: Address;
      asset: Omit<z.output<typeof x402>["asset"], "address"> & { address: Address };
    });

/** How payments are taken. */
export type X402Config = Extract<AuthConfig, { mode: "x402" }>;

/** Completes the section. @param contradict throws, given a path, what is wrong and what to do */
export function resolveAuth(
  auth: z.output<typeof authSchema>,
  environment: NodeJS.ProcessEnv,
  contradict: (path: string, message: string, hint: string) => never,
): AuthConfig {
  if (auth.mode === "none") return auth;
  if (auth.mode === "bearer") {
    const keys = auth.keys.map((key, at): BearerKey => {
      const sha256 =
        "sha256" in key ? key.sha256.toLowerCase() : hashOfVariable(key.env, at, environment, contradict);
      return { name: key.name, sha256: `0x${sha256}` };
    });
    for (const member of ["name", "sha256"] as const) {
      const values = keys.map((key) => key[member]);
      const twice = values.findIndex((value, at) => values.indexOf(value) !== at);
      if (twice >= 0)
        contradict(`gateway.auth.keys.${twice}.${member}`, "occurs twice", "Give each key once.");
    }
    return { mode: "bearer", keys };
  }
  const last = auth.prices.at(-1);
  if (last?.path !== undefined || last?.model !== undefined) {
    contradict(
      `gateway.auth.prices.${auth.prices.length - 1}`,
      "does not fit every request",
      'End the list with an entry of an amount alone, such as {"amount": "1000"}; {"amount": "0"} is free.',
    );
  }
  if (auth.rpcUrls && auth.asset.transferMethod !== "eip3009") {
    contradict(
      "gateway.auth.rpcUrls",
      "cannot be used with authorisations of Permit2",
      "Leave it out: what became of such a payment the facilitator alone can say.",
    );
  }
  return {
    ...auth,
    payTo: auth.payTo.toLowerCase() as Address,
    asset: { ...auth.asset, address: auth.asset.address.toLowerCase() as Address },
  };
}

const MIN_KEY_CHARACTERS = 16;

function hashOfVariable(
  name: string,
  at: number,
  environment: NodeJS.ProcessEnv,
  contradict: (path: string, message: string, hint: string) => never,
): string {
  const value = environment[name] ?? "";
  if (value.length < MIN_KEY_CHARACTERS) {
    contradict(
      `gateway.auth.keys.${at}.env`,
      `the environment variable ${name} ${value === "" ? "is not set" : "holds too short a key"}`,
      `Set ${name} to a random key of at least ${MIN_KEY_CHARACTERS} characters.`,
    );
  }
  return createHash("sha256").update(value).digest("hex");
}
