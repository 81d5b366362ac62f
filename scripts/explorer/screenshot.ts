// SPDX-License-Identifier: MIT
// node scripts/explorer/screenshot.ts [FILE]: a local stack with some claims, and a picture of the explorer for the README.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { heldOutImages } from "../demo/images.ts";
import { startLocalStack } from "../stack/local.ts";
import { localKey } from "../stack/operators.ts";
import { MODEL_NAME, startRelayerProcess, writeRelayerConfig } from "../stack/relayer.ts";
import { startBrowser } from "./browser.ts";
import { buildExplorerIfStale } from "./build.ts";

const [file = "docs/images/explorer.png"] = process.argv.slice(2);
const USER_ACCOUNT = 12;
const POLICIES = ["proof", "enclave", "window"];
const CLAIMS = 12;
const VIEW = { width: 1240, height: 780 };

await buildExplorerIfStale();
const stack = await startLocalStack();
const folder = await mkdtemp(join(tmpdir(), "meantime-screenshot-"));
const relayer = await startRelayerProcess(
  await writeRelayerConfig({
    ...{ folder, rpcUrl: stack.chain.url, operator: stack.operator, enclaveKey: stack.enclaveKey },
    settlement: await stack.deployment.settlement.getAddress(),
    enclaveEvidence: await stack.deployment.enclaveEvidence.getAddress(),
    ...{ policyIds: stack.policyIds, watches: false, logLevel: "silent" },
  }),
);
for (const [at, image] of (await heldOutImages(0, CLAIMS)).entries()) {
  const policy = POLICIES[at % POLICIES.length];
  const body = { input: image.pixels, requester: localKey(USER_ACCOUNT).address, policy };
  await fetch(new URL(`/v1/infer/${MODEL_NAME}`, relayer.url), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}
const claimId = await provenClaim(relayer.url);
const browser = await startBrowser();
const page = await browser.newPage({ viewport: VIEW, colorScheme: "light" });
const trust = `?rpc=${encodeURIComponent(stack.chain.url)}&settlement=${stack.domain.settlement}`;
await page.goto(`${relayer.url}/claims/${claimId}${trust}`);
await page.getByRole("button", { name: "Check against this" }).click();
await page.locator(".verdict.checked").waitFor();
await page.screenshot({ path: file });
await browser.close();
await relayer.stop();
await stack.chain.close();
await rm(folder, { recursive: true });
process.stdout.write(`${file}\n`);
process.exit(0);

/** A claim that was proven and is final. */
async function provenClaim(url: string): Promise<string> {
  for (;;) {
    const answer = await fetch(new URL("/index/v1/claims?status=Final&limit=100", url));
    const { items } = (await answer.json()) as { items: { claimId: string; evidence: string[] }[] };
    const found = items.find(({ evidence }) => evidence.includes("zk"));
    if (found) return found.claimId;
    await delay(200);
  }
}
