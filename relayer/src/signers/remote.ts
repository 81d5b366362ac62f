// SPDX-License-Identifier: GPL-3.0-or-later

import { type Address, type Hex, keccak256 } from "@meantime/sdk/hex";
import { computeAddress } from "ethers";
import { RelayerError, TemporaryError } from "../errors.ts";
import { curve } from "./curve.ts";
import type { Signer } from "./signer.ts";

/** A signer in another process, as Web3Signer serves it (`/api/v1/eth1`). */
export interface RemoteSignerOptions {
  url: string;
  /** The key to sign with, by its address. */
  address: Address;
  timeoutMilliseconds: number;
}

/**
 * Connects to a remote signer and makes sure that it holds the key.
 *
 * No signature is believed: every one is checked to be the address's over the very message.
 *
 * @throws TemporaryError `MT-KEY-006` it does not answer; RelayerError `MT-KEY-004` it does not hold the key
 */
export async function remoteSigner(options: RemoteSignerOptions): Promise<Signer> {
  const { address } = options;
  const publicKeys = await request(options, "/api/v1/eth1/publicKeys");
  const identifier = (Array.isArray(publicKeys) ? publicKeys : []).find(
    (key): key is string => typeof key === "string" && addressOfPublicKey(key) === address,
  );
  if (identifier === undefined) {
    throw new RelayerError(
      "MT-KEY-004",
      `the remote signer at ${withoutSecrets(options.url)} does not hold the key of ${address}`,
      "Load the key there, or correct the address in the configuration.",
      { address },
    );
  }
  return {
    address,
    async sign(message) {
      const signature = await request(options, `/api/v1/eth1/sign/${identifier}`, { data: message });
      if (isSignatureOf(signature, message, address)) return signature;
      throw new RelayerError(
        "MT-KEY-007",
        `the remote signer at ${withoutSecrets(options.url)} gave no signature of ${address}`,
        "Look into its log: nothing of what it returned was used.",
        { address },
      );
    },
  };
}

async function request(options: RemoteSignerOptions, path: string, body?: unknown): Promise<unknown> {
  const { timeoutMilliseconds } = options;
  const url = new URL(path, options.url);
  let response: Response;
  let text: string;
  try {
    response = await fetch(withoutUserInfo(url), {
      ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
      headers: { "content-type": "application/json", ...authorization(url) },
      signal: AbortSignal.timeout(timeoutMilliseconds),
      redirect: "error",
    });
    text = await response.text();
  } catch (error) {
    throw silent(options, error instanceof Error ? error.message : String(error));
  }
  if (response.status >= 500 || response.status === 429) throw silent(options, `HTTP ${response.status}`);
  if (!response.ok) {
    throw new RelayerError(
      "MT-KEY-007",
      `the remote signer at ${withoutSecrets(options.url)} refused: HTTP ${response.status}`,
      "Look into its log and its policy.",
      { status: response.status },
    );
  }
  // Signatures come as bare text from some versions, as a JSON string from others.
  try {
    return JSON.parse(text);
  } catch {
    return text.trim();
  }
}

function isSignatureOf(signature: unknown, message: Hex, address: Address): signature is Hex {
  if (typeof signature !== "string" || !/^0x[0-9a-fA-F]{130}$/.test(signature)) return false;
  try {
    return curve().recoverAddress(keccak256(message), signature.toLowerCase() as Hex) === address;
  } catch {
    return false;
  }
}

function addressOfPublicKey(publicKey: string): string | undefined {
  const digits = publicKey.replace(/^0x/, "");
  try {
    return computeAddress(digits.length === 128 ? `0x04${digits}` : `0x${digits}`).toLowerCase();
  } catch {
    return undefined;
  }
}

function silent({ url }: RemoteSignerOptions, reason: string): TemporaryError {
  return new TemporaryError(
    "MT-KEY-006",
    `the remote signer at ${withoutSecrets(url)} does not answer: ${reason}`,
    "Start it, or correct its url; nothing was signed and nothing is lost.",
  );
}

function authorization({ username, password }: URL): Record<string, string> {
  if (!username) return {};
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { authorization: `Basic ${Buffer.from(pair).toString("base64")}` };
}

function withoutUserInfo(url: URL): URL {
  const bare = new URL(url);
  bare.username = "";
  bare.password = "";
  return bare;
}

function withoutSecrets(url: string): string {
  return new URL(url).host;
}
