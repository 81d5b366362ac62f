// SPDX-License-Identifier: GPL-3.0-or-later

import { readFileSync } from "node:fs";
import { MeantimeError } from "@meantime/sdk/errors";
import { Command, CommanderError } from "commander";
import { docsLink, TemporaryError } from "../errors.ts";
import { addAuditCommand } from "./audit.ts";
import { type BenchOptions, bench } from "./bench/bench.ts";
import { addBundleCommand } from "./bundle.ts";
import { addConfigCommands } from "./config/commands.ts";
import type { ConfigFlags } from "./config/show.ts";
import { addLedgerCommands } from "./db/commands.ts";
import { BadInputError } from "./enclave/bad-input.ts";
import { addEnclaveCommands } from "./enclave/commands.ts";
import { EXIT } from "./exit.ts";
import { addIndexCommand } from "./indexer.ts";
import { addKeyCommands } from "./keys/commands.ts";
import { compileModel } from "./model/compile.ts";
import { inspectModel } from "./model/inspect.ts";
import { type RegisterOptions, registerModel } from "./model/register.ts";
import { addOperatingCommands } from "./operating/commands.ts";
import { type AddCommand, CONFIG_OPTION, collect, JSON_OPTION, SET_OPTION } from "./options.ts";
import { type ProveOptions, prove } from "./prove.ts";
import { start } from "./start.ts";
import { type VerifyOptions, verify } from "./verify.ts";
import { lintKeyFile, UNREADABLE_KEY } from "./vk-lint.ts";
import { addWatchCommands } from "./watch.ts";

/**
 * Runs the command line.
 *
 * @param argv as in `process.argv`
 * @returns the exit code
 */
export async function main(argv: readonly string[]): Promise<number> {
  let exitCode: number = EXIT.ok;
  try {
    await program((code) => {
      exitCode = code;
    }).parseAsync([...argv]);
    return exitCode;
  } catch (error) {
    return report(error, argv.includes("--json"));
  }
}

/** `exitWith` is called by a command that has done its work and has something else than success to say. */
function program(exitWith: (code: number) => void): Command {
  const meantime = new Command("meantime")
    .description("Optimistic settlement for AI inference: answers now, proof in the meantime.")
    .version(version(), "--version", "print the version")
    .helpOption("--help", "explain a command")
    .exitOverride();
  const command: AddCommand = (name, description, parent = meantime) =>
    parent.command(name).description(description).helpOption("--help", "explain this command").exitOverride();

  command("start", "run a relayer until it is told to stop")
    .requiredOption(...CONFIG_OPTION)
    .option(...SET_OPTION)
    .option("--json", "print one JSON line when ready")
    .action((options: ConfigFlags & { json?: true }) => start(options));

  addWatchCommands(command);
  addIndexCommand(command);

  command("verify", "check a receipt, or a bundle, offline; of a bundle exits with 3 when it cannot tell")
    .argument("<file>", "a bundle, a receipt, or the answer that holds one (JSON)")
    .option("--config <file>", "take chain id, settlement and receipt key from a relayer's configuration")
    .option("--chain-id <number>", "the chain it settles on")
    .option("--settlement <address>", "the Settlement contract")
    .option("--receipt-key <address>", "the key that must have signed it")
    .option("--batch <id>", "of a bundle: a batch known to be committed; may be repeated", collect)
    .option("--enclave-key <key=measurement>", "of a bundle: a key known to live in an enclave", collect)
    .option("--status <name>", "of a bundle: how the claim stands on the chain, such as Final")
    .option("--json", "print one JSON line")
    .action((file: string, options: VerifyOptions) => exitWith(verify(file, options)));

  addBundleCommand(command);

  command("prove", "prove one inference and verify the proof")
    .requiredOption("--model <model>", "a model of this repository, or a folder of `model compile`")
    .requiredOption("--input <file>", "the input (JSON): integers, or an object with input and salt")
    .option("--claim <id>", "the claim that the proof is evidence for")
    .option("--beneficiary <address>", "whom the proof pays")
    .option("--rapidsnark <file>", "an external prover binary; snarkjs proves where it fails")
    .option("--timeout <seconds>", "give up after", "600")
    .option("--memory <megabytes>", "give up above", "4096")
    .option("--json", "print one JSON line")
    .action((options: ProveOptions) => prove(options));

  const model = command("model", "about models");
  command("inspect", "layers, bounds, ids and constraints", model)
    .argument("<model>", "a model of this repository, a specification, or a folder of `model compile`")
    .option("--json", "print one JSON line")
    .action(inspectModel);
  command("compile", "make a circuit and INSECURE development keys of a specification", model)
    .argument("<spec>", "model specification (JSON)")
    .requiredOption("--out <folder>", "where to write")
    .option("--force", "replace files of that folder")
    .option("--json", "print one JSON line")
    .action(compileModel);
  command("register", "enter a model and its verification key on chain", model)
    .argument("<model>", "a model of this repository, a folder of `model compile`, or with --upstream a name")
    .requiredOption("--rpc <url>", "JSON-RPC endpoint")
    .requiredOption("--chain-id <number>", "the chain behind it")
    .requiredOption(
      "--groth16-evidence <address>",
      "the Groth16Evidence contract; it names the model registry",
    )
    .option("--measurement <hex>", "of the enclave image that runs the model")
    .option("--upstream", "a model behind an OpenAI-compatible server, which has no verification key")
    .option(
      "--weights <text>",
      "with --upstream: what names the weights for good, as the configuration has it",
    )
    .option("--model-version <number>", "with --upstream", "1")
    .option("--reexecutable", "with --upstream: running it again gives the same answer")
    .option("--key-env <name>", "environment variable with the sender's private key", "MEANTIME_PRIVATE_KEY")
    .option("--json", "print one JSON line")
    .action((name: string, options: RegisterOptions) => registerModel(name, options));

  const vk = command("vk", "about verification keys");
  command("lint", "look for what makes a key unsafe; exits with 1 when something was found", vk)
    .argument("<file>", "a verification_key.json, as snarkjs exports it")
    .option("--json", "print one JSON line")
    .action((file: string, options: { json?: true }) => {
      if (!lintKeyFile(file, options)) exitWith(EXIT.error);
    });

  addAuditCommand(command, exitWith);
  command("bench", "measure this machine: signatures, durable receipts, trees, proofs, endpoints")
    .requiredOption(...CONFIG_OPTION)
    .option(...SET_OPTION)
    .option("--no-proofs", "leave proofs out, which take longest")
    .option(...JSON_OPTION)
    .action(async (options: ConfigFlags & BenchOptions) => {
      if (!(await bench(options))) exitWith(EXIT.error);
    });

  addEnclaveCommands(command, () => exitWith(EXIT.error));
  addConfigCommands(command);
  addLedgerCommands(command, exitWith);
  addKeyCommands(command);
  addOperatingCommands(command, exitWith);
  return meantime;
}

function report(error: unknown, json: boolean): number {
  if (error instanceof CommanderError) {
    // Commander has printed its message. Help and version "fail" with exit code 0.
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
  const code = exitCodeOf(error);
  if (!(error instanceof MeantimeError)) {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    return code;
  }
  if (json) {
    const { code: name, message, hint } = error;
    process.stderr.write(
      `${JSON.stringify({ error: { code: name, message, hint, docs: docsLink(name) } })}\n`,
    );
  } else {
    process.stderr.write(`${error.code}: ${error.message}\n  ${error.hint}\n  See ${docsLink(error.code)}\n`);
  }
  return code;
}

// Where findings and refusals are an error, a file that cannot be read is none of them.
function exitCodeOf(error: unknown): number {
  if (error instanceof TemporaryError) return EXIT.temporary;
  if (error instanceof BadInputError) return EXIT.usage;
  return error instanceof MeantimeError && error.code === UNREADABLE_KEY ? EXIT.usage : EXIT.error;
}

function version(): string {
  const file = new URL("../../package.json", import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}
