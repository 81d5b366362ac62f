// SPDX-License-Identifier: GPL-3.0-or-later

import { scrypt as nativeScrypt } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Address, Hex } from "@meantime/sdk/hex";
import { addressOf } from "@meantime/sdk/signature";
import { decryptKeystoreJson, encryptKeystoreJson, isError, isKeystoreJson, scrypt } from "ethers";
import { RelayerError } from "../errors.ts";

/** scrypt's cost, as geth's keystores have it: about a second, and 256 MB for an attacker's every guess. */
export const SCRYPT_COST = 1 << 18;

// ethers computes scrypt in JavaScript, which takes half a minute at this cost; OpenSSL takes a second.
scrypt.register(
  (password, salt, N, r, p, length) =>
    new Promise((resolve, reject) =>
      nativeScrypt(password, salt, length, { N, r, p, maxmem: 256 * N * r }, (error, key) =>
        error ? reject(error) : resolve(`0x${key.toString("hex")}`),
      ),
    ),
);

/** Where a keystore's password is: the first line of a file, or an environment variable. */
export type PasswordSource = { file: string } | { env: string };

/** Encrypts a key as a Web3 Secret Storage document (version 3: scrypt, AES-128-CTR). */
export async function encryptKeystore(
  privateKey: Hex,
  password: string,
  scryptCost = SCRYPT_COST,
): Promise<string> {
  const account = { address: addressOf(privateKey), privateKey };
  return encryptKeystoreJson(account, password, { scrypt: { N: scryptCost, r: 8, p: 1 } });
}

/**
 * Decrypts a keystore file.
 *
 * @throws RelayerError `MT-KEY-001` unreadable or no keystore; `MT-KEY-002` another password
 */
export async function openKeystore(file: string, password: string): Promise<Hex> {
  const json = readKeystore(file);
  try {
    return (await decryptKeystoreJson(json, password)).privateKey as Hex;
  } catch (error) {
    // The cause stays out: it may quote what was tried.
    if (isError(error, "INVALID_ARGUMENT") && error.argument === "password") {
      throw new RelayerError(
        "MT-KEY-002",
        `the password does not open the keystore ${file}`,
        "Correct the password file or variable that the configuration names beside the keystore.",
        { file },
      );
    }
    throw noKeystore(file);
  }
}

/** The address that a keystore says it is for; what it really holds shows only when it is opened. */
export function keystoreAddress(file: string): Address | undefined {
  const { address } = JSON.parse(readKeystore(file)) as { address?: unknown };
  if (typeof address !== "string") return undefined;
  return `0x${address.toLowerCase().replace(/^0x/, "")}`;
}

/**
 * A password.
 *
 * @throws RelayerError `MT-KEY-003` the file cannot be read, the variable is not set, or it is empty
 */
export function readPassword(source: PasswordSource, environment: NodeJS.ProcessEnv = process.env): string {
  const password = "file" in source ? firstLine(source.file) : environment[source.env];
  if (password) return password;
  throw new RelayerError(
    "MT-KEY-003",
    "file" in source
      ? `there is no password in ${source.file}`
      : `the environment variable ${source.env} holds no password`,
    "Put the keystore's password into the first line of that file, or into that variable.",
  );
}

function readKeystore(file: string): string {
  let json: string;
  try {
    json = readFileSync(file, "utf8");
  } catch (error) {
    throw new RelayerError(
      "MT-KEY-001",
      `the keystore ${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      "Make one with `meantime keys new` or `meantime keys import`.",
      { file },
    );
  }
  if (!isKeystoreJson(json)) throw noKeystore(file);
  return json;
}

function firstLine(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8").split(/\r?\n/)[0];
  } catch {
    return undefined;
  }
}

function noKeystore(file: string): RelayerError {
  return new RelayerError(
    "MT-KEY-001",
    `${file} is no keystore (Web3 Secret Storage, version 3)`,
    "Make one with `meantime keys new` or `meantime keys import`.",
    { file },
  );
}
