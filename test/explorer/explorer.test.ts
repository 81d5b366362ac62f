// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { after, afterEach, before, describe, it } from "node:test";
import { parseBatchHeader } from "@meantime/sdk/batch";
import { type Bundle, bundleToJson } from "@meantime/sdk/bundle/format";
import type { Hex } from "@meantime/sdk/hex";
import { parseModelSpec } from "@meantime/sdk/model";
import { parseReceipt } from "@meantime/sdk/receipt";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { pinChain } from "../../relayer/src/audit/pinned-chain.ts";
import { gatewaySource } from "../../relayer/src/bundle/claim-source.ts";
import { makeBundle } from "../../relayer/src/bundle/make-bundle.ts";
import { type RunningRelayer, startRelayer } from "../../relayer/src/relayer.ts";
import { digitModelUrl } from "../../scripts/chain/models.ts";
import { startBrowser } from "../../scripts/explorer/browser.ts";
import { buildExplorerIfStale } from "../../scripts/explorer/build.ts";
import { type LocalStack, startLocalStack } from "../../scripts/stack/local.ts";
import {
  enrolOperator,
  type LocalOperator,
  localOperator,
  lowerCase,
} from "../../scripts/stack/operators.ts";
import { CHALLENGE_BOND_WEI, PROVE_WINDOW_SECONDS } from "../../scripts/stack/policies.ts";
import { DishonestOperator, proofOf } from "../relayer/dishonest-operator.ts";
import { askFor, eventually, localConfig, silentLogger } from "../relayer/local-relayer.ts";
import { axeFindings, DESKTOP, PHONE, photograph, SCREENSHOTS } from "./photographs.ts";
import { type Lie, type LyingProxy, startLyingProxy } from "./proxy.ts";

const LIAR_ACCOUNT = 6;
const LIAR_STAKE_WEI = 10n ** 18n;
/** What a dispute may be given on top of its window. */
const LOAD_SECONDS = 300;
/** Proving takes a minute on a machine that does much else. */
const PATIENCE_SECONDS = 120;
const COMMIT_AFTER_SECONDS = 4;
const XSS = '<img src=x onerror="document.title=\'taken over\'"><script>document.title="taken over"</script>';

describe("the explorer of a real relayer", () => {
  let stack: LocalStack;
  let relayer: RunningRelayer;
  let liar: DishonestOperator;
  let proxy: LyingProxy;
  let browser: Browser;
  let context: BrowserContext | undefined;
  const claims = { proven: "0x" as Hex, attested: "0x" as Hex, waiting: "0x" as Hex, rejected: "0x" as Hex };

  before(async () => {
    await buildExplorerIfStale();
    await mkdir(SCREENSHOTS, { recursive: true });
    stack = await startLocalStack();
    const spec = parseModelSpec(JSON.parse(await readFile(digitModelUrl("spec"), "utf8")));
    const operator = localOperator(LIAR_ACCOUNT);
    await enrolOperator(stack, operator, LIAR_STAKE_WEI);
    liar = await DishonestOperator.start(stack, operator, spec);
    claims.rejected = await rejectedClaim(stack, liar, operator);
    // After time has passed: what a relayer serves before it has seen that comes too late.
    const config = await localConfig(stack, ({ commit }) => {
      commit.maxAgeSeconds = COMMIT_AFTER_SECONDS;
    });
    relayer = await startRelayer(config, { logger: silentLogger });
    const isReady = async () => (await fetch(new URL("/readyz", relayer.url))).ok || undefined;
    await eventually("the relayer to take work", isReady, PATIENCE_SECONDS);
    proxy = await startLyingProxy(relayer.url);
    browser = await startBrowser();
    claims.proven = await askFor(relayer.url, 1, "proof");
    claims.attested = await askFor(relayer.url, 2, "enclave");
    claims.waiting = await askFor(relayer.url, 3, "window");
    for (const [claimId, status] of [
      [claims.rejected, "Rejected"],
      [claims.proven, "Final"],
      [claims.attested, "Final"],
      [claims.waiting, "Committed"],
    ]) {
      await eventually(
        `the index to have ${claimId} as ${status}`,
        async () => {
          const answer = await fetch(new URL(`/index/v1/claims/${claimId}`, relayer.url));
          if (!answer.ok) return undefined;
          return ((await answer.json()) as { status: string }).status === status || undefined;
        },
        PATIENCE_SECONDS,
      );
    }
  });

  afterEach(async () => {
    proxy?.tell(undefined);
    await context?.close();
  });

  after(async () => {
    await browser?.close();
    await proxy?.close();
    await relayer?.stop();
    await liar?.stop();
    await stack?.chain.close();
  });

  const open = async (url: string, options: Parameters<Browser["newContext"]>[0] = {}): Promise<Page> => {
    context = await browser.newContext({ viewport: DESKTOP, ...options });
    context.setDefaultTimeout(PATIENCE_SECONDS * 1_000);
    const page = await context.newPage();
    await page.goto(url);
    return page;
  };
  const trust = () => `?rpc=${encodeURIComponent(stack.chain.url)}&settlement=${stack.domain.settlement}`;
  /** Opens a claim and checks it against the chain. */
  const check = async (base: string, claimId: Hex): Promise<Page> => {
    const page = await open(`${base}/claims/${claimId}${trust()}`);
    await page.getByRole("button", { name: "Check against this" }).click();
    await page.locator(".verification[aria-busy=false] .verdict").waitFor();
    await page.locator(".node-now").waitFor();
    await page.locator(".verification[aria-busy=false] .step", { hasText: "Your node checked" }).waitFor();
    return page;
  };
  const steps = (page: Page, finding: string) => page.locator(`.step.${finding} .step-title`).allInnerTexts();

  it("shows every page, which axe finds clean, at a desk and on a phone, in light and dark", async () => {
    const batch = await firstOf(relayer.url, "/batches", "batchId");
    const paths = {
      overview: "/",
      claims: "/claims",
      "claim-proven": `/claims/${claims.proven}`,
      "claim-rejected": `/claims/${claims.rejected}`,
      batches: "/batches",
      batch: `/batches/${batch}`,
      operators: "/operators",
      operator: `/operators/${lowerCase(stack.operator.owner.address)}`,
      models: "/models",
      model: `/models/${stack.modelId}`,
      policies: "/policies",
      policy: `/policies/${stack.policyIds.proof}`,
      challenges: "/challenges",
      requests: "/requests",
      check: "/check",
      search: "/search?q=nothing",
    };
    const page = await open(relayer.url);
    for (const [name, path] of Object.entries(paths)) {
      await page.goto(relayer.url + path);
      await settled(page);
      assert.equal(
        await page.locator(".trouble").count(),
        0,
        `${name}: ${await page.locator("main").innerText()}`,
      );
      await photograph(page, name);
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        assert.deepEqual(await axeFindings(page), [], `${name}, ${colorScheme}`);
      }
      await page.setViewportSize(DESKTOP);
    }
  });

  it("checks a proven claim in the browser, proof and all, once a node is named", async () => {
    const page = await open(`${relayer.url}/claims/${claims.proven}`);
    await page.locator(".verdict.unknown").waitFor();
    assert.equal(await page.locator(".checked").count(), 0, "green without a node");
    await page.getByRole("textbox", { name: /Your node/ }).fill(stack.chain.url);
    await page.getByRole("button", { name: "Check against this" }).click();
    await page
      .locator(".verdict.checked", { hasText: "It all holds, evidence included, and the claim is final." })
      .waitFor();
    const found = (await steps(page, "checked")).map((title) => title.replace(/\s*checked$/, ""));
    for (const title of [
      "Claim id",
      "Receipt's signature",
      "Receipt key on the chain",
      "Input and output",
      "Merkle path to the batch",
      "Batch on the chain",
      "Zero-knowledge proof",
      "The same proof, by snarkjs",
      "Status on the chain",
    ]) {
      assert.ok(found.includes(title), `${title} is not among ${found.join(", ")}`);
    }
    assert.deepEqual(await axeFindings(page), []);
    await page.screenshot({ path: `${SCREENSHOTS}claim-checked-desktop.png`, fullPage: true });
    await page.reload();
    await page.locator(".verdict.checked").waitFor();
  });

  it("checks an enclave's signature against the registration of its key", async () => {
    const page = await check(relayer.url, claims.attested);
    await page.locator(".verdict.checked").waitFor();
    assert.ok((await steps(page, "checked")).some((title) => title.startsWith("Enclave's signature")));
  });

  it("says of a rejected claim that it is, and does not call it good", async () => {
    const page = await check(relayer.url, claims.rejected);
    await page.locator(".verdict.lost", { hasText: "the chain has rejected this answer" }).waitFor();
    assert.equal(await page.locator(".verdict.checked").count(), 0);
    await page.locator(".moment.is-challenged").waitFor();
    await page.locator(".moment.is-rejected").waitFor();
    await page.screenshot({ path: `${SCREENSHOTS}claim-rejected-checked-desktop.png`, fullPage: true });
  });

  it("follows a claim from served to final without being loaded again", async () => {
    const claimId = await askFor(relayer.url, 4, "proof");
    const page = await open(`${relayer.url}/claims/${claimId}`);
    await page.evaluate("window.stayed = true");
    const status = page.locator("#standing .tag");
    await status.getByText("Served").waitFor();
    await status.getByText("Final").waitFor();
    assert.equal(await page.evaluate("window.stayed"), true);
    for (const moment of ["served", "committed", "proven", "final"])
      await page.locator(`.moment.is-${moment}`).waitFor();
  });

  const lies: [string, Lie, RegExp][] = [
    [
      "an input of which one byte was changed",
      lieAboutClaim((answer) => {
        const opening = answer.opening as { input: string };
        const bytes = Buffer.from(opening.input, "base64url");
        bytes[0] = (bytes[0] ?? 0) ^ 1;
        opening.input = bytes.toString("base64url");
      }),
      /^Input and output/,
    ],
    [
      "another output",
      lieAboutClaim((answer) => {
        (answer.claim as { outputHash: string }).outputHash = `0x${"00".repeat(31)}09`;
      }),
      /^Claim id/,
    ],
    [
      "a signature of which one byte was changed",
      lieAboutClaim((answer) => {
        const receipt = answer.receipt as { signature: string };
        const digit = receipt.signature[10] === "0" ? "1" : "0";
        receipt.signature = receipt.signature.slice(0, 10) + digit + receipt.signature.slice(11);
      }),
      /^Receipt/,
    ],
    [
      "a wrong root",
      lieAboutClaim((answer) => {
        (answer.header as { root: string }).root = `0x${"77".repeat(32)}`;
      }),
      /^Batch on the chain/,
    ],
    [
      "a header of a batch that was never committed",
      lieAboutClaim((answer) => {
        (answer.header as { nonce: string }).nonce = "424242";
      }),
      /^Batch on the chain/,
    ],
    [
      "a status that it has not",
      lieAboutClaim((answer) => {
        answer.status = "Challenged";
      }),
      /^Status on the chain/,
    ],
    [
      "evidence of a transaction that brought none",
      lieAboutClaim((answer) => {
        const [, committed] = answer.timeline as { tx: Hex }[];
        answer.evidence = [{ kind: "zk", tx: committed?.tx, block: 1, at: 1 }];
      }),
      /^Evidence/,
    ],
  ];
  for (const [what, lie, wrong] of lies) {
    it(`is not taken in by ${what}`, async () => {
      proxy.tell(lie);
      const page = await check(proxy.url, claims.proven);
      await page.locator(".verdict.wrong").waitFor();
      assert.ok(
        (await steps(page, "wrong")).some((title) => wrong.test(title)),
        (await steps(page, "wrong")).join(),
      );
      assert.equal(await page.locator(".verdict.checked").count(), 0);
    });
  }

  it("is not taken in by a claim that is final by the index alone", async () => {
    proxy.tell(
      lieAboutClaim((answer) => {
        answer.status = "Final";
      }),
    );
    const page = await check(proxy.url, claims.waiting);
    await page.locator(".verdict.wrong").waitFor();
    await page
      .locator(".step.wrong", { hasText: "Here it says Final, and the contract says Committed." })
      .waitFor();
  });

  it("is not taken in by a contract that the index names and the visitor does not", async () => {
    proxy.tell((path, answer) => (path === "" ? { ...answer, settlement: `0x${"66".repeat(20)}` } : answer));
    const page = await open(`${proxy.url}/claims/${claims.proven}`);
    await page.getByRole("textbox", { name: /Your node/ }).fill(stack.chain.url);
    await page.getByRole("button", { name: "Check against this" }).click();
    await page.locator(".node-now").waitFor();
    await page.locator(".verification[aria-busy=false] .verdict").waitFor();
    assert.equal(await page.locator(".checked").count(), 0);
  });

  it("runs no script of a model's name, and shows it as text", async () => {
    proxy.tell((path, answer) => {
      if (path === `/models/${stack.modelId}`) return { ...answer, name: XSS };
      if (path !== "/models") return answer;
      return { ...answer, items: (answer.items as object[]).map((item) => ({ ...item, name: XSS })) };
    });
    for (const path of ["/models", `/models/${stack.modelId}`]) {
      const page = await open(proxy.url + path);
      await page.getByText("onerror=", { exact: false }).first().waitFor();
      assert.equal(await page.locator("main img, main script").count(), 0);
      assert.doesNotMatch(await page.title(), /taken over/);
      await context?.close();
    }
  });

  it("finds a claim, a transaction and an operator", async () => {
    const page = await open(relayer.url);
    const search = async (what: string) => {
      await page.getByRole("searchbox").fill(what);
      await page.getByRole("searchbox").press("Enter");
    };
    await search(claims.proven);
    await page.waitForURL(`${relayer.url}/claims/${claims.proven}`);
    const commit = (await page.locator(".moment.is-committed code").getAttribute("title")) ?? "";
    await search(commit);
    await page.waitForURL(`${relayer.url}/transactions/${commit}`);
    await page.getByRole("rowheader", { name: "BatchCommitted" }).waitFor();
    await search(stack.operator.owner.address);
    await page.waitForURL(`${relayer.url}/operators/${lowerCase(stack.operator.owner.address)}`);
    await search(`0x${"99".repeat(32)}`);
    await page.getByText("Nothing found").waitFor();
  });

  it("checks a receipt that is dropped onto it", async () => {
    const page = await check(relayer.url, claims.proven);
    const receipt = await (await fetch(new URL(`/v1/receipts/${claims.proven}`, relayer.url))).text();
    await page.evaluate(`{
      const files = new DataTransfer();
      files.items.add(new File([${JSON.stringify(receipt)}], "receipt.json", { type: "application/json" }));
      document.querySelector(".page").dispatchEvent(new DragEvent("drop", { dataTransfer: files, bubbles: true }));
    }`);
    await page.getByText("is a receipt of the claim").waitFor();
    await page.locator(".step.checked", { hasText: "Receipt key on the chain" }).waitFor();
    await page.locator(".step.checked", { hasText: "Input and output" }).waitFor();
    assert.equal(await page.locator(".step.wrong").count(), 0);
  });

  it("checks a bundle that is pasted, and is not green about evidence that it does not hold", async () => {
    const page = await check(relayer.url, claims.proven);
    const answer = await fetch(new URL(`/index/v1/claims/${claims.proven}`, relayer.url));
    const bare = bundleOf(await answer.json(), stack);
    const bundle = await wholeBundle(stack, relayer.url, claims.proven);
    const paste = async (text: string) => {
      await page.getByRole("textbox", { name: "Or paste its text" }).fill(text);
      await page.getByRole("button", { name: "Check the text" }).click();
    };
    await page.getByRole("link", { name: "Check a file" }).click();
    await paste(JSON.stringify(bundleToJson(bare)));
    await page.getByText("is a bundle of the claim").waitFor();
    const words = "Final by the chain's word: its evidence was not checked here.";
    await page.locator(".verdict.unknown", { hasText: words }).waitFor();
    assert.deepEqual(
      (await steps(page, "unknown")).map((title) => title.replace(/\s*cannot tell$/, "")),
      ["Evidence"],
    );
    await page.screenshot({ path: `${SCREENSHOTS}bundle-without-evidence-desktop.png`, fullPage: true });
    await page.setViewportSize(PHONE);
    await page.screenshot({ path: `${SCREENSHOTS}bundle-without-evidence-phone.png`, fullPage: true });
    await page.setViewportSize(DESKTOP);
    await paste(JSON.stringify(bundleToJson(bundle)));
    await page.locator(".verdict.checked", { hasText: "It all holds, evidence included" }).waitFor();
    const [first = 0, ...rest] = bundle.opening?.input ?? [];
    const opening = bundle.opening && { ...bundle.opening, input: Uint8Array.of(first ^ 1, ...rest) };
    await paste(JSON.stringify(bundleToJson({ ...bundle, ...(opening ? { opening } : {}) })));
    await page.locator(".verdict.wrong").waitFor();
    assert.deepEqual(
      (await steps(page, "wrong")).map((title) => title.replace(/\s*wrong$/, "")),
      // The bundle has the opening's path to the data root too.
      ["Input and output", "Merkle path to the batch"],
    );
  });

  it("is walked through by keyboard alone", async () => {
    const page = await open(relayer.url);
    await settled(page);
    await page.keyboard.press("Tab");
    assert.equal(await focused(page), "Skip to the content");
    await page.keyboard.press("Tab");
    assert.equal(await focused(page), "Meantime");
    const seen: string[] = [];
    while (seen.at(-1) !== "Claims" && seen.length < 12) {
      await page.keyboard.press("Tab");
      seen.push(await focused(page));
    }
    assert.equal(seen.at(-1), "Claims", seen.join(", "));
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "Claims" }).waitFor();
    assert.equal(await page.evaluate("document.activeElement.id"), "main");
    await page.locator("tbody a").first().focus();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "Claim", exact: true }).waitFor();
    await page.locator("time").first().focus();
    const shown = await page.evaluate('getComputedStyle(document.activeElement, "::after").content');
    assert.match(String(shown), /UTC/, "the exact time shows on focus");
  });
});

/** A claim that an operator lied in, that was challenged, and that nobody could defend. */
async function rejectedClaim(
  stack: LocalStack,
  liar: DishonestOperator,
  { challenger }: LocalOperator,
): Promise<Hex> {
  const made = await liar.claim(21, 1);
  // The label alone, as the model's output scheme has it.
  const lie = { ...made, opening: { ...made.opening, output: made.opening.output.slice(-1) } };
  const batch = await liar.commit([lie, await liar.claim(22, 0)]);
  const { claim, claimId } = lie.receipt;
  const settlement = stack.deployment.settlement.connect(
    challenger.connect(stack.chain.connection.ethers.provider),
  );
  const value = { value: CHALLENGE_BOND_WEI };
  await (await settlement.challenge(batch.header, claim, 0, proofOf(batch, 0, stack), value)).wait();
  await stack.chain.moveTo((await stack.chain.now()) + PROVE_WINDOW_SECONDS + LOAD_SECONDS);
  await (await settlement.resolve(batch.batchId, claim, 0, challenger.address)).wait();
  return claimId;
}

/** Everything about a claim, with the evidence as the chain took it. */
async function wholeBundle(stack: LocalStack, url: string, claimId: Hex): Promise<Bundle> {
  const chain = await pinChain(stack.chain.url, stack.domain.settlement, { at: "latest" });
  return makeBundle(chain, gatewaySource(url), claimId);
}

/** What an index says of a claim, in one file, without evidence. */
function bundleOf(answer: unknown, { domain }: LocalStack): Bundle {
  const { receipt, header, index, proof, opening } = answer as Record<string, unknown> & {
    index: number;
    proof: Hex[];
    opening: { input: string; salt: Hex; output: string };
  };
  const bytes = (text: string) => Uint8Array.from(Buffer.from(text, "base64url"));
  return {
    ...{ domain, receipt: parseReceipt(receipt), evidence: [] },
    inclusion: { header: parseBatchHeader(header), index, proof },
    opening: { input: bytes(opening.input), salt: opening.salt, output: bytes(opening.output) },
  };
}

function lieAboutClaim(change: (answer: Record<string, unknown>) => void): Lie {
  return (path, answer) => {
    if (path.startsWith("/claims/")) change(answer);
    return answer;
  };
}

async function firstOf(url: string, path: string, name: string): Promise<string> {
  const answer = await fetch(new URL(`/index/v1${path}`, url));
  const { items } = (await answer.json()) as { items: Record<string, string>[] };
  return items[0]?.[name] ?? "";
}

/** Nothing is awaited any more. */
async function settled(page: Page): Promise<void> {
  await page.locator("h1").waitFor();
  await page.locator(".waiting").first().waitFor({ state: "detached" });
}

async function focused(page: Page): Promise<string> {
  return String(
    await page.evaluate("document.activeElement.innerText || document.activeElement.ariaLabel"),
  ).trim();
}
