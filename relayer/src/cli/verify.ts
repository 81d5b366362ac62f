// SPDX-License-Identifier: GPL-3.0-or-later

import { readFileSync } from "node:fs";
import { asAddress } from "@meantime/sdk/hex";
import { parseReceipt, receiptSigner, verifyReceipt } from "@meantime/sdk/receipt";
import { loadConfig } from "../config/load.ts";
import { RelayerError } from "../errors.ts";
import { sourceAddress } from "../signers/open.ts";
import { EXIT } from "./exit.ts";
import { readJson } from "./read-json.ts";
import { type BundleFactFlags, isBundle, verifyBundleText } from "./verify-bundle.ts";

/** The flags of `meantime verify`. */
export interface VerifyOptions extends BundleFactFlags {
  config?: string;
  chainId?: string;
  settlement?: string;
}

/**
 * `meantime verify`: checks a receipt or a bundle without asking anybody. Of a receipt it says who signed it; whether that key is the operator's is on
 * chain (`Receipts.receiptKeyOf`), or given by `--receipt-key`. Whether the operator had accepted the policy is on chain
 * alone (`Receipts.acceptedAtOf`).
 *
 * @returns the exit code: 0 valid; of a bundle also 1 invalid, 3 cannot tell
 * @throws MeantimeError naming the check of the receipt that failed
 */
export function verify(file: string, options: VerifyOptions): number {
  const json = readJson(file, "MT-CLI-001", "Save the gateway's answer to a file and name that file.");
  // Read again as text: a bundle has to have one meaning, which JSON.parse does not see to.
  if (isBundle(json)) return verifyBundleText(readFileSync(file, "utf8"), options);
  const receipt = parseReceipt(receiptIn(json));
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
  return EXIT.ok;
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
