// SPDX-License-Identifier: MIT
// Asks a gateway by an OpenAI-shaped route, and uses the answer only when its receipt holds:
//
//   GATEWAY_URL=... RPC_URL=... CHAIN_ID=... SETTLEMENT=0x... MODEL=... MODEL_ID=0x... POLICY_ID=0x... OPERATOR=0x... \
//   REQUESTER=0x... node sdk/examples/chat.ts "Say hello."
//
// With the official client the last lines are
//   const client = new OpenAI({ baseURL: `${GATEWAY_URL}/v1`, apiKey, fetch: createMeantimeFetch(...), maxRetries: 0 });
//   const answer = await client.chat.completions.create({ model, messages });
import { writeFile } from "node:fs/promises";
import { connectChain } from "@meantime/sdk/chain/chain";
import { httpProvider } from "@meantime/sdk/chain/provider";
import { asAddress, asHex32 } from "@meantime/sdk/hex";
import { createMeantimeFetch, type VerifiedExchange } from "@meantime/sdk/openai/fetch";
import { receiptToJson } from "@meantime/sdk/receipt";

const settlement = asAddress(setting("SETTLEMENT"), "SETTLEMENT");
const domain = { chainId: BigInt(setting("CHAIN_ID")), settlement };
const chain = await connectChain(httpProvider(setting("RPC_URL"), { retries: 2 }), domain);
const model = setting("MODEL");
const kept: VerifiedExchange[] = [];
const ask = createMeantimeFetch({
  trust: { chain },
  requester: asAddress(setting("REQUESTER"), "REQUESTER"),
  models: {
    [model]: {
      id: asHex32(setting("MODEL_ID"), "MODEL_ID"),
      policyId: asHex32(setting("POLICY_ID"), "POLICY_ID"),
      operator: asAddress(setting("OPERATOR"), "OPERATOR"),
    },
  },
  retries: 2,
  timeoutMs: 60_000,
  onReceipt: (exchange) => kept.push(exchange),
});

const [question = "Say hello."] = process.argv.slice(2);
const response = await ask(`${setting("GATEWAY_URL")}/v1/chat/completions`, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ model, messages: [{ role: "user", content: question }] }),
});
const answer = (await response.json()) as { choices?: { message: { content: string } }[]; error?: unknown };
if (!response.ok) throw new Error(`the gateway refused: ${JSON.stringify(answer.error)}`);
process.stdout.write(`${answer.choices?.[0]?.message.content}\n`);

// Whoever has the receipt can hold the operator to it: keep it until the claim is final.
for (const { receipt, opening } of kept) {
  const file = setting("RECEIPT_FILE", `receipt-${receipt.claimId.slice(2, 10)}.json`);
  await writeFile(file, JSON.stringify({ receipt: receiptToJson(receipt), salt: opening.salt }));
  process.stdout.write(`The receipt ${receipt.claimId} is in ${file}.\n`);
}

function setting(name: string, otherwise?: string): string {
  const value = process.env[name] ?? otherwise;
  if (value === undefined) throw new Error(`Set ${name}: see the top of this file.`);
  return value;
}
