// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { bn254 } from "@noble/curves/bn254.js";
import { freshFolder } from "./local-relayer.ts";

const MEANTIME = fileURLToPath(new URL("../../relayer/bin/meantime.js", import.meta.url));
const DEVELOPMENT_KEY = fileURLToPath(
  new URL("../../circuits/artifacts/tiny_mlp/verification_key.json", import.meta.url),
);

describe("meantime vk lint", () => {
  it("exits with 1 and names what it found", async () => {
    const { code, stdout } = await lint(DEVELOPMENT_KEY);
    assert.equal(code, 1);
    assert.match(stdout, /^error development-setup\n {2}vk_alpha_1, vk_beta_2: /);
  });

  it("prints one JSON line on demand", async () => {
    const { code, stdout } = await lint(DEVELOPMENT_KEY, "--json");
    assert.equal(code, 1);
    assert.match(stdout, /^[^\n]+\n$/);
    const { clean, findings } = JSON.parse(stdout);
    assert.equal(clean, false);
    assert.deepEqual(Object.keys(findings[0]), ["severity", "code", "what", "why"]);
  });

  it("exits with 0 where there is nothing to find", async () => {
    // The development key with other points for those that mark it.
    const key = JSON.parse(await readFile(DEVELOPMENT_KEY, "utf8"));
    const file = join(await freshFolder(), "key.json");
    const clean = {
      ...key,
      vk_alpha_1: key.IC[0],
      vk_beta_2: key.vk_delta_2,
      vk_delta_2: twiceTheGenerator(),
    };
    await writeFile(file, JSON.stringify(clean));
    const { code, stdout } = await lint(file);
    assert.match(stdout, /nothing found/);
    assert.equal(code, 0);
  });

  it("exits with 2 for a file that cannot be read, or none", async () => {
    const file = join(await freshFolder(), "key.json");
    const missing = await lint(file, "--json");
    assert.equal(missing.code, 2);
    assert.equal(JSON.parse(missing.stderr).error.code, "MT-CLI-003");
    await writeFile(file, "{");
    assert.equal((await lint(file)).code, 2);
    assert.equal((await lint()).code, 2);
  });
});

function twiceTheGenerator(): string[][] {
  const { x, y } = bn254.G2.Point.BASE.double().toAffine();
  return [x, y, bn254.fields.Fp2.ONE].map(({ c0, c1 }) => [String(c0), String(c1)]);
}

/** Runs the command as a shell would. */
function lint(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MEANTIME, "vk", "lint", ...args], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}
