// SPDX-License-Identifier: MIT
import { BUNDLE_FORMAT, type Bundle, parseBundle } from "@meantime/sdk/bundle/format";
import { isJsonObject, parseJson } from "@meantime/sdk/canonical-json";
import type { SettlementDomain } from "@meantime/sdk/domain";
import { MeantimeError } from "@meantime/sdk/errors";
import { parseReceipt } from "@meantime/sdk/receipt";
import type { Trusted } from "../state/settings.ts";
import type { Subject } from "./judge.ts";
import { openNode } from "./node.ts";
import { parseOpening } from "./opening.ts";

/** What a file turned out to be. */
export type ReadFile =
  | { what: "bundle" | "receipt"; subject: Subject }
  | { needsContract: true }
  | { problem: string };

/**
 * Reads the text of a file: a bundle, a receipt, or a gateway's answer with a receipt in it. A receipt does not say which
 * contract it is about: it is held to the one that the visitor trusts, or else to the one that is stated.
 */
export async function readFile(
  text: string,
  trusted: Trusted | null,
  stated: SettlementDomain | null,
): Promise<ReadFile> {
  try {
    const json = parseJson(text);
    if (isJsonObject(json) && json.format === BUNDLE_FORMAT)
      return { what: "bundle", subject: asSubject(parseBundle(text), "file") };
    const fields = isJsonObject(json) && isJsonObject(json.receipt) ? json : { receipt: json };
    const receipt = parseReceipt(fields.receipt);
    const opening = parseOpening(fields.opening);
    const domain = trusted === null ? stated : (await openNode(trusted)).chain.domain;
    if (domain === null) return { needsContract: true };
    const bundle: Bundle = { domain, receipt, evidence: [], ...(opening ? { opening } : {}) };
    return { what: "receipt", subject: asSubject(bundle, "index") };
  } catch (error) {
    if (error instanceof MeantimeError) return { problem: `${error.message}. ${error.hint}` };
    throw error;
  }
}

function asSubject(bundle: Bundle, origin: Subject["origin"]): Subject {
  return { bundle, origin, isSigned: true, transactions: [] };
}
