// SPDX-License-Identifier: GPL-3.0-or-later
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseConfig } from "../../relayer/src/config/load.ts";
import { createGateway } from "../../relayer/src/gateway/app.ts";
import type { OpenApiDocument } from "../../relayer/src/gateway/openapi/document.ts";
import type { GatewayState } from "../../relayer/src/gateway/state.ts";
import { createUnwatched } from "../../relayer/src/gateway/unwatched.ts";
import type { Services } from "../../relayer/src/services.ts";

/** Where the copy of the document is. */
export const OPENAPI_FILE = new URL("../../docs/openapi.json", import.meta.url);

/** A gateway that describes itself and serves nothing: no chain, no ledger. */
export function describedGateway() {
  const config = parseConfig(
    {
      chain: { rpcUrl: "http://127.0.0.1:8545", chainId: 31_337, settlement: address("01") },
      operator: { address: address("02"), senderKey: key("03"), receiptKey: key("04") },
      gateway: {},
      ledger: { file: "ledger.sqlite" },
      models: [{ spec: "model.json" }],
      policies: [{ name: "window", id: key("05") }],
    },
    "/",
    {},
  );
  const state: GatewayState = {
    ...{ publicUrl: () => "", tasks: () => [], draining: () => false, metrics: async () => "" },
    unwatched: createUnwatched(),
    ...{ onAnswered: ignore, onRefused: ignore, onReceipt: ignore, onKey: ignore },
  };
  return createGateway({ config } as unknown as Services, state);
}

/** The document as it is kept. */
export async function openApiText(): Promise<string> {
  const response = await describedGateway().request("/openapi.json");
  return `${JSON.stringify((await response.json()) as OpenApiDocument, null, 2)}\n`;
}

function address(byte: string): string {
  return `0x${byte.repeat(20)}`;
}

function key(byte: string): string {
  return `0x${byte.repeat(32)}`;
}

function ignore(): void {
  // Nobody measures here.
}

async function main(): Promise<void> {
  const text = await openApiText();
  if (process.argv.includes("--check")) {
    if (readFileSync(OPENAPI_FILE, "utf8") === text) return;
    process.stderr.write("docs/openapi.json is not what the gateway says: npm run docs:openapi\n");
    process.exitCode = 1;
    return;
  }
  writeFileSync(OPENAPI_FILE, text);
  process.stdout.write("wrote docs/openapi.json\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
