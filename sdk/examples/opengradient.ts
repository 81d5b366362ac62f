// SPDX-License-Identifier: MIT
// Verifies an answer of OpenGradient's gateway off chain, and says what its signature does not bind:
//
//   node sdk/examples/opengradient.ts request.json answer.json signing-key.pem
import { readFile } from "node:fs/promises";
import { parseOpenGradientReceipt, verifyOpenGradientReceipt } from "@meantime/sdk/opengradient/receipt";

const [requestFile = "request.json", answerFile = "answer.json", keyFile = "signing-key.pem"] =
  process.argv.slice(2);
const request = JSON.parse(await readFile(requestFile, "utf8"));
const answer = JSON.parse(await readFile(answerFile, "utf8"));
const signingKey = await readFile(keyFile, "utf8");
const receipt = parseOpenGradientReceipt(answer);
const { verdict, checks, doesNotBind } = await verifyOpenGradientReceipt(receipt, signingKey, {
  request,
  answer,
});
for (const check of checks) process.stdout.write(`${check.name}: ${check.verdict}, ${check.reason}\n`);
for (const what of doesNotBind) process.stdout.write(`not bound: ${what}\n`);
process.stdout.write(`${verdict}\n`);
process.exitCode = verdict === "valid" ? 0 : 1;
