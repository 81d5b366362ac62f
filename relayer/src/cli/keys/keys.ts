// SPDX-License-Identifier: GPL-3.0-or-later

import { closeSync, fsyncSync, mkdirSync, openSync, writeSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { type Address, bytesToHex, type Hex } from "@meantime/sdk/hex";
import { addressOf } from "@meantime/sdk/signature";
import { loadConfig } from "../../config/load.ts";
import { RelayerError } from "../../errors.ts";
import { encryptKeystore, openKeystore, type PasswordSource, readPassword } from "../../signers/keystore.ts";
import { type KeySource, OPERATOR_LANES, sourceAddress } from "../../signers/open.ts";
import type { ConfigFlags } from "../config/show.ts";

/** How a keystore's password is given. */
export interface PasswordFlags {
  passwordFile?: string;
  passwordEnv?: string;
  json?: true;
}

/**
 * `meantime keys new`: makes a key and writes it encrypted; the file must not exist.
 *
 * @throws RelayerError `MT-CLI-002`, `MT-CLI-009`, `MT-KEY-003`
 */
export async function newKey(file: string, flags: PasswordFlags): Promise<void> {
  await store(file, bytesToHex(crypto.getRandomValues(new Uint8Array(32))), flags);
}

/**
 * `meantime keys import`: encrypts a key from an environment variable; never from an argument, which every process sees.
 *
 * @throws RelayerError `MT-CLI-002`, `MT-CLI-009`, `MT-CFG-005`, `MT-KEY-003`
 */
export async function importKey(file: string, flags: PasswordFlags & { keyEnv: string }): Promise<void> {
  const key = process.env[flags.keyEnv];
  if (key === undefined || !/^0x[0-9a-fA-F]{64}$/.test(key)) {
    throw new RelayerError(
      "MT-CFG-005",
      `the environment variable ${flags.keyEnv} ${key === undefined ? "is not set" : "holds no private key"}`,
      `Set ${flags.keyEnv} to 0x followed by 64 hex digits.`,
    );
  }
  await store(file, key.toLowerCase() as Hex, flags);
}

/** `meantime keys export-address`: opens a keystore and prints its key's address, which the password proves. */
export async function exportAddress(file: string, flags: PasswordFlags): Promise<void> {
  const address = addressOf(await openKeystore(file, readPassword(passwordSource(flags))));
  print({ file: resolve(file), address }, address, flags);
}

/** `meantime keys list`: the keys of a configuration, without opening any. */
export function listKeys({ config, set, json }: ConfigFlags & { json?: true }): void {
  const { operator, watch } = loadConfig(config, { flags: set ?? [] });
  const roles: [string, KeySource | undefined][] = [
    ["sender", operator.senderKey],
    ...OPERATOR_LANES.map((lane): [string, KeySource | undefined] => [lane, operator.senderKeys[lane]]),
    ["receipts", operator.receiptKey],
    ["challenger", watch.challengerKey],
  ];
  const keys = roles.flatMap(([role, source]) => (source ? [{ role, ...describe(source) }] : []));
  const lines = keys.map(
    ({ role, kind, address, at }) => `${role.padEnd(11)}${kind.padEnd(10)}${address ?? "?"}  ${at}`,
  );
  print({ keys }, lines.join("\n"), { ...(json ? { json } : {}) });
}

function describe(source: KeySource): { kind: string; address: Address | undefined; at: string } {
  const address = sourceAddress(source);
  switch (source.kind) {
    case "plain":
      return { kind: "plain", address, at: "development only" };
    case "keystore":
      return { kind: "keystore", address, at: source.file };
    case "remote":
      return { kind: "remote", address, at: new URL(source.url).host };
  }
}

async function store(file: string, key: Hex, flags: PasswordFlags): Promise<void> {
  const password = readPassword(passwordSource(flags));
  const json = await encryptKeystore(key, password);
  writeNew(file, `${json}\n`);
  const address = addressOf(key);
  print({ file: resolve(file), address }, `Wrote ${file}: ${address}`, flags);
}

// Durable before it is announced: stake may be delegated to the address at once.
function writeNew(file: string, content: string): void {
  mkdirSync(dirname(resolve(file)), { recursive: true, mode: 0o700 });
  let descriptor: number;
  try {
    descriptor = openSync(file, "wx", 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw new RelayerError("MT-CLI-009", `${file} exists`, "Name another file: keys are never overwritten.");
  }
  try {
    writeSync(descriptor, content);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function passwordSource({ passwordFile, passwordEnv }: PasswordFlags): PasswordSource {
  if ((passwordFile === undefined) === (passwordEnv === undefined)) {
    throw new RelayerError(
      "MT-CLI-002",
      "a keystore needs a password from one place",
      "Give either --password-file or --password-env.",
    );
  }
  return passwordFile === undefined ? { env: passwordEnv ?? "" } : { file: passwordFile };
}

function print(result: unknown, text: string, { json }: { json?: true }): void {
  process.stdout.write(json ? `${JSON.stringify(result)}\n` : `${text}\n`);
}
