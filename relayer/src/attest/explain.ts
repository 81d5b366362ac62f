// SPDX-License-Identifier: GPL-3.0-or-later

import { tcbStatusName } from "@meantime/sdk/dcap/tcb-status";
import { ENCLAVE_ERRORS, errorDataOf } from "./enclave-errors.ts";
import { ErrorArguments, type RefusalContext } from "./error-arguments.ts";
import { REASONS } from "./reasons.ts";

const SELECTOR_CHARACTERS = 10;

/** Why a contract refuses an attestation. */
export interface Refusal {
  /** The name of the check that failed: a custom error of the contracts, or `Reverted` where there is none. */
  check: string;
  /** The error's arguments by name: numbers in decimal, bytes in hexadecimal, statuses by Intel's names. */
  values: Record<string, string>;
  /** What was found, with the values. */
  what: string;
  /** What to do about it. */
  remedy: string;
}

/**
 * Explains the custom error by which a call was refused, in words.
 *
 * @param error as a provider threw it
 * @returns undefined where the call did not revert at all: the node is the trouble, not the attestation
 */
export function explainRefusal(error: unknown, context: RefusalContext = {}): Refusal | undefined {
  const data = errorDataOf(error);
  if (data === undefined) return undefined;
  const parsed = data.length < SELECTOR_CHARACTERS ? null : ENCLAVE_ERRORS.parseError(data);
  if (!parsed) {
    return {
      check: "Reverted",
      values: data === "0x" ? {} : { data },
      what: data === "0x" ? "the call ran out of gas or hit an assertion" : `unknown error ${data}`,
      remedy: "Compare the versions of this program and of the contracts.",
    };
  }
  const reason = REASONS[parsed.name];
  const args = new ErrorArguments(parsed.args, context);
  const values = Object.fromEntries(
    parsed.fragment.inputs.map(({ name }, place) => [name, printed(name, parsed.args[place])]),
  );
  const [what, remedy] = reason?.(args) ?? [
    `${parsed.name}(${Object.values(values).join(", ")})`,
    "docs/SPEC.md and the contracts' interfaces explain this error.",
  ];
  return { check: parsed.name, values, what, remedy };
}

/** The explanation on one line: check, finding, remedy. */
export function refusalText({ check, what, remedy }: Refusal): string {
  return `${check}: ${what}. ${remedy}`;
}

function printed(name: string, value: unknown): string {
  if (name === "status") return tcbStatusName(value as bigint) ?? String(value);
  return String(value);
}
