// SPDX-License-Identifier: MIT
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { verifyTypedData } from "ethers";

/** What a payer signs (EIP-3009). */
export const TRANSFER_TYPES = {
  TransferWithAuthorization: [
    { name: "from", type: "address" },
    { name: "to", type: "address" },
    { name: "value", type: "uint256" },
    { name: "validAfter", type: "uint256" },
    { name: "validBefore", type: "uint256" },
    { name: "nonce", type: "bytes32" },
  ],
};

/** What a settlement does: pays and says so, refuses, pays and says nothing, says something else, or hangs up. */
export type SettleConduct =
  | "pay"
  | "refuse"
  | "pay-and-hang"
  | "pay-and-break"
  | "not-sure"
  | "too-late"
  | "hang"
  | SettleOnChain;

/** Judges once this resolves. */
export type HeldVerification = () => Promise<void>;

/** Settles on a real chain. @returns the transaction, or what the facilitator says instead */
export type SettleOnChain = (paid: SignedAuthorization) => Promise<{ transaction: string } | string>;

/** What a payer signed. */
export interface SignedAuthorization {
  authorization: Authorization;
  signature: string;
}

/** A facilitator on a real port. It judges signatures in earnest and keeps a chain's books: each nonce moves money once. */
export interface TestFacilitator {
  url: string;
  conduct: { settle: SettleConduct; verify: "judge" | "down" | HeldVerification };
  /** Nonces that moved money, with the payers. */
  paid: Map<string, string>;
  asked: { verify: number; settle: number };
  close(): void;
}

export interface Authorization {
  from: string;
  to: string;
  value: string;
  validAfter: string;
  validBefore: string;
  nonce: string;
}

interface Asked {
  paymentPayload: {
    payload: { signature: string; authorization?: Authorization; permit2Authorization?: Permit2 };
  };
  paymentRequirements: {
    network: string;
    asset: string;
    amount: string;
    payTo: string;
    extra: { name: string; version: string };
  };
}

interface Permit2 {
  from: string;
  permitted: { token: string; amount: string };
  spender: string;
  nonce: string;
  deadline: string;
  witness: { to: string; validAfter: string };
}

const PERMIT2 = "0x000000000022D473030F116dDEE9F6B43aC78BA3";

export async function startFacilitator(network: string): Promise<TestFacilitator> {
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const text = Buffer.concat(parts).toString();
    if (request.url === "/supported") {
      return reply(response, {
        kinds: [{ x402Version: 2, scheme: "exact", network }],
        extensions: [],
        signers: {},
      });
    }
    const asked = JSON.parse(text) as Asked;
    if (request.url === "/verify") return verify(asked, response);
    return settle(asked, response);
  });

  async function verify(asked: Asked, response: ServerResponse): Promise<void> {
    facilitator.asked.verify += 1;
    const { verify: conduct } = facilitator.conduct;
    if (conduct === "down") return void response.writeHead(502).end("bad gateway");
    if (conduct !== "judge") await conduct();
    const { payer, reason } = judge(asked, facilitator.paid);
    reply(response, reason ? { isValid: false, invalidReason: reason, payer } : { isValid: true, payer });
  }

  async function settle(asked: Asked, response: ServerResponse): Promise<unknown> {
    facilitator.asked.settle += 1;
    const { payer, nonce, reason } = judge(asked, facilitator.paid);
    const answer = { network: asked.paymentRequirements.network, payer };
    const refuse = (errorReason: string) =>
      reply(response, { ...answer, success: false, errorReason, transaction: "" });
    if (reason) return refuse(reason);
    const { settle: conduct } = facilitator.conduct;
    if (typeof conduct === "function") {
      const { authorization, signature } = asked.paymentPayload.payload;
      if (!authorization) return refuse("unsupported_payload_type");
      const outcome = await conduct({ authorization, signature });
      return typeof outcome === "string"
        ? refuse(outcome)
        : reply(response, { ...answer, success: true, ...outcome });
    }
    switch (conduct) {
      case "refuse":
        return refuse("invalid_exact_evm_insufficient_balance");
      case "not-sure":
        return refuse("unexpected_settle_error");
      case "too-late":
        return refuse("invalid_exact_evm_transaction_failed");
      case "hang":
        return;
      case "pay":
        facilitator.paid.set(nonce, payer);
        return reply(response, { ...answer, success: true, transaction: `0x${"7a".repeat(32)}` });
      case "pay-and-hang":
        facilitator.paid.set(nonce, payer);
        return;
      case "pay-and-break":
        facilitator.paid.set(nonce, payer);
        response.destroy();
    }
  }

  await once(server.listen(0, "127.0.0.1"), "listening");
  const facilitator: TestFacilitator = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    conduct: { settle: "pay", verify: "judge" },
    paid: new Map(),
    asked: { verify: 0, settle: 0 },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
  return facilitator;
}

/** As a chain would: who signed, what for, and whether the nonce is new. */
function judge({ paymentPayload, paymentRequirements }: Asked, paid: ReadonlyMap<string, string>) {
  const { authorization, permit2Authorization, signature } = paymentPayload.payload;
  if (permit2Authorization) return judgePermit2(permit2Authorization, signature, paymentRequirements, paid);
  if (!authorization) return { payer: "", nonce: "", reason: "invalid_payload" };
  const { network, asset, amount, payTo, extra } = paymentRequirements;
  const { from, to, value, validBefore, nonce } = authorization;
  const chainId = network.split(":")[1] ?? "";
  const signer = verifyTypedData(
    { name: extra.name, version: extra.version, chainId, verifyingContract: asset },
    TRANSFER_TYPES,
    { ...authorization },
    signature,
  );
  const reasons: [boolean, string][] = [
    [!same(signer, from), "invalid_exact_evm_signature"],
    [!same(to, payTo), "invalid_exact_evm_recipient_mismatch"],
    [value !== amount, "invalid_exact_evm_payload_authorization_value_mismatch"],
    [Number(validBefore) * 1_000 < Date.now(), "invalid_exact_evm_payload_authorization_valid_before"],
    [paid.has(nonce), "invalid_exact_evm_nonce_already_used"],
  ];
  return { payer: from, nonce, reason: reasons.find(([isSo]) => isSo)?.[1] };
}

function judgePermit2(
  permit: Permit2,
  signature: string,
  { network, asset, amount, payTo }: Asked["paymentRequirements"],
  paid: ReadonlyMap<string, string>,
) {
  const { from, permitted, spender, nonce, deadline, witness } = permit;
  const signer = verifyTypedData(
    { name: "Permit2", chainId: network.split(":")[1] ?? "", verifyingContract: PERMIT2 },
    {
      PermitWitnessTransferFrom: [
        { name: "permitted", type: "TokenPermissions" },
        { name: "spender", type: "address" },
        { name: "nonce", type: "uint256" },
        { name: "deadline", type: "uint256" },
        { name: "witness", type: "Witness" },
      ],
      TokenPermissions: [
        { name: "token", type: "address" },
        { name: "amount", type: "uint256" },
      ],
      Witness: [
        { name: "to", type: "address" },
        { name: "validAfter", type: "uint256" },
      ],
    },
    { permitted, spender, nonce, deadline, witness },
    signature,
  );
  const reasons: [boolean, string][] = [
    [!same(signer, from), "invalid_permit2_signature"],
    [!same(witness.to, payTo) || !same(permitted.token, asset), "invalid_permit2_recipient_mismatch"],
    [permitted.amount !== amount, "permit2_insufficient"],
    [paid.has(nonce), "permit2_nonce_used"],
  ];
  return { payer: from, nonce, reason: reasons.find(([isSo]) => isSo)?.[1] };
}

function same(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

function reply(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
}
