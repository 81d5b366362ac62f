// SPDX-License-Identifier: GPL-3.0-or-later

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { asAddress, asHex32 } from "@meantime/sdk/hex";
import { DEVELOPMENT_CHAIN_ID } from "../../config/development-chain.ts";
import { configJsonSchema } from "../../config/paths.ts";
import { configSchema } from "../../config/schema.ts";
import { RelayerError } from "../../errors.ts";
import { modelFiles } from "../model/folder.ts";
import { readJson } from "../read-json.ts";

/** The flags of `meantime init`. */
export interface InitOptions {
  deployment: string;
  rpc: string;
  operator: string;
  policy: string[];
  model: string[];
  out: string;
  startBlock?: string;
  watch?: true;
  force?: true;
  json?: true;
}

const CONFIG_NAME = "relayer.json";
const SCHEMA_NAME = "relayer.schema.json";
const DEPLOYMENT_HINT = "Name the JSON that `npm run deploy` printed: chainId and the contracts' addresses.";

/**
 * `meantime init`: writes a configuration for one deployment, and the JSON Schema that explains its keys to an editor. On
 * a development chain the keys come from variables, elsewhere from keystores that `meantime keys new` makes.
 *
 * @throws RelayerError `MT-CLI-001` no deployment file, `MT-CLI-002` a flag that is none, `MT-CLI-009` the files exist
 */
export function initConfig(options: InitOptions): void {
  const folder = resolve(options.out);
  const [file, schemaFile] = [join(folder, CONFIG_NAME), join(folder, SCHEMA_NAME)];
  const config = configFor(options);
  if (!options.force && existsSync(file)) {
    throw new RelayerError(
      "MT-CLI-009",
      `${file} exists`,
      "Add --force to replace it, or name another folder.",
    );
  }
  mkdirSync(folder, { recursive: true });
  writeFileSync(schemaFile, `${JSON.stringify(configJsonSchema(), null, 2)}\n`);
  writeFileSync(file, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
  const keys = keyFiles(options);
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ config: file, schema: schemaFile, keys })}\n`
      : `Wrote ${file} and ${schemaFile}.\n${nextSteps(file, folder, keys)}`,
  );
}

function configFor(options: InitOptions): Record<string, unknown> {
  const deployment = readDeployment(options.deployment);
  const isDevelopment = deployment.chainId === DEVELOPMENT_CHAIN_ID;
  const key = (role: string) =>
    isDevelopment
      ? { env: `MEANTIME_${role.toUpperCase()}_PRIVATE_KEY` }
      : { keystore: `keys/${role}.json`, passwordFile: `keys/${role}.password` };
  const config = {
    $schema: `./${SCHEMA_NAME}`,
    chain: {
      rpcUrl: options.rpc,
      chainId: deployment.chainId,
      settlement: deployment.settlement,
      ...(deployment.enclaveEvidence ? { enclaveEvidence: deployment.enclaveEvidence } : {}),
      confirmations: isDevelopment ? 1 : 3,
      startBlock: Number(options.startBlock ?? 0),
    },
    operator: {
      address: asAddress(options.operator, "--operator"),
      senderKey: key("sender"),
      receiptKey: key("receipts"),
    },
    gateway: { host: "127.0.0.1", port: 8080 },
    ledger: { file: "ledger.sqlite" },
    models: options.model.map(modelFiles),
    policies: options.policy.map(policyEntry),
    watch: options.watch ? { mode: "auto", challengerKey: key("challenger") } : { mode: "off" },
    log: { level: "info" },
  };
  const checked = configSchema.safeParse(config);
  if (checked.success) return config;
  const issue = checked.error.issues[0];
  throw new RelayerError(
    "MT-CLI-002",
    `${issue?.path.join(".") || "the configuration"}: ${issue?.message ?? "is not valid"}`,
    "Correct the flag it comes from.",
  );
}

function readDeployment(file: string): { chainId: number; settlement: string; enclaveEvidence?: string } {
  const json = readJson(file, "MT-CLI-001", DEPLOYMENT_HINT) as Record<string, unknown> | null;
  const { chainId, settlement, enclaveEvidence } = json ?? {};
  if (!Number.isSafeInteger(chainId) || typeof settlement !== "string") {
    throw new RelayerError("MT-CLI-001", `${file} is no deployment`, DEPLOYMENT_HINT, { file });
  }
  return {
    chainId: chainId as number,
    settlement,
    ...(typeof enclaveEvidence === "string" ? { enclaveEvidence } : {}),
  };
}

function policyEntry(text: string): { name: string; id: string; prove: string } {
  const [name = "", id = "", prove = "never"] = text.split("=");
  return { name, id: asHex32(id, `--policy ${name}`), prove };
}

function keyFiles({ watch, deployment }: InitOptions): string[] {
  if (readDeployment(deployment).chainId === DEVELOPMENT_CHAIN_ID) return [];
  return ["sender", "receipts", ...(watch ? ["challenger"] : [])].map((role) => `keys/${role}.json`);
}

function nextSteps(file: string, folder: string, keys: readonly string[]): string {
  const make = keys.map(
    (key) =>
      `  meantime keys new ${join(folder, key)} --password-file ${join(folder, key.replace(/json$/, "password"))}\n`,
  );
  return `Next:\n${make.join("")}  meantime doctor --config ${file}\n  meantime start --config ${file}\n`;
}
