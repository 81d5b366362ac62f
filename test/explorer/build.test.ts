// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { buildExplorerIfStale } from "../../scripts/explorer/build.ts";

const DIST = new URL("../../explorer/dist/", import.meta.url);
const INITIAL_BYTES = 200_000;

describe("the explorer's build", () => {
  let html: string;

  before(async () => {
    await buildExplorerIfStale();
    html = readFileSync(new URL("index.html", DIST), "utf8");
  });

  it("loads less than 200 kB at first, compressed", () => {
    const files = initialFiles(html);
    assert.ok(
      files.some((file) => file.endsWith(".css")) && files.some((file) => file.endsWith(".js")),
      html,
    );
    const bytes = files.map((file) => gzipSync(readFileSync(new URL(file, DIST))).length);
    const total = gzipSync(html).length + bytes.reduce((sum, one) => sum + one, 0);
    assert.ok(total < INITIAL_BYTES, `${total} bytes: ${files.join(", ")}`);
  });

  it("keeps snarkjs in files of its own, which nothing loads at first", () => {
    const initial = initialFiles(html);
    const withSnarkjs = readdirSync(new URL("assets/", DIST))
      .map((name) => `assets/${name}`)
      .filter((file) => readFileSync(new URL(file, DIST), "latin1").includes("vk_alpha_1"));
    assert.ok(withSnarkjs.length > 0);
    for (const file of withSnarkjs) assert.ok(!initial.includes(file), file);
  });

  it("has nothing inline and loads nothing from elsewhere", () => {
    assert.doesNotMatch(html, /<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=/);
    for (const [, address = ""] of html.matchAll(/(?:src|href)="([^"]+)"/g)) assert.match(address, /^\/[^/]/);
    for (const file of initialFiles(html)) {
      assert.doesNotMatch(readFileSync(new URL(file, DIST), "utf8"), /url\(\s*["']?https?:/, file);
    }
  });

  it("never makes markup of text", () => {
    const sources = new URL("../../explorer/src/", import.meta.url);
    for (const name of readdirSync(sources, { recursive: true, encoding: "utf8" })) {
      if (!/\.tsx?$/.test(name)) continue;
      const text = readFileSync(new URL(name, sources), "utf8");
      assert.doesNotMatch(
        text,
        /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function/,
        name,
      );
    }
  });
});

/** The files that a browser loads before anything is clicked: those that the document names, and what they import. */
function initialFiles(html: string): string[] {
  const found = new Set(
    [...html.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map(([, file]) => file ?? ""),
  );
  for (const file of found) {
    if (!file.endsWith(".js")) continue;
    const text = readFileSync(new URL(file, DIST), "utf8");
    for (const [, imported = ""] of text.matchAll(
      /(?:^|[;}])import(?:[^"'()]*?from)?\s*["']\.\/([^"']+)["']/g,
    )) {
      found.add(`assets/${imported}`);
    }
  }
  return [...found];
}
