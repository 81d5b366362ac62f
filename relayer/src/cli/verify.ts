// SPDX-License-Identifier: GPL-3.0-or-later

import { asAddress } from "@meantime/sdk/hex";
import { parseReceipt, receiptSigner, verifyReceipt } from "@meantime/sdk/receipt";
import { loadConfig } from "../config/load.ts";
import { RelayerError } from "../errors.ts";
import { sourceAddress } from "../signers/open.ts";
import { readJson } from "./read-json.ts";

/** The flags of `meantime verify`. */
export interface VerifyOptions {
  config?: string;
  chainId?: string;
  settlement?: string;
  receiptKey?: string;
  json?: true;
}

/**
 * `meantime verify`: checks a receipt without asking anybody. Says who signed it; whether that key is the operator's is on
 * chain (`Receipts.receiptKeyOf`), or given by `--receipt-key`. Whether the operator had accepted the policy is on chain
 * alone (`Receipts.acceptedAtOf`).
 *
 * @throws MeantimeError naming the check that failed
 */
export function verify(file: string, options: VerifyOptions): void {
  const receipt = parseReceipt(
    receiptIn(readJson(file, "MT-CLI-001", "Save the gateway's answer to a file and name that file.")),
  );
  const { domain, receiptKey } = trustOf(options);
  const signer = receiptSigner(receipt, domain);
  verifyReceipt(receipt, { domain, receiptKeys: [receiptKey ?? signer] });
  const result = { valid: true, claimId: receipt.claimId, signer, signerExpected: receiptKey !== undefined };
  process.stdout.write(
    options.json
      ? `${JSON.stringify(result)}\n`
      : `Valid receipt of ${receipt.claim.operator}\n  claim  ${receipt.claimId}\n  signer ${signer}${
          receiptKey ? "" : " (ask Receipts.receiptKeyOf whether the operator has this key)"
        }\n  policy ${receipt.claim.policyId} (ask Receipts.acceptedAtOf whether the operator had accepted it)\n`,
  );
}

function trustOf(options: VerifyOptions) {
  const config = options.config ? loadConfig(options.config) : undefined;
  const chainId = options.chainId ?? config?.chain.chainId;
  const settlement = options.settlement ?? config?.chain.settlement;
  if (chainId === undefined || settlement === undefined || !/^\d+$/.test(String(chainId))) {
    throw new RelayerError(
      "MT-CLI-002",
      "a receipt does not say which chain and contract it is for",
      "Give --chain-id and --settlement, or --config.",
    );
  }
  const receiptKey = options.receiptKey
    ? asAddress(options.receiptKey, "--receipt-key")
    : config && sourceAddress(config.operator.receiptKey);
  return {
    domain: { chainId: BigInt(chainId), settlement: asAddress(settlement, "--settlement") },
    receiptKey,
  };
}

/** The answer of `POST /v1/infer` and of `GET /v1/receipts` hold the receipt under `receipt`. */
function receiptIn(json: unknown): unknown {
  return typeof json === "object" && json !== null && "receipt" in json ? json.receipt : json;
}
