// SPDX-License-Identifier: GPL-3.0-or-later

import { type Command, Option } from "commander";
import { examineFromConfig, type RegisterEnclaveOptions, registerFromConfig } from "./register.ts";
import { type VerifyEnclaveOptions, verifyEnclave } from "./verify.ts";

/** Makes a command with the conventions of the whole program. */
export type CommandMaker = (name: string, description: string, parent?: Command) => Command;

/** Adds `meantime enclave`. `refuse` is called by a command whose answer is no. */
export function addEnclaveCommands(command: CommandMaker, refuse: () => void): void {
  const enclave = command("enclave", "about enclaves and their attestations");
  command("verify", "have the contracts judge an attestation; exits with 1 when they refuse it", enclave)
    .addOption(kindOption())
    .requiredOption("--file <file>", "the document: raw bytes, hexadecimal or Base64")
    .option("--collateral <file>", "Intel's documents for the platform (JSON)")
    .option(
      "--root <root>",
      "aws, intel, or a file with the certificate (PEM or DER); default: that of the kind",
    )
    .option("--at <seconds>", "the moment, in unix seconds; default: the document's own")
    .option("--statuses <names>", "TCB statuses to accept, with commas; default: all but Revoked")
    .option("--service-td <hex>", "an MRSERVICETD to accept beside zero, 48 bytes")
    .option("--json", "print one JSON line")
    .action(async (options: VerifyEnclaveOptions) => {
      if (!(await verifyEnclave(options))) refuse();
    });
  command("register", "have the enclave's platform attest its key, and register it on chain", enclave)
    .requiredOption("--config <file>", "a relayer's configuration, with the section enclave")
    .option("--force", "also where the key is registered for long")
    .option("--json", "print one JSON line")
    .action((options: RegisterEnclaveOptions) => registerFromConfig(options));
  command("doctor", "ask whether the contracts would take an attestation now; exits with 1 when not", enclave)
    .requiredOption("--config <file>", "a relayer's configuration, with the section enclave")
    .option("--json", "print one JSON line")
    .action(async (options: RegisterEnclaveOptions) => {
      if (!(await examineFromConfig(options))) refuse();
    });
}

function kindOption(): Option {
  return new Option("--kind <kind>", "what it is of").choices(["nitro", "tdx", "sgx"]).makeOptionMandatory();
}
