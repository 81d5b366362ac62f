// SPDX-License-Identifier: GPL-3.0-or-later

import { type KeyFinding, lintVerificationKey } from "@meantime/sdk/key-lint";
import { readJson } from "./read-json.ts";

/** The code of a key file that cannot be read as JSON: nothing was looked at. */
export const UNREADABLE_KEY = "MT-CLI-003";

/**
 * `meantime vk lint`: looks at anybody's verification key, of any circuit, and says what is wrong with it.
 *
 * @returns whether the key is clean
 * @throws RelayerError MT-CLI-003 for a file that cannot be read as JSON
 */
export function lintKeyFile(file: string, { json }: { json?: true }): boolean {
  const findings = lintVerificationKey(
    readJson(file, UNREADABLE_KEY, "Name the verification_key.json that snarkjs exports."),
  );
  const clean = findings.length === 0;
  process.stdout.write(
    json ? `${JSON.stringify({ file, clean, findings })}\n` : `${asText(file, findings)}\n`,
  );
  return clean;
}

function asText(file: string, findings: readonly KeyFinding[]): string {
  if (findings.length === 0)
    return `${file}: nothing found. Whether its setup was honest, no look at a key can tell.`;
  return findings.map(({ severity, code, what, why }) => `${severity} ${code}\n  ${what}: ${why}`).join("\n");
}
