// SPDX-License-Identifier: GPL-3.0-or-later

import type { Address, Hex } from "@meantime/sdk/hex";
import { addressOf } from "@meantime/sdk/signature";
import { RelayerError } from "../errors.ts";
import type { Lane } from "../tx/kinds.ts";
import { keystoreAddress, openKeystore, type PasswordSource, readPassword } from "./keystore.ts";
import { remoteSigner } from "./remote.ts";
import { localSigner, type Signer } from "./signer.ts";

/** Where a key is, resolved from the configuration. Paths are absolute. */
export type KeySource =
  | { kind: "plain"; privateKey: Hex }
  | { kind: "keystore"; file: string; password: PasswordSource }
  | { kind: "remote"; url: string; address: Address; timeoutMilliseconds: number };

/** The signers of one relayer. */
export interface Signers {
  /** Sign transactions, each those of its lane; without a key of its own a lane has that of `operator.senderKey`. */
  senders: Record<OperatorLane, Signer>;
  /** Signs receipts. */
  receipts: Signer;
  /** Signs the transactions of the watchtower. */
  challenger: Signer | undefined;
}

/** The lanes whose transactions one of the operator's senders carries. */
export type OperatorLane = Exclude<Lane, "challenge">;

/** Those lanes, the most urgent first. */
export const OPERATOR_LANES: readonly OperatorLane[] = ["answer", "finalise", "commit"];

/** Keys of lanes that have one of their own. */
export type SenderKeys = { [Each in OperatorLane]?: KeySource | undefined };

/** Whose keys a relayer signs with. */
export interface SignerConfig {
  operator: { address: Address; senderKey: KeySource; senderKeys?: SenderKeys; receiptKey: KeySource };
  watch: { challengerKey?: KeySource | undefined };
}

/** The address of a key, as far as that can be told without opening it. @throws RelayerError `MT-KEY-001` */
export function sourceAddress(source: KeySource): Address | undefined {
  switch (source.kind) {
    case "plain":
      return addressOf(source.privateKey);
    case "keystore":
      return keystoreAddress(source.file);
    case "remote":
      return source.address;
  }
}

/**
 * Opens a key.
 *
 * @throws RelayerError `MT-KEY-001` to `-004`; TemporaryError `MT-KEY-006`
 */
export async function openSigner(source: KeySource): Promise<Signer> {
  switch (source.kind) {
    case "plain":
      return localSigner(source.privateKey);
    case "keystore":
      return localSigner(await openKeystore(source.file, readPassword(source.password)));
    case "remote":
      return remoteSigner(source);
  }
}

/**
 * Opens every key of a configuration.
 *
 * @throws RelayerError `MT-KEY-005` one key in two roles, and those of {@link openSigner}
 */
export async function openSigners({ operator, watch }: SignerConfig): Promise<Signers> {
  const sender = await openSigner(operator.senderKey);
  const { answer, finalise, commit } = operator.senderKeys ?? {};
  const senders = {
    answer: answer ? await openSigner(answer) : sender,
    finalise: finalise ? await openSigner(finalise) : sender,
    commit: commit ? await openSigner(commit) : sender,
  };
  const receipts = await openSigner(operator.receiptKey);
  const challenger = watch.challengerKey && (await openSigner(watch.challengerKey));
  requireDistinct([
    // Several lanes may have one key.
    ...[...new Set([sender, ...Object.values(senders)].map(({ address }) => address))].map(
      (address) => [nameOf(senders, address), address] as const,
    ),
    ["operator.receiptKey", receipts.address],
    ...(challenger ? [["watch.challengerKey", challenger.address] as const] : []),
  ]);
  return { senders, receipts, challenger };
}

/** Where the configuration has a sender's key. */
function nameOf(senders: Signers["senders"], address: Address): string {
  const lanes = OPERATOR_LANES.filter((lane) => senders[lane].address === address);
  return lanes.length === 1 ? `operator.senderKeys.${lanes[0]}` : "operator.senderKey";
}

/**
 * Two senders that share nonces lose transactions, and a key that signs whatever a client asks for must not be one that
 * spends.
 */
function requireDistinct(keys: readonly (readonly [path: string, address: Address])[]): void {
  for (const [at, [path, address]] of keys.entries()) {
    const twin = keys.slice(0, at).find(([, other]) => other === address);
    if (!twin) continue;
    throw new RelayerError(
      "MT-KEY-005",
      `${path} is the key of ${twin[0]}`,
      "Give every role a key of its own.",
      { path, address },
    );
  }
}
