// SPDX-License-Identifier: MIT
import type { CampaignResult } from "./campaign.ts";
import { SIGNATURE_ERRORS } from "./errors.ts";

/** docs/ENCLAVE-FUZZ.md. */
export function fuzzPage(result: CampaignResult, command: string): string {
  const kinds = Object.entries(result.refusals);
  return `# Fuzzing the enclave verifiers

Documents that the on-chain verifiers accept are changed and shown to them again: bits, bytes and runs, and, written anew
around the change, the keys, counts, lengths, order and numbers of CBOR, DER and JSON, fields of quotes, and pieces of other
documents. They are genuine ones, where they are there, and ones of our own PKI. In each batch the unchanged document comes
last and has to be accepted. This page is written by

    ${command}

| mutants | accepted | refused without a custom error | seconds |
| --- | --- | --- | --- |
| ${result.count} | ${result.accepted.length} | ${result.untyped} | ${result.seconds} |

Not counted, because nothing that anybody signed differs and the verifier takes them on purpose: a Nitro document with or
without the tag of COSE; hints alone, which prove a true statement in more than one way; the signature on a certificate that
the verifier remembers, which it knows by what its issuer signed. The other signature of an ECDSA pair, n - s for s, is not
made here; the contract tests show that it means the same.

## Where mutants end

A mutant reaches the signature check when everything that is read was well formed.

| kind | mutants | reached the signature check | most gas of a refusal |
| --- | --- | --- | --- |
${kinds.map(([kind, refusals]) => kindRow(kind, refusals, result.maxGas[kind] ?? 0)).join("\n")}

${kinds.map(([kind, refusals]) => section(kind, refusals)).join("\n")}
## Documents

| document | mutants |
| --- | --- |
${result.subjects.map(({ name, count }) => `| ${name} | ${count} |`).join("\n")}
`;
}

function kindRow(kind: string, refusals: Record<string, number>, maxGas: number): string {
  const all = total(Object.entries(refusals));
  const reached = total(Object.entries(refusals).filter(([name]) => SIGNATURE_ERRORS.has(name)));
  return `| ${kind} | ${all} | ${((100 * reached) / all).toFixed(1)} % | ${maxGas} |`;
}

function section(kind: string, refusals: Record<string, number>): string {
  const rows = Object.entries(refusals).sort(([a, one], [b, other]) => other - one || a.localeCompare(b));
  return `### ${kind}

| refused by | mutants |
| --- | --- |
${rows.map(([name, count]) => `| \`${name}\` | ${count} |`).join("\n")}
`;
}

function total(rows: [string, number][]): number {
  return rows.reduce((sum, [, count]) => sum + count, 0);
}
