// SPDX-License-Identifier: GPL-3.0-or-later

import { type Address, asAddress, type Hex, keccak256Text } from "@meantime/sdk/hex";

/** What of a payment the chain consumes once. */
export interface PaymentIdentity {
  /** Hash of network, contract that keeps the nonce, payer and nonce. Not of the signature, which has more than one form. */
  id: Hex;
  payer: Address;
  /** The name that the payer gave it: x402's extension `payment-identifier`. */
  identifier: string | null;
}

const IDENTIFIER = /^[A-Za-z0-9_-]{16,128}$/;
/** Keeps the nonces of every token; the same address on each chain. */
const PERMIT2 = "permit2";

/** What the payload of scheme `exact` on EVM chains authorises; undefined for one without a nonce or a payer. */
export function paymentIdentity(
  payload: Record<string, unknown>,
  extensions: Record<string, unknown> | null | undefined,
  { network, asset }: { network: string; asset: string },
): PaymentIdentity | undefined {
  const [authorization, keeper] = isRecord(payload.authorization)
    ? [payload.authorization, asset.toLowerCase()]
    : [payload.permit2Authorization, PERMIT2];
  if (!isRecord(authorization)) return undefined;
  const { from, nonce } = authorization;
  if (typeof from !== "string" || !/^0x[0-9a-fA-F]{40}$/.test(from)) return undefined;
  if (typeof nonce !== "string" || !/^(0x[0-9a-fA-F]{1,64}|[0-9]{1,78})$/.test(nonce)) return undefined;
  const payer = asAddress(from, "payer");
  const id = keccak256Text(["x402", network, keeper, payer, BigInt(nonce).toString()].join("|"));
  return { id, payer, identifier: identifierOf(extensions) };
}

function identifierOf(extensions: Record<string, unknown> | null | undefined): string | null {
  const extension = extensions?.["payment-identifier"];
  const info = isRecord(extension) ? extension.info : undefined;
  const id = isRecord(info) ? info.id : undefined;
  return typeof id === "string" && IDENTIFIER.test(id) ? id : null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
