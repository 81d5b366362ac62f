// SPDX-License-Identifier: GPL-3.0-or-later

import { readFileSync } from "node:fs";
import { MeantimeError } from "@meantime/sdk/errors";
import { Command, CommanderError } from "commander";
import { z } from "zod";
import { configSchema } from "../config/schema.ts";
import { TemporaryError } from "../errors.ts";
import { start } from "./start.ts";
import { type VerifyOptions, verify } from "./verify.ts";

/** Exit codes: stable, for scripts and service managers. 75 (EX_TEMPFAIL) says that a restart may help. */
export const EXIT = { ok: 0, error: 1, usage: 2, temporary: 75 } as const;

/**
 * Runs the command line.
 *
 * @param argv as in `process.argv`
 * @returns the exit code
 */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    await program().parseAsync([...argv]);
    return EXIT.ok;
  } catch (error) {
    return report(error, argv.includes("--json"));
  }
}

function program(): Command {
  const meantime = new Command("meantime")
    .description("Optimistic settlement for AI inference: answers now, proof in the meantime.")
    .version(version(), "--version", "print the version")
    .helpOption("--help", "explain a command")
    .exitOverride();
  const command = (name: string, description: string, parent = meantime) =>
    parent.command(name).description(description).helpOption("--help", "explain this command").exitOverride();

  command("start", "run a relayer until it is told to stop")
    .requiredOption("--config <file>", "configuration file (JSON)")
    .option("--json", "print one JSON line when ready")
    .action((options: { config: string; json?: true }) => start(options));

  command("verify", "check a receipt offline: its id and its signature")
    .argument("<file>", "a receipt, or the answer that holds one (JSON)")
    .option("--config <file>", "take chain id, settlement and receipt key from a relayer's configuration")
    .option("--chain-id <number>", "the chain it settles on")
    .option("--settlement <address>", "the Settlement contract")
    .option("--receipt-key <address>", "the key that must have signed it")
    .option("--json", "print one JSON line")
    .action((file: string, options: VerifyOptions) => verify(file, options));

  const config = command("config", "about the configuration file");
  command("schema", "print the JSON Schema of the configuration file", config).action(() => {
    process.stdout.write(`${JSON.stringify(z.toJSONSchema(configSchema, { io: "input" }), null, 2)}\n`);
  });
  return meantime;
}

function report(error: unknown, json: boolean): number {
  if (error instanceof CommanderError) {
    // Commander has printed its message. Help and version "fail" with exit code 0.
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
  const code = error instanceof TemporaryError ? EXIT.temporary : EXIT.error;
  if (!(error instanceof MeantimeError)) {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    return code;
  }
  if (json) {
    const { code: name, message, hint } = error;
    process.stderr.write(`${JSON.stringify({ error: { code: name, message, hint } })}\n`);
  } else {
    process.stderr.write(`${error.code}: ${error.message}\n  ${error.hint}\n`);
  }
  return code;
}

function version(): string {
  const file = new URL("../../package.json", import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}
