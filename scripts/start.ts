// SPDX-License-Identifier: MIT
// npm start: a local chain and a relayer that stay up, and what to try with them.
import { once } from "node:events";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { heldOutImages } from "./demo/images.ts";
import { progress } from "./demo/progress.ts";
import { type LocalStack, startLocalStack } from "./stack/local.ts";
import { localKey } from "./stack/operators.ts";
import { isPortTaken } from "./stack/ports.ts";
import { MODEL_NAME, type RelayerProcess, startRelayerProcess, writeRelayerConfig } from "./stack/relayer.ts";

const CHAIN_PORT = 8545;
const GATEWAY_PORT = 8787;
const USER_ACCOUNT = 12;
const FOLDER = fileURLToPath(new URL("../.meantime/local", import.meta.url));

for (const port of [CHAIN_PORT, GATEWAY_PORT]) {
  if (!(await isPortTaken(port))) continue;
  process.stderr.write(`Port ${port} is in use. Stop what listens there; is another "npm start" running?\n`);
  process.exit(1);
}

const bar = progress("Starting chain, protocol and relayer");
// A new chain knows nothing of an old ledger.
await rm(FOLDER, { recursive: true, force: true });
const stack = await startLocalStack(CHAIN_PORT);
const relayer = await startLocalRelayer(stack);
const sampleFile = await writeSample();
bar.done();
process.stdout.write(whatToTry(stack, relayer, sampleFile));

await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
process.stderr.write("\nStopping ...\n");
await relayer.stop();
await stack.chain.close();
process.exit(0);

async function startLocalRelayer({
  chain,
  deployment,
  operator,
  enclaveKey,
  policyIds,
}: LocalStack): Promise<RelayerProcess> {
  const configFile = await writeRelayerConfig({
    folder: FOLDER,
    rpcUrl: chain.url,
    settlement: await deployment.settlement.getAddress(),
    enclaveEvidence: await deployment.enclaveEvidence.getAddress(),
    operator,
    enclaveKey,
    policyIds,
    watches: true,
    port: GATEWAY_PORT,
  });
  return startRelayerProcess(configFile);
}

async function writeSample(): Promise<string> {
  const [image] = await heldOutImages(0, 1);
  if (!image) throw new Error("there is no image");
  await mkdir(FOLDER, { recursive: true });
  const file = `${FOLDER}/seven.json`;
  const body = { input: image.pixels, requester: localKey(USER_ACCOUNT).address, policy: "proof" };
  await writeFile(file, `${JSON.stringify(body)}\n`);
  return relative(process.cwd(), file);
}

function whatToTry({ chain, domain }: LocalStack, { url }: RelayerProcess, sample: string): string {
  return `
Chain    ${chain.url} (chain 31337, Settlement at ${domain.settlement})
Gateway  ${url}
Page     ${url}/?rpc=${encodeURIComponent(chain.url)}&settlement=${domain.settlement}
         the trust gap, live; follow a claim and check it in your browser against the chain above
Enclave  simulated; its key was registered by an attestation document, which the chain verified under a test root

Try, in another terminal:
  curl -s ${url}/healthz
  # an image of a seven, answered at once with a signed receipt
  curl -s -H 'content-type: application/json' -d @${sample} ${url}/v1/infer/${MODEL_NAME} | tee .meantime/local/answer.json
  # the same claim, committed, proven and final a few seconds later
  curl -s ${url}/v1/claims/$(node -p 'JSON.parse(require("fs").readFileSync(".meantime/local/answer.json")).receipt.claimId')
  # what an hour does to claims under the policy "window"
  curl -s -H 'content-type: application/json' -d '{"jsonrpc":"2.0","id":1,"method":"evm_increaseTime","params":[3600]}' ${chain.url}
  curl -s -H 'content-type: application/json' -d '{"jsonrpc":"2.0","id":2,"method":"evm_mine","params":[]}' ${chain.url}

Ctrl-C stops everything; nothing is kept.
`;
}
