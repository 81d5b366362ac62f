// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { docsLink } from "../../relayer/src/errors.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const DOCS = readFileSync(`${ROOT}/docs/ERRORS.md`, "utf8");

describe("docs/ERRORS.md", () => {
  const inSource = new Set(
    globSync(["relayer/src/**/*.ts", "sdk/src/**/*.ts"], { cwd: ROOT }).flatMap(
      (file) => readFileSync(`${ROOT}/${file}`, "utf8").match(/\bMT-[A-Z]+-\d{3}\b/g) ?? [],
    ),
  );
  const documented = [...DOCS.matchAll(/^### (MT-[A-Z]+-\d{3})$/gm)].map(([, code]) => code ?? "");

  it("has a heading for every code of the source, once, and no other", () => {
    assert.deepEqual(documented.toSorted(), [...inSource].toSorted());
  });

  it("says of every code what it means and what to do", () => {
    for (const code of documented) {
      const section = DOCS.split(`### ${code}\n`)[1]?.split("\n#")[0] ?? "";
      const [cause = "", todo = ""] = section.trim().split("\n\n");
      assert.ok(cause.length > 5, `${code} has a cause`);
      assert.match(todo, /^\*\*Do:\*\* .{5,}/, `${code} says what to do`);
    }
  });

  it("is where the links of error messages lead", () => {
    assert.equal(docsLink("MT-CFG-003"), "docs/ERRORS.md#mt-cfg-003");
  });
});
