// SPDX-License-Identifier: GPL-3.0-or-later

import type { Address } from "@meantime/sdk/hex";
import { RelayerError } from "../errors.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { createLaneLease, type LaneLease, senderLease } from "../ops/lane-lease.ts";
import type { Signer } from "../signers/signer.ts";
import type { OutboxContext } from "./context.ts";
import { sendersAtWork } from "./intents.ts";
import type { Lane } from "./kinds.ts";
import { Outbox } from "./outbox.ts";

/** A key, the lanes that it sends for, and this worker's hold on it. */
export interface Sender {
  address: Address;
  lanes: readonly Lane[];
  lease: LaneLease;
  /** A new one for every term of the lease: what another worker has left is checked like what a dead process left. */
  outbox(): Outbox;
}

/**
 * One sender for every key: lanes that share a key share its nonces, its lease and its outbox. Keys that are gone from the
 * configuration while transactions of theirs are in flight have one too, which only settles those.
 *
 * @param leaseMilliseconds how long a sender's lease lasts without being renewed
 */
export async function createSenders(
  keys: readonly (readonly [Lane, Signer])[],
  ledger: Ledger,
  leaseMilliseconds: number,
  context: Omit<OutboxContext, "lanes" | "signer" | "ledger">,
): Promise<Sender[]> {
  const configured = [...new Set(keys.map(([, { address }]) => address))].map((address) => {
    const own = keys.filter(([, signer]) => signer.address === address);
    return { signer: own[0]?.[1] ?? missingKey(address), lanes: own.map(([lane]) => lane) };
  });
  const stranded = (await sendersAtWork(ledger))
    .filter((address) => !configured.some(({ signer }) => signer.address === address))
    .map((address) => ({ signer: missingKey(address), lanes: [] }));
  for (const { signer } of stranded) {
    context.logger.error(
      { code: "MT-TX-016", sender: signer.address },
      "transactions of a sender are in flight whose key is not configured: they can be sent again, but not bumped",
    );
  }
  return [...configured, ...stranded].map(({ signer, lanes }) => {
    const held = createLaneLease(ledger, senderLease(signer.address), context.logger, leaseMilliseconds);
    const lease = lanes.length > 0 ? held : offered(held);
    const open = () => new Outbox({ ...context, lanes, signer, ledger: lease.ledger });
    let [outbox, openedIn] = [open(), lease.term()];
    return {
      address: signer.address,
      lanes,
      lease,
      outbox() {
        if (lease.term() !== openedIn) [outbox, openedIn] = [open(), lease.term()];
        return outbox;
      },
    };
  });
}

/**
 * A lease that is given back every second time: a worker of another configuration may have the key, and with it can do what
 * the holder cannot.
 */
function offered(lease: LaneLease): LaneLease {
  let isOffered = true;
  return {
    ...lease,
    async keep() {
      isOffered = !isOffered;
      await (isOffered ? lease.leave() : lease.keep());
    },
  };
}

function missingKey(address: Address): Signer {
  return {
    address,
    sign: () =>
      Promise.reject(
        new RelayerError(
          "MT-TX-016",
          `the key of ${address} is not configured any more`,
          "Configure the key for one of the lanes until `meantime tx list` shows nothing of it.",
          { address },
        ),
      ),
  };
}
