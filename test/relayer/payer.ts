// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import type { Hex } from "@meantime/sdk/hex";
import { type x402Client, x402HTTPClient } from "@x402/core/client";
import type { PaymentRequired } from "@x402/core/types";
import { ExactEvmScheme } from "@x402/evm/exact/client";
import type { Wallet } from "ethers";
import type { RelayerConfig } from "../../relayer/src/config/load.ts";

export const NETWORK = "eip155:84532";
export const ASSET = `0x${"a5".repeat(20)}` as const;
export const PAYEE = `0x${"9e".repeat(20)}` as const;
export const PRICE = "1000";

/** Signs what a gateway asks for. @returns headers for the next try */
export type Pay = (required: PaymentRequired) => Promise<Record<string, string>>;

/** Has a gateway take payments through a facilitator. */
export function takePayments(
  gateway: RelayerConfig["gateway"],
  facilitatorUrl: string,
  transferMethod: "eip3009" | "permit2" = "eip3009",
): void {
  gateway.auth = {
    ...{ mode: "x402", facilitatorUrl, facilitatorTimeoutMilliseconds: 8_000 },
    ...{ network: NETWORK, payTo: PAYEE, maxTimeoutSeconds: 300 },
    asset: { address: ASSET, name: "Test Dollar", version: "2", transferMethod },
    maxUnsettledPerPayer: 16,
    prices: [{ path: "/v1/chat", amount: "7" }, { amount: PRICE }],
  };
}

/** What x402's own client reads and writes headers with. */
export const http = (): x402HTTPClient => new x402HTTPClient({} as x402Client);

/** The terms in a refusal, as x402's own client reads them. */
export async function termsOf(refused: Response): Promise<PaymentRequired> {
  assert.equal(refused.status, 402);
  return http().getPaymentRequiredResponse((name) => refused.headers.get(name), await refused.json());
}

/** Signs as x402's own client does. */
export function paying(
  wallet: Wallet,
  identifier?: string,
  change: (payload: { accepted: object }) => void = () => undefined,
): Pay {
  return async (required) => {
    const [accepted] = required.accepts;
    assert.ok(accepted);
    const signer = {
      address: wallet.address as Hex,
      signTypedData: async ({
        domain,
        types,
        message,
      }: Parameters<ConstructorParameters<typeof ExactEvmScheme>[0]["signTypedData"]>[0]) => {
        const { EIP712Domain: _, ...own } = types as Record<string, { name: string; type: string }[]>;
        return (await wallet.signTypedData(domain, own, message)) as Hex;
      },
    };
    const { payload } = await new ExactEvmScheme(signer).createPaymentPayload(2, accepted);
    const declared = Object(required.extensions?.["payment-identifier"]);
    const named = { "payment-identifier": { ...declared, info: { required: false, id: identifier } } };
    const { resource } = required;
    const paid = {
      x402Version: 2,
      resource,
      accepted,
      payload,
      ...(identifier ? { extensions: named } : {}),
    };
    change(paid);
    return http().encodePaymentSignatureHeader(paid);
  };
}
