// SPDX-License-Identifier: GPL-3.0-or-later

import { type Address, type Hex, keccak256 } from "@meantime/sdk/hex";
import { addressOf } from "@meantime/sdk/signature";
import { curve } from "./curve.ts";

/**
 * Signs for one address.
 *
 * A signer is given what is hashed, not the hash: a remote one hashes for itself, so that it can see, log and refuse what
 * it puts its name to.
 */
export interface Signer {
  readonly address: Address;
  /**
   * Signs keccak256 of a message: the unsigned bytes of a transaction, or 0x1901, domain and struct hash of EIP-712.
   *
   * @returns 65 bytes r || s || v, s in the lower half, v 27 or 28
   * @throws TemporaryError `MT-KEY-006` a remote signer does not answer; RelayerError `MT-KEY-007` it refuses or signs
   * with another key
   */
  sign(message: Hex): Hex | Promise<Hex>;
  /** The same of a hash that was computed already; only where the key is in this process. */
  signHash?(hash: Hex): Hex;
}

/** Signs with a key that this process holds. Throws MT-SDK-105 for what is no private key. */
export function localSigner(privateKey: Hex): Signer {
  const address = addressOf(privateKey);
  const signHash = (hash: Hex) => curve().signDigest(privateKey, hash);
  return { address, signHash, sign: (message) => signHash(keccak256(message)) };
}
