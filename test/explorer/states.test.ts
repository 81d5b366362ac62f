// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { receiptToJson, signReceipt } from "@meantime/sdk/receipt";
import type { Browser, BrowserContext, Page } from "playwright-core";
import type { GatewayServer } from "../../relayer/src/gateway/server.ts";
import { startBrowser } from "../../scripts/explorer/browser.ts";
import { answerIndex, EMPTY_INDEX, type IndexAnswers, OPERATOR } from "./fixtures.ts";
import { servePageAlone } from "./page-server.ts";

const SECTIONS = ["claims", "batches", "operators", "models", "policies", "challenges", "requests"];

describe("the explorer without a chain behind it", () => {
  let server: GatewayServer;
  let browser: Browser;
  let context: BrowserContext | undefined;

  before(async () => {
    server = await servePageAlone();
    browser = await startBrowser();
  });

  afterEach(() => context?.close());

  after(async () => {
    await browser?.close();
    await server?.close(0);
  });

  const open = async (path: string, answers: IndexAnswers, events = ""): Promise<Page> => {
    context = await browser.newContext();
    await answerIndex(context, answers, events);
    const page = await context.newPage();
    await page.goto(server.url + path);
    return page;
  };

  it("says that nothing is there yet, in every list", async () => {
    const page = await open("/", EMPTY_INDEX);
    await page.getByText("Nothing is open.").waitFor();
    await page.getByText("No figures yet").waitFor();
    for (const section of SECTIONS) {
      await page.goto(`${server.url}/${section}`);
      await page.locator(".empty").waitFor();
      assert.equal(await page.locator(".trouble").count(), 0, section);
    }
  });

  it("says that the index is away, and shows what comes once it is back", async () => {
    context = await browser.newContext();
    await context.route(
      (url) => url.pathname.startsWith("/index/v1"),
      (route) => route.abort("connectionrefused"),
    );
    const page = await context.newPage();
    await page.goto(`${server.url}/claims`);
    await page.getByRole("heading", { name: "The index does not answer" }).waitFor();
    await page.locator(".notice", { hasText: "Offline." }).waitFor();
    await context.unrouteAll();
    await answerIndex(context, EMPTY_INDEX);
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByText("No claims here").waitFor();
  });

  it("shows nothing of an answer that makes no sense", async () => {
    const bad = { claimId: "javascript:alert(1)", status: "Final" };
    const page = await open("/claims", { ...EMPTY_INDEX, "/claims": { items: [bad], nextCursor: null } });
    await page.getByRole("alert").getByText("The index answers nonsense").waitFor();
    assert.equal(await page.locator("table").count(), 0);
    assert.equal(await page.locator("a[href^=javascript]").count(), 0);
  });

  it("says that there is no such claim, and no such page", async () => {
    const page = await open(`/claims/0x${"12".repeat(32)}`, EMPTY_INDEX);
    await page.getByRole("alert").getByText("There is no such thing here").waitFor();
    await page.goto(`${server.url}/claims/0x12`);
    await page.getByText("There is no such page").waitFor();
  });

  it("tells of a reorganised chain and of an index that lags behind", async () => {
    const lagging = { ...(EMPTY_INDEX[""] as object), synced: false, readUpTo: 7 };
    const events = 'event: reorg\ndata: {"fromBlock":9}\n\n';
    const page = await open("/", { ...EMPTY_INDEX, "": lagging }, events);
    await page.locator(".notice", { hasText: "The chain was reorganised from block 9 on" }).waitFor();
    await page.locator(".notice", { hasText: "it has read up to block 7 of 12" }).waitFor();
  });

  it("stops saying that the index lags behind once it does not", async () => {
    const answers = { ...EMPTY_INDEX, "": { ...(EMPTY_INDEX[""] as object), synced: false } };
    const page = await open("/check", answers);
    await page.locator(".notice", { hasText: "catching up" }).waitFor();
    answers[""] = EMPTY_INDEX[""] as (typeof answers)[""];
    await page.locator(".notice", { hasText: "catching up" }).waitFor({ state: "detached" });
  });

  it("asks another index where the link says so", async () => {
    context = await browser.newContext();
    const asked: string[] = [];
    await context.route(
      (url) => url.hostname === "other.example",
      (route) => {
        asked.push(new URL(route.request().url()).pathname);
        return route.fulfill({
          json: { items: [], nextCursor: null },
          headers: { "access-control-allow-origin": "*" },
        });
      },
    );
    const page = await context.newPage();
    await page.goto(`${server.url}/claims?api=http://other.example`);
    await page.getByText("No claims here").waitFor();
    assert.ok(asked.includes("/index/v1/claims"), asked.join());
  });

  it("believes no node or contract of a link before the visitor does", async () => {
    const page = await open(`/check?rpc=http://evil.example&settlement=${OPERATOR}`, EMPTY_INDEX);
    let asked = 0;
    await page.route("http://evil.example/**", (route) => {
      asked += 1;
      return route.abort();
    });
    await page.getByRole("textbox", { name: "Or paste its text" }).fill(JSON.stringify(aReceipt()));
    await page.getByRole("button", { name: "Check the text" }).click();
    await page.locator(".verdict.unknown").waitFor();
    await page.getByText("The link that you followed proposes").waitFor();
    assert.equal(asked, 0);
  });

  it("finds a forged receipt wrong without asking anybody, and nothing right", async () => {
    const page = await open("/check", EMPTY_INDEX);
    const receipt = aReceipt();
    const check = async (text: string) => {
      await page.getByRole("textbox", { name: "Or paste its text" }).fill(text);
      await page.getByRole("button", { name: "Check the text" }).click();
    };
    await check(JSON.stringify(receipt));
    await page.locator(".verdict.unknown").waitFor();
    assert.equal(await page.locator(".step.wrong").count(), 0);
    assert.equal(await page.locator(".checked").count(), 0, "green without a node");
    const claim = { ...(receipt.claim as object), outputHash: `0x${"00".repeat(31)}07` };
    await check(JSON.stringify({ ...receipt, claim }));
    await page.locator(".verdict.wrong").waitFor();
    await page.locator(".step.wrong", { hasText: "Claim id wrong" }).waitFor();
    await check("{ not json");
    await page.getByRole("alert").getByText("cannot be judged").waitFor();
  });

  it("remembers the theme", async () => {
    const page = await open("/check", EMPTY_INDEX);
    await page.getByRole("button", { name: /^Theme/ }).click();
    await page.getByRole("button", { name: /^Theme/ }).click();
    assert.equal(await page.locator("html").getAttribute("data-theme"), "dark");
    await page.reload();
    assert.equal(await page.locator("html").getAttribute("data-theme"), "dark");
  });
});

/** A genuine receipt for the contract of the fixtures. */
function aReceipt(): Record<string, unknown> {
  const domain = { chainId: 31337n, settlement: `0x${"5e".repeat(20)}` } as const;
  return receiptToJson(
    signReceipt(
      `0x${"42".repeat(32)}`,
      {
        modelId: `0x${"01".repeat(32)}`,
        policyId: `0x${"01".repeat(32)}`,
        operator: `0x${"0a".repeat(20)}`,
        requester: `0x${"0b".repeat(20)}`,
        requestId: `0x${"0c".repeat(32)}`,
        inputHash: `0x${"0d".repeat(32)}`,
        outputHash: `0x${"00".repeat(32)}`,
        servedAt: 1_700_000_000n,
        commitBy: 1_700_000_600n,
      },
      domain,
    ),
  );
}
