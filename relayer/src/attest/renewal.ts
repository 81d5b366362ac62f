// SPDX-License-Identifier: GPL-3.0-or-later

import type { EnclavePublicKey } from "@meantime/sdk/enclave-keys";
import type { Hex } from "@meantime/sdk/hex";
import type { ChainClock } from "../chain/clock.ts";
import type { Logger } from "../ops/logger.ts";
import { type RegistrationOrder, registerEnclave } from "./register.ts";
import { bindRegistry, standingOf } from "./registry.ts";

/** How the enclave's key stands, for a metric. */
export interface EnclaveKeyFacts {
  keyId: Hex | undefined;
  /** Whether it attests now, as of the last look. */
  isActive: boolean;
  /** Until it attests no longer; negative: since. Undefined before the first look, or when it never was registered. */
  secondsLeft: number | undefined;
  /** Attempts to register it that failed since the last that did not. */
  failuresInARow: number;
}

/** Keeps an enclave's key registered. */
export interface Renewal {
  /** Looks, and registers or renews where it is time. Throws what registering throws; safe to call at any time. */
  run(): Promise<void>;
  facts(): EnclaveKeyFacts;
}

/** What keeping a key registered takes. */
export interface RenewalOptions {
  order: RegistrationOrder;
  /** How long before its end the key is renewed. */
  renewBeforeSeconds: number;
  clock: ChainClock;
  logger: Logger;
}

/** The registry says so when the platform's certificate is still the one of last time. */
const NOT_LATER_YET = "EnclaveKeyNotExtended";

/** Registers the key when it is not, and renews it before it expires. One that was revoked is left alone, loudly. */
export function createRenewal({ order, renewBeforeSeconds, clock, logger }: RenewalOptions): Renewal {
  const registry = bindRegistry(order.enclaveEvidence, order.rpc);
  let expiresAt: number | undefined;
  let known: Pick<EnclaveKeyFacts, "keyId" | "isActive"> = { keyId: undefined, isActive: false };
  let failuresInARow = 0;

  const look = async (key: EnclavePublicKey) => {
    const standing = await standingOf(registry, key);
    expiresAt = standing.number === 0 ? undefined : standing.expiresAt;
    known = { keyId: standing.keyId, isActive: standing.measurement !== undefined };
    return standing;
  };
  const register = async () => {
    const sent = await registerEnclave(order);
    const { keyId } = await look(order.key);
    logger.info({ keyId, expiresAt, transactions: sent }, "enclave key registered by attestation");
  };

  return {
    async run() {
      const standing = await look(order.key);
      if (standing.isRevoked) {
        logger.error({ code: "MT-ATT-022", keyId: standing.keyId }, "the enclave's key was revoked for ever");
        return;
      }
      const isLasting = standing.expiresAt - clock.nowSeconds() > renewBeforeSeconds;
      if (known.isActive && isLasting) return;
      try {
        await register();
        failuresInARow = 0;
      } catch (error) {
        if (known.isActive && isNotLaterYet(error)) return;
        failuresInARow += 1;
        warnOfTheEnd(standing.expiresAt);
        throw error;
      }
    },
    facts: () => ({
      ...known,
      secondsLeft: expiresAt === undefined ? undefined : expiresAt - clock.nowSeconds(),
      failuresInARow,
    }),
  };

  function warnOfTheEnd(end: number): void {
    const secondsLeft = end - clock.nowSeconds();
    const words = expiryAlert(known.isActive, secondsLeft);
    logger.warn({ code: "MT-ATT-023", secondsLeft, failuresInARow }, words);
  }
}

/** What an operator is told when the key could not be renewed. */
export function expiryAlert(isActive: boolean, secondsLeft: number): string {
  return isActive && secondsLeft > 0
    ? `the enclave's key attests for ${Math.floor(secondsLeft / 60)} more minutes and could not be renewed`
    : "the enclave's key attests nothing: batches wait for their window until it is registered";
}

function isNotLaterYet(error: unknown): boolean {
  return (
    error instanceof Error &&
    "details" in error &&
    (error.details as { check?: string }).check === NOT_LATER_YET
  );
}
