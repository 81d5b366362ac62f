// SPDX-License-Identifier: GPL-3.0-or-later

import { configJsonSchema } from "../../config/paths.ts";
import { type AddCommand, CONFIG_OPTION, collect, JSON_OPTION, SET_OPTION } from "../options.ts";
import { type InitOptions, initConfig } from "./init.ts";
import { type ConfigFlags, showConfig } from "./show.ts";

/** `meantime init` and `meantime config`. */
export function addConfigCommands(command: AddCommand): void {
  command("init", "write a configuration for one deployment")
    .requiredOption("--deployment <file>", "what `npm run deploy` printed: chainId and addresses (JSON)")
    .requiredOption("--rpc <url>", "JSON-RPC endpoint of that chain")
    .requiredOption("--operator <address>", "the bonded operator")
    .requiredOption(
      "--policy <name=id[=prove]>",
      "a policy to serve under; the first is the default",
      collect,
    )
    .requiredOption("--model <model>", "a model of this repository, or a folder of `model compile`", collect)
    .option("--out <folder>", "where to write", ".")
    .option("--start-block <number>", "the block of the deployment")
    .option("--watch", "also watch other operators, and challenge")
    .option("--force", "replace a configuration that exists")
    .option(...JSON_OPTION)
    .action((options: InitOptions) => initConfig(options));

  const config = command("config", "about the configuration");
  command("schema", "print the JSON Schema of the configuration file", config).action(() => {
    process.stdout.write(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
  });
  command("show", "print every value that counts and where it comes from, without secrets", config)
    .requiredOption(...CONFIG_OPTION)
    .option(...SET_OPTION)
    .option(...JSON_OPTION)
    .action((options: ConfigFlags & { json?: true }) => showConfig(options));
}
