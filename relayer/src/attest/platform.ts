// SPDX-License-Identifier: GPL-3.0-or-later

import type { CollateralBundle } from "@meantime/sdk/dcap/collateral";
import type { EnclavePublicKey } from "@meantime/sdk/enclave-keys";
import type { Hex } from "@meantime/sdk/hex";

/** What a platform says of the software that asked it: not judged yet. */
export type Attestation =
  | { kind: "nitro" /** COSE_Sign1. */; document: Uint8Array }
  | {
      kind: "tdx" | "sgx";
      quote: Uint8Array;
      /** Intel's documents for this platform, as far as they could be had. */
      collateral: Partial<CollateralBundle>;
    };

/** Something that has its platform say which software runs in it. */
export interface Attestor {
  /** For logs: which service it asks. */
  readonly name: string;
  /**
   * Asks for a document about a key.
   *
   * @param binding of the key, see `enclaveKeyBinding`: what the document has to say
   * @param key goes into the document where it has a place for it
   * @throws TemporaryError `MT-ATT-010` the service does not answer
   * @throws RelayerError `MT-ATT-011` it answers with something else; `MT-ATT-012` its document is about something else
   */
  attest(binding: Hex, key: EnclavePublicKey): Promise<Attestation>;
}
