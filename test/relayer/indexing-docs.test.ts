// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import type { Interface } from "ethers";
import { RECEIPTS_INTERFACE, SETTLEMENT_INTERFACE } from "../../relayer/src/chain/contracts.ts";
import { SOURCE_INTERFACES } from "../../relayer/src/chain/event-sources.ts";

const DOCS = readFileSync(new URL("../../docs/INDEXING.md", import.meta.url), "utf8");
const INTERFACES: Record<string, Interface> = {
  Settlement: SETTLEMENT_INTERFACE,
  Receipts: RECEIPTS_INTERFACE,
  ...SOURCE_INTERFACES,
};

describe("docs/INDEXING.md", () => {
  for (const [name, abi] of Object.entries(INTERFACES)) {
    it(`lists the events of ${name} as its ABI has them`, () => {
      const events: string[] = [];
      abi.forEachEvent((event) => events.push(event.format("full").replace(/^event /, "")));
      const section = DOCS.split(`### ${name}\n\n\`\`\`\n`)[1]?.split("```")[0] ?? "";
      assert.deepEqual(section.trim().split("\n"), events);
    });
  }

  it("names every path that the API has, and none that it has not", () => {
    const app = readFileSync(new URL("../../relayer/src/indexer/api/app.ts", import.meta.url), "utf8");
    const paths = [...app.matchAll(/app\.get\("(\/[^"]*)"/g)].map(([, path = ""]) =>
      path.replace(/:\w+/g, "{}"),
    );
    const named = [...DOCS.matchAll(/`(\/[a-z/{}]*)(?:\?[^`]*)?`/g)].map(([, path = ""]) =>
      path.replace(/\{\w+\}/g, "{}"),
    );
    for (const path of paths) assert.ok(named.includes(path), path);
    const answers = DOCS.split("| `GET` | answer |")[1]?.split("\n\n")[0] ?? "";
    for (const [, path = ""] of answers.matchAll(/`(\/[a-z/{}]*)/g)) {
      assert.ok(paths.includes(path.replace(/\{\w+\}/g, "{}")), path);
    }
  });
});
