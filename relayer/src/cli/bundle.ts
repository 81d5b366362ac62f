// SPDX-License-Identifier: GPL-3.0-or-later

import { writeFileSync } from "node:fs";
import { batchId } from "@meantime/sdk/batch";
import { type Bundle, bundleToJson } from "@meantime/sdk/bundle/format";
import { type Address, asAddress, asHex32 } from "@meantime/sdk/hex";
import { receiptSigner } from "@meantime/sdk/receipt";
import { pinChain } from "../audit/pinned-chain.ts";
import { type ClaimSource, gatewaySource, indexSource } from "../bundle/claim-source.ts";
import { makeBundle } from "../bundle/make-bundle.ts";
import { loadConfig } from "../config/load.ts";
import { BadInputError } from "./enclave/bad-input.ts";
import { type AddCommand, JSON_OPTION } from "./options.ts";

interface BundleFlags {
  rpc: string;
  settlement?: string;
  config?: string;
  gateway?: string;
  index?: string;
  out: string;
  json?: true;
}

/** Adds `meantime bundle`. */
export function addBundleCommand(command: AddCommand): void {
  command("bundle", "write everything about one claim to a file that `meantime verify` checks offline")
    .argument("<claim>", "the claim's id")
    .requiredOption("--rpc <url>", "JSON-RPC endpoint")
    .option("--settlement <address>", "the Settlement contract")
    .option("--config <file>", "take it from a relayer's configuration instead")
    .option("--gateway <url>", "the gateway of the operator that served it")
    .option("--index <url>", "or an indexer")
    .requiredOption("--out <file>", "where to write")
    .option(...JSON_OPTION)
    .action((claim: string, flags: BundleFlags) => writeBundle(claim, flags));
}

async function writeBundle(claim: string, flags: BundleFlags): Promise<void> {
  if (!/^0x[0-9a-fA-F]{64}$/.test(claim)) throw badFlag(`${claim} is no claim id`, "the claim's id");
  const source = sourceOf(flags);
  const chain = await pinChain(flags.rpc, settlementOf(flags));
  const bundle = await makeBundle(chain, source, asHex32(claim, "claim"));
  writeFileSync(flags.out, `${JSON.stringify(bundleToJson(bundle), null, 2)}\n`);
  const result = resultOf(bundle, flags.out);
  process.stdout.write(
    flags.json
      ? `${JSON.stringify(result)}\n`
      : `${flags.out}: ${result.evidence.join(", ") || "no evidence"}\n`,
  );
}

function resultOf(bundle: Bundle, file: string) {
  const { domain, receipt, inclusion, evidence } = bundle;
  return {
    ...{ file, claimId: receipt.claimId, signer: receiptSigner(receipt, domain) },
    ...(inclusion ? { batchId: batchId(domain, inclusion.header) } : {}),
    evidence: evidence.map(({ kind }) => kind),
  };
}

function sourceOf({ gateway, index }: BundleFlags): ClaimSource {
  if (gateway !== undefined) return gatewaySource(gateway);
  if (index !== undefined) return indexSource(index);
  throw badFlag("whom to ask for the claim is not said", "--gateway, or --index");
}

function settlementOf({ settlement, config }: BundleFlags): Address {
  const address = settlement ?? (config === undefined ? undefined : loadConfig(config).chain.settlement);
  if (address !== undefined && /^0x[0-9a-fA-F]{40}$/.test(address)) return asAddress(address, "--settlement");
  throw badFlag("which contract it settles at is not said", "--settlement, or --config");
}

function badFlag(what: string, flag: string): BadInputError {
  return new BadInputError("MT-BND-004", what, `Give ${flag}.`);
}
