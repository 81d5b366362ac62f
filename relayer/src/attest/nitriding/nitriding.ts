// SPDX-License-Identifier: GPL-3.0-or-later

import { randomBytes } from "node:crypto";
import { bytesToHex, type Hex, hexToBytes } from "@meantime/sdk/hex";
import { type NitroDocument, readNitroDocument } from "@meantime/sdk/nitro/document";
import { describeError, RelayerError } from "../../errors.ts";
import { ask } from "../http.ts";
import type { Attestor } from "../platform.ts";

/** Where nitriding listens. */
export interface NitridingOptions {
  /** Its web server for the world, which hands out attestation documents. */
  url: string;
  /** Its web server for the application in the enclave (`-intport`), which takes the hash. */
  internalUrl: string;
}

const NAME = "nitriding";
/** It takes nonces of 20 bytes alone. */
const NONCE_BYTES = 20;
/** Two hashes in the form of multihashes: of its TLS key, and of what the application gave it. */
const USER_DATA_BYTES = 68;
const APPLICATION_HASH_AT = 36;

/**
 * Asks nitriding, the daemon beside an application in a Nitro enclave (github.com/brave/nitriding-daemon, doc/http-api.md):
 * gives it the binding as the application's hash and fetches a document with it. Its documents name no public key; the
 * binding stands for it. They prove themselves, so its certificate, which is its own, is not looked at.
 */
export function nitridingAttestor({ url, internalUrl }: NitridingOptions): Attestor {
  return {
    name: NAME,
    async attest(binding) {
      await ask(NAME, {
        url: new URL("/enclave/hash", internalUrl),
        body: Buffer.from(hexToBytes(binding)).toString("base64"),
        trustAnyCertificate: true,
      });
      const nonce = bytesToHex(randomBytes(NONCE_BYTES));
      const address = new URL(`/enclave/attestation?nonce=${nonce.slice(2)}`, url);
      const { body } = await ask(NAME, { url: address, trustAnyCertificate: true });
      const document = Buffer.from(body.toString("latin1"), "base64");
      requireAbout(documentIn(document), binding, nonce);
      return { kind: "nitro", document };
    },
  };
}

function documentIn(bytes: Uint8Array): NitroDocument {
  try {
    return readNitroDocument(bytes);
  } catch (error) {
    throw new RelayerError(
      "MT-ATT-011",
      `nitriding answers with no attestation document: ${describeError(error).message}`,
      "Is it nitriding that listens there, and outside debug mode?",
    );
  }
}

/** Somebody else may have set the application's hash between the two questions. */
function requireAbout({ nonce, userData }: NitroDocument, binding: Hex, asked: Hex): void {
  const bound = userData?.length === USER_DATA_BYTES ? bytesToHex(userData.slice(APPLICATION_HASH_AT)) : "0x";
  if (bound === binding && nonce !== null && bytesToHex(nonce) === asked) return;
  throw new RelayerError(
    "MT-ATT-012",
    "nitriding's document does not hold the application's hash and the nonce that it was given",
    "Nothing else in the enclave may set the hash. It is tried again.",
    { userData: userData && bytesToHex(userData) },
  );
}
