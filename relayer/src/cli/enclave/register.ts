// SPDX-License-Identifier: GPL-3.0-or-later

import { timeText } from "../../attest/error-arguments.ts";
import { refusalText } from "../../attest/explain.ts";
import { type RegistrationOrder, registerEnclave, rehearse } from "../../attest/register.ts";
import { bindRegistry, type KeyStanding, standingOf } from "../../attest/registry.ts";
import { registrationOrder } from "../../attest/upkeep.ts";
import { checkChain, connectRpc } from "../../chain/rpc.ts";
import { loadConfig } from "../../config/load.ts";
import { BadInputError } from "./bad-input.ts";

/** Verifying a whole chain of certificates keeps a slow node busy. */
const PATIENCE_MILLISECONDS = 60_000;

/** The flags of `meantime enclave register` and `meantime enclave doctor`. */
export interface RegisterEnclaveOptions {
  config: string;
  force?: true;
  json?: true;
}

/**
 * `meantime enclave register`: has the enclave's platform attest its key, and registers it, unless it is registered for
 * longer than the configuration's `renewBeforeSeconds`.
 *
 * @throws RelayerError of `registerEnclave`, `loadConfig` and `checkChain`; `MT-ENC-004` nothing is configured
 */
export async function registerFromConfig(options: RegisterEnclaveOptions): Promise<void> {
  await withOrder(options, async (order, renewBeforeSeconds) => {
    const registry = bindRegistry(order.enclaveEvidence, order.rpc);
    const before = await standingOf(registry, order.key);
    const now = (await order.rpc.getBlock("latest"))?.timestamp ?? 0;
    const isLasting = before.measurement !== undefined && before.expiresAt - now > renewBeforeSeconds;
    const progress = (text: string) => options.json || process.stderr.write(`${text}\n`);
    const transactions =
      isLasting && !options.force
        ? []
        : await registerEnclave(order, ({ name, gas, hash }) => progress(`${name}: ${gas} gas in ${hash}`));
    const standing = transactions.length > 0 ? await standingOf(registry, order.key) : before;
    print({ ...standing, attestor: order.attestor.name, transactions }, options.json, [
      `Key ${standing.keyId} ${transactions.length > 0 ? "registered" : "was registered"}`,
      `  measurement ${standing.measurement}`,
      `  until       ${timeText(standing.expiresAt)}`,
    ]);
  });
}

/**
 * `meantime enclave doctor`: asks the enclave's platform for an attestation and the contracts whether they would take it,
 * without a transaction.
 *
 * @returns whether the key attests, or would after `meantime enclave register`
 * @throws as `registerFromConfig`
 */
export async function examineFromConfig(options: RegisterEnclaveOptions): Promise<boolean> {
  return withOrder(options, async (order) => {
    const standing = await standingOf(bindRegistry(order.enclaveEvidence, order.rpc), order.key);
    const refusal = await rehearse(order);
    const reason = refusal === undefined ? null : refusalText(refusal);
    print({ ...standing, attestor: order.attestor.name, reason }, options.json, [
      `Key ${standing.keyId} ${standingText(standing)}`,
      `  attestor    ${order.attestor.name}`,
      `  now asked   ${reason ?? "the contracts would take the attestation"}`,
    ]);
    return reason === null;
  });
}

async function withOrder<T>(
  { config: file }: RegisterEnclaveOptions,
  work: (order: RegistrationOrder, renewBeforeSeconds: number) => Promise<T>,
): Promise<T> {
  const config = loadConfig(file);
  const rpc = connectRpc(config.chain.rpcUrls, config.chain.chainId, undefined, PATIENCE_MILLISECONDS);
  try {
    const order = registrationOrder(config, rpc);
    if (order === undefined || config.enclave === undefined) {
      throw new BadInputError(
        "MT-ENC-004",
        `${file} says nothing about an enclave`,
        "Add the section `enclave`; docs/ENCLAVES.md has examples.",
      );
    }
    const { rpcUrls, chainId } = config.chain;
    await checkChain(rpc, rpcUrls, chainId, { "chain.enclaveEvidence": order.enclaveEvidence });
    return await work(order, config.enclave.renewBeforeSeconds);
  } finally {
    rpc.destroy();
  }
}

function standingText({ number, measurement, expiresAt, isRevoked }: KeyStanding): string {
  if (number === 0) return "was never registered";
  if (isRevoked) return "was revoked, for ever";
  return measurement === undefined ? "attests nothing any more" : `attests until ${timeText(expiresAt)}`;
}

function print(result: object, json: true | undefined, lines: readonly string[]): void {
  process.stdout.write(json ? `${JSON.stringify(result)}\n` : `${lines.join("\n")}\n`);
}
