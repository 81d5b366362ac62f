// SPDX-License-Identifier: GPL-3.0-or-later

import { RelayerError } from "../errors.ts";
import type { Intent } from "./intents.ts";
import { termsOf } from "./kinds.ts";

/** What an operator can want of a transaction. */
export type Wish = "bump" | "cancel";

/**
 * Refuses what an operator cannot have of a transaction.
 *
 * @throws RelayerError `MT-OPS-006` it would break a promise, and `force` was not said; `MT-OPS-007` it has no nonce
 * to bump, or is in a block
 */
export function refuseWish(intent: Intent, wish: Wish, force: boolean): void {
  if (wish === "cancel" && termsOf(intent.kind).keepsPromise && !force) throw breaksPromise(intent);
  if (intent.state === "mined" || (wish === "bump" && intent.state === "queued")) throw notNow(intent, wish);
}

function breaksPromise({ id, kind }: Intent): RelayerError {
  return new RelayerError(
    "MT-OPS-006",
    `transaction ${id} (${kind}) keeps a promise: without it a bond is lost`,
    "Bump it instead. If the bond is to be lost, add --force.",
    { id, kind },
  );
}

function notNow({ id, state }: Intent, wish: Wish): RelayerError {
  return new RelayerError(
    "MT-OPS-007",
    `transaction ${id} is ${state}: there is nothing to ${wish}`,
    "Only what was signed and is not in a block can be bumped or cancelled; what is queued can be cancelled.",
    { id, state },
  );
}
