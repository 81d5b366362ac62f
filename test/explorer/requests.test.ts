// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { after, afterEach, before, describe, it } from "node:test";
import { getClaim } from "@meantime/sdk/client";
import { commitInput } from "@meantime/sdk/commitment";
import { type Address, type Hex, ZERO_ADDRESS } from "@meantime/sdk/hex";
import { parseModelSpec } from "@meantime/sdk/model";
import { parseReceipt } from "@meantime/sdk/receipt";
import { type InferenceRequest, requestId } from "@meantime/sdk/request";
import { STATUS } from "@meantime/sdk/status";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { type RunningRelayer, startRelayer } from "../../relayer/src/relayer.ts";
import { digitModelUrl } from "../../scripts/chain/models.ts";
import { startBrowser } from "../../scripts/explorer/browser.ts";
import { buildExplorerIfStale } from "../../scripts/explorer/build.ts";
import { type LocalStack, startLocalStack } from "../../scripts/stack/local.ts";
import { localKey, lowerCase } from "../../scripts/stack/operators.ts";
import type { LocalPolicy } from "../../scripts/stack/policies.ts";
import { eventually, localConfig, postInfer, sampleInput, silentLogger } from "../relayer/local-relayer.ts";
import { axeFindings, DESKTOP, PHONE, photograph, SCREENSHOTS } from "./photographs.ts";

const ASKER_ACCOUNT = 14;
const PATIENCE_SECONDS = 120;
/** The shortest that a request may live. */
const MIN_LIFETIME_SECONDS = 300;
const DAY_SECONDS = 24 * 3600;
const CALLBACK_GAS = 100_000;
/** As `ConsumerMock.sol` numbers them. */
const ACCEPT = 0;
const REVERT = 1;
const FEES_WEI = {
  open: 2n * 10n ** 15n,
  expired: 3n * 10n ** 15n,
  delivered: 5n * 10n ** 15n,
  settled: 10n ** 16n,
  refused: 7n * 10n ** 15n,
};

type RequestName = keyof typeof FEES_WEI;

describe("the explorer's pages of requests", () => {
  let stack: LocalStack;
  let relayer: RunningRelayer;
  let browser: Browser;
  let context: BrowserContext | undefined;
  let requests: Record<RequestName, Hex>;
  let claims: Partial<Record<RequestName, Hex>>;
  let redeliver: () => Promise<void>;

  before(async () => {
    await buildExplorerIfStale();
    await mkdir(SCREENSHOTS, { recursive: true });
    stack = await startLocalStack();
    const asking = await asker(stack);
    const expired = await asking.ask("expired", "window", MIN_LIFETIME_SECONDS + 60);
    await stack.chain.moveTo(Number(expired.request.expiresAt));
    await (await asking.contract.expire(expired.request)).wait();

    const config = await localConfig(stack, ({ chain, commit }) => {
      chain.inferenceRequests = asking.domain.requests;
      commit.maxAgeSeconds = 1;
    });
    relayer = await startRelayer(config, { logger: silentLogger });
    const isReady = async () => (await fetch(new URL("/readyz", relayer.url))).ok || undefined;
    await eventually("the relayer to take work", isReady, PATIENCE_SECONDS);
    const open = await asking.ask("open", "window", DAY_SECONDS);
    const delivered = await asking.answered(relayer.url, "delivered", "window");
    const settled = await asking.answered(relayer.url, "settled", "proof");
    const refused = await asking.answered(relayer.url, "refused", "window", true);
    redeliver = refused.redeliver;
    requests = {
      ...{ open: open.id, expired: expired.id, delivered: delivered.id },
      ...{ settled: settled.id, refused: refused.id },
    };
    claims = { delivered: delivered.claimId, settled: settled.claimId, refused: refused.claimId };
    for (const [name, state] of Object.entries(STATES)) {
      const path = `/index/v1/requests/${requests[name as RequestName]}`;
      await eventually(
        `the index to have the request that is ${name}`,
        async () => {
          const answer = await fetch(new URL(path, relayer.url));
          if (!answer.ok) return undefined;
          const found = (await answer.json()) as { state: string; claims: unknown[] };
          const isWhole = found.claims.length === (claims[name as RequestName] === undefined ? 0 : 1);
          return (found.state === state && isWhole) || undefined;
        },
        PATIENCE_SECONDS,
      );
    }
    browser = await startBrowser();
  });

  afterEach(() => context?.close());

  after(async () => {
    await browser?.close();
    await relayer?.stop();
    await stack?.chain.close();
  });

  const visit = async (path: string, viewport = DESKTOP): Promise<Page> => {
    context = await browser.newContext({ viewport });
    context.setDefaultTimeout(PATIENCE_SECONDS * 1_000);
    const page = await context.newPage();
    await page.goto(relayer.url + path);
    await page.locator("h1").waitFor();
    await page.locator(".waiting").first().waitFor({ state: "detached" });
    assert.equal(await page.locator(".trouble").count(), 0, await page.locator("main").innerText());
    return page;
  };

  it("lists requests with their states and fees, the latest first", async () => {
    const page = await visit("/requests");
    const rows = await page.locator("tbody tr").allInnerTexts();
    const shown = rows.map((row) => row.split(/\s*[\t\n]\s*/).filter(Boolean));
    assert.deepEqual(
      shown.map(([, state, fee]) => [state, fee]),
      [
        ["Delivered", "0.007 ether"],
        ["Settled", "0.01 ether"],
        ["Delivered", "0.005 ether"],
        ["Open", "0.002 ether"],
        ["Expired", "0.003 ether"],
      ],
    );
    await photographClean(page, "requests");
    await page.locator("tbody a").nth(0).click();
    await page.getByRole("heading", { level: 1, name: "Request", exact: true }).waitFor();
    await page.getByText(requests.refused).first().waitFor();
  });

  it("shows on a phone which section is open, although not all of them fit", async () => {
    const page = await visit(`/requests/${requests.open}`, PHONE);
    const box = await page.locator("nav a[aria-current]").boundingBox();
    assert.ok(box && box.x >= 0 && box.x + box.width <= PHONE.width, JSON.stringify(box));
    await page.emulateMedia({ colorScheme: "light" });
    await page.screenshot({ path: `${SCREENSHOTS}request-open-phone-light.png` });
  });

  const moments: Record<RequestName, string[]> = {
    open: ["Requested"],
    expired: ["Requested", "Expired"],
    delivered: ["Requested", "Delivered"],
    settled: ["Requested", "Delivered", "Settled"],
    refused: ["Requested", "Delivered", "Callback failed"],
  };
  for (const name of Object.keys(moments) as RequestName[]) {
    it(`shows one that is ${name}: what happened, what was asked, and what answers it`, async () => {
      const page = await visit(`/requests/${requests[name]}`);
      const titles = await page.locator(".moment-title").allInnerTexts();
      assert.deepEqual(
        titles.map((title) => title.split("\n")[0]?.trim()),
        moments[name],
      );
      const text = await page.locator("main").innerText();
      assert.doesNotMatch(text, /serving/, "a request is asked, not served");
      const properties = await propertiesOf(page);
      assert.match(properties.State ?? "", new RegExp(`^${STATES[name]}`));
      assert.equal(/refused the callback/.test(properties.State ?? ""), name === "refused");
      assert.equal(properties["Least status"], "Committed");
      assert.equal(properties.Operator, "any");
      const claimId = claims[name];
      if (claimId === undefined) {
        const words = name === "open" ? /No answer yet/ : /Nobody answered/;
        assert.match(await page.locator("[aria-labelledby=answers]").innerText(), words);
        assert.equal(properties["Answered by"], name === "open" ? "nobody yet" : "nobody");
      } else {
        await page.locator(`tbody a[href$="${claimId}"]`).waitFor();
        assert.match(
          properties["Answered by"] ?? "",
          new RegExp(lowerCase(stack.operator.owner.address), "i"),
        );
        assert.match(properties["Output's hash"] ?? "", /^0x0{60}/);
      }
      await photographClean(page, `request-${name}`);
    });
  }

  it("says no more that a contract refused the callback once it has taken it", async () => {
    const page = await visit(`/requests/${requests.refused}`);
    await page.getByText("the contract refused the callback").waitFor();
    await redeliver();
    await page.locator(".moment.is-CallbackRedelivered", { hasText: "Delivered again" }).waitFor();
    await page.getByText("the contract refused the callback").waitFor({ state: "detached" });
  });
});

const STATES: Record<RequestName, string> = {
  ...{ open: "Open", expired: "Expired", delivered: "Delivered", settled: "Settled", refused: "Delivered" },
};

/** As wide as the screen, and clean by axe. */
async function photographClean(page: Page, name: string): Promise<void> {
  await photograph(page, name, async (device) => {
    assert.deepEqual(await axeFindings(page), [], `${name} on a ${device}`);
  });
  await page.setViewportSize(DESKTOP);
}

async function propertiesOf(page: Page): Promise<Record<string, string>> {
  const texts = await page
    .locator(".properties > div")
    .evaluateAll((all) =>
      all.map((one) => [
        one.querySelector("dt")?.textContent ?? "",
        one.querySelector("dd")?.textContent ?? "",
      ]),
    );
  return Object.fromEntries(texts) as Record<string, string>;
}

interface Asked {
  request: InferenceRequest;
  id: Hex;
}

/** Asks for inferences, and has a relayer answer them. */
async function asker({ chain, deployment, domain, modelId, policyIds }: LocalStack) {
  const { ethers } = chain.connection;
  const account = localKey(ASKER_ACCOUNT).connect(ethers.provider);
  const contract = deployment.requests.connect(account);
  const requestsDomain = { chainId: domain.chainId, requests: lowerCase(await contract.getAddress()) };
  const spec = parseModelSpec(JSON.parse(await readFile(digitModelUrl("spec"), "utf8")));
  const consumer = await ethers.deployContract("ConsumerMock");
  await (await consumer.setBehaviour(REVERT, 0)).wait();
  const names = Object.keys(FEES_WEI) as RequestName[];
  const secretsOf = (name: RequestName) => {
    const seed = names.indexOf(name) + 60;
    return { elements: sampleInput(seed), salt: `0x00${seed.toString(16).padStart(62, "1")}` as Hex };
  };

  const ask = async (
    name: RequestName,
    policy: LocalPolicy,
    lifetimeSeconds: number,
    isByContract = false,
  ): Promise<Asked> => {
    const requester: Address = lowerCase(isByContract ? await consumer.getAddress() : account.address);
    const { elements, salt } = secretsOf(name);
    const request: InferenceRequest = {
      ...{ requester, modelId, policyId: policyIds[policy], operator: ZERO_ADDRESS },
      inputHash: commitInput({ bits: spec.inputBits, elements, salt }),
      ...{ feeWei: FEES_WEI[name], minStatus: STATUS.Committed, nonce: 0n },
      expiresAt: BigInt((await chain.now()) + lifetimeSeconds),
      callbackGasLimit: isByContract ? CALLBACK_GAS : 0,
    };
    const value = { value: request.feeWei };
    if (isByContract) await (await consumer.ask(requestsDomain.requests, request, "0x1234", value)).wait();
    else await (await contract.request(request, "0x1234", value)).wait();
    return { request, id: requestId(requestsDomain, request) };
  };

  /** The relayer serves it, and the answer is delivered: once it is final under a policy of proofs, else at once. */
  const answered = async (
    url: string,
    name: RequestName,
    policy: LocalPolicy,
    isByContract = false,
  ): Promise<Asked & { claimId: Hex; redeliver(): Promise<void> }> => {
    const asked = await ask(name, policy, DAY_SECONDS, isByContract);
    const { elements: input, salt } = secretsOf(name);
    const { requester } = asked.request;
    const response = await postInfer(url, { input, salt, requester, requestId: asked.id, policy });
    assert.equal(response.status, 200);
    const { claim, claimId } = parseReceipt(((await response.json()) as { receipt: unknown }).receipt);
    const status = policy === "proof" ? "Final" : "Committed";
    const { header, index, proof } = await eventually(
      `${claimId} to be ${status}`,
      async () => {
        const report = await getClaim({ baseUrl: url }, claimId);
        return report.status === status ? report.batch : undefined;
      },
      PATIENCE_SECONDS,
    );
    const path: Hex[] = [...proof];
    const delivery = [asked.request, header, claim, index, path, claim.outputHash] as const;
    await (await contract.fulfil(...delivery)).wait();
    const redeliver = async () => {
      await (await consumer.setBehaviour(ACCEPT, 0)).wait();
      await (await contract.redeliver(...delivery)).wait();
    };
    return { ...asked, claimId, redeliver };
  };
  return { ask, answered, contract, domain: requestsDomain };
}
