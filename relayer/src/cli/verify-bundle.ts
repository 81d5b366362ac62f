// SPDX-License-Identifier: GPL-3.0-or-later

import { BUNDLE_FORMAT, parseBundle } from "@meantime/sdk/bundle/format";
import { type BundleFacts, type BundleVerdict, verifyBundle } from "@meantime/sdk/bundle/verify";
import { type Address, asAddress, asHex32, type Hex } from "@meantime/sdk/hex";
import { STATUS, type StatusName } from "@meantime/sdk/status";
import type { Verdict } from "@meantime/sdk/verdict";
import { BadInputError } from "./enclave/bad-input.ts";
import { EXIT } from "./exit.ts";

/** What whoever verifies knows, as flags. */
export interface BundleFactFlags {
  receiptKey?: string;
  batch?: string[];
  enclaveKey?: string[];
  status?: string;
  json?: true;
}

const EXIT_OF: Record<Verdict, number> = {
  valid: EXIT.ok,
  invalid: EXIT.error,
  "cannot tell": EXIT.undecided,
};

/** Whether the JSON is, or says it is, a bundle. */
export function isBundle(json: unknown): boolean {
  return typeof json === "object" && json !== null && "format" in json && json.format === BUNDLE_FORMAT;
}

/**
 * Judges a bundle offline and prints why.
 *
 * @returns the exit code: 0 valid, 1 invalid, 3 cannot tell
 * @throws MeantimeError MT-SDK-008, -801, -802 for a file that is no bundle
 */
export function verifyBundleText(content: string, flags: BundleFactFlags): number {
  const bundle = parseBundle(content);
  const { verdict, checks, notChecked } = verifyBundle(bundle, factsOf(bundle.domain, flags));
  const { claimId } = bundle.receipt;
  process.stdout.write(
    flags.json
      ? `${JSON.stringify({ claimId, verdict, checks, notChecked })}\n`
      : inWords(claimId, { verdict, checks, notChecked }),
  );
  return EXIT_OF[verdict];
}

function factsOf(
  domain: { chainId: bigint; settlement: Address },
  { receiptKey, batch, enclaveKey, status }: BundleFactFlags,
): BundleFacts {
  return {
    ...(receiptKey === undefined
      ? {}
      : { trust: { domain, receiptKeys: [asAddress(receiptKey, "--receipt-key")] } }),
    ...(batch === undefined ? {} : { batchIds: batch.map((id) => asHex32(id, "--batch")) }),
    ...(enclaveKey === undefined ? {} : { enclaveKeys: enclaveKey.map(enclaveKeyOf) }),
    ...(status === undefined ? {} : { onChain: { status: statusOf(status) } }),
  };
}

function enclaveKeyOf(text: string): { key: Address; measurement: Hex } {
  const [key = "", measurement = ""] = text.toLowerCase().split("=");
  const isKey = /^0x([0-9a-f]{40}|[0-9a-f]{64})$/.test(key);
  if (isKey && /^0x[0-9a-f]{64}$/.test(measurement))
    return { key: key as Hex, measurement: measurement as Hex };
  throw new BadInputError(
    "MT-BND-004",
    `${text} is no key and measurement`,
    "Give --enclave-key 0xKEY=0xMEASUREMENT.",
  );
}

function statusOf(text: string): StatusName {
  if (Object.hasOwn(STATUS, text)) return text as StatusName;
  throw new BadInputError(
    "MT-BND-004",
    `${text} is no status of a claim`,
    `Give --status and one of ${Object.keys(STATUS).join(", ")}, as the chain says.`,
  );
}

function inWords(claimId: Hex, { verdict, checks, notChecked }: BundleVerdict): string {
  const width = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.map((one) => `  ${one.name.padEnd(width)}  ${one.verdict.padEnd(11)}  ${one.reason}`);
  const rest = notChecked.length > 0 ? [`  look up on the chain: ${notChecked.join(", ")}`] : [];
  return `${[`${verdict}: claim ${claimId}`, ...lines, ...rest].join("\n")}\n`;
}
