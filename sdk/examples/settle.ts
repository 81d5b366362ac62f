// SPDX-License-Identifier: MIT
// Follows the claim of a receipt, which chat.ts has kept, by the chain. When the operator has left it out, prints the call
// that reports it:
//
//   GATEWAY_URL=... RPC_URL=... CHAIN_ID=... SETTLEMENT=0x... node sdk/examples/settle.ts receipt.json
import { readFile } from "node:fs/promises";
import { connectChain } from "@meantime/sdk/chain/chain";
import { httpProvider } from "@meantime/sdk/chain/provider";
import { MeantimeError } from "@meantime/sdk/errors";
import { asAddress } from "@meantime/sdk/hex";
import { prepareOmissionReport } from "@meantime/sdk/omission";
import { parseReceipt } from "@meantime/sdk/receipt";
import { settlementEvents } from "@meantime/sdk/settlement";

const [file = "receipt.json"] = process.argv.slice(2);
const receipt = parseReceipt(JSON.parse(await readFile(file, "utf8")).receipt);
const domain = {
  chainId: BigInt(setting("CHAIN_ID")),
  settlement: asAddress(setting("SETTLEMENT"), "SETTLEMENT"),
};
const chain = await connectChain(httpProvider(setting("RPC_URL")), domain);
const gateway = { baseUrl: setting("GATEWAY_URL") };
try {
  for await (const { status } of settlementEvents(receipt, { chain, gateway }))
    process.stdout.write(`${status}\n`);
} catch (error) {
  if (!(error instanceof MeantimeError) || error.code !== "MT-SDK-522") throw error;
  const { report, approval, bondWei } = await prepareOmissionReport(receipt, chain);
  process.stdout.write(`The claim was left out. With a bond of ${bondWei} wei, send:\n`);
  for (const { to, data, valueWei } of [...(approval ? [approval] : []), report])
    process.stdout.write(`${JSON.stringify({ to, data, valueWei: valueWei.toString() })}\n`);
}

function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`Set ${name}: see the top of this file.`);
  return value;
}
