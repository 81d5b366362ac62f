// SPDX-License-Identifier: GPL-3.0-or-later

import type { ConfigFlags } from "../config/show.ts";
import { type AddCommand, CONFIG_OPTION, JSON_OPTION, SET_OPTION } from "../options.ts";
import { exportAddress, importKey, listKeys, newKey, type PasswordFlags } from "./keys.ts";

/** `meantime keys` */
export function addKeyCommands(command: AddCommand): void {
  const keys = command("keys", "about the keys that sign");
  const withKeystore = (name: string, description: string) =>
    command(name, description, keys)
      .argument("<file>", "keystore (Web3 Secret Storage, version 3)")
      .option("--password-file <file>", "its password is the first line of this file")
      .option("--password-env <name>", "its password is in this environment variable")
      .option(...JSON_OPTION);
  withKeystore("new", "make a key and write it encrypted").action((file: string, flags: PasswordFlags) =>
    newKey(file, flags),
  );
  withKeystore("import", "encrypt a key from an environment variable")
    .option("--key-env <name>", "environment variable with the private key", "MEANTIME_PRIVATE_KEY")
    .action((file: string, flags: PasswordFlags & { keyEnv: string }) => importKey(file, flags));
  withKeystore("export-address", "open a keystore and print the address of its key").action(
    (file: string, flags: PasswordFlags) => exportAddress(file, flags),
  );
  command("list", "print whose keys a configuration names", keys)
    .requiredOption(...CONFIG_OPTION)
    .option(...SET_OPTION)
    .option(...JSON_OPTION)
    .action((flags: ConfigFlags & { json?: true }) => listKeys(flags));
}
