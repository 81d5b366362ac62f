// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { getCurveFromName } from "ffjavascript";
import * as snarkjs from "snarkjs";
import { compileCircuit } from "../../circuits/compiler/compile.ts";
import { MODEL_FILE } from "../../circuits/paths.ts";
import { HERMEZ_HASHES } from "../../circuits/setup/ceremony/hermez-hashes.ts";
import { stopSnarkjs } from "./fixture.ts";

const POWER = 8;
const CLI = fileURLToPath(new URL("../../circuits/setup/ceremony/main.ts", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "ceremony-"));
const at = (name: string) => join(folder, name);
const PHASE_ONE = ["--ptau", at("own.ptau"), "--insecure-ptau"];
const CIRCUIT = ["--r1cs", at("small.r1cs")];

after(async () => {
  rmSync(folder, { recursive: true });
  await stopSnarkjs();
});

describe("npm run ceremony", () => {
  let wasm: Uint8Array;

  before(async () => {
    for (const [name, length] of [
      ["small", 40],
      ["other", 41],
      ["large", 300],
    ] as const) {
      const compiled = await compileCircuit(`ceremony_${name}`, chainOfProducts(length));
      writeFileSync(at(`${name}.r1cs`), compiled.r1cs);
      if (name === "small") wasm = compiled.wasm;
    }
    await ownPowersOfTau(at("own.ptau"));
    succeeds("new", ...CIRCUIT, ...PHASE_ONE, "--out", at("0.zkey"));
    succeeds(
      "contribute",
      "--from",
      at("0.zkey"),
      "--out",
      at("1.zkey"),
      "--name",
      "Ada",
      "--entropy",
      "dice",
    );
    const stdin = { input: "coins and keys" };
    run(
      ["contribute", "--from", at("1.zkey"), "--out", at("2.zkey"), "--name", "Émile", "--entropy", "-"],
      stdin,
    );
    succeeds(
      "beacon",
      ...["--from", at("2.zkey"), "--out", at("3.zkey")],
      "--name",
      "round 7",
      "--randomness",
      "c0ffee",
    );
  });

  it("makes a key that proves, from its verification key on", async () => {
    const zkey = at("3.zkey");
    const key = await snarkjs.zKey.exportVerificationKey(zkey);
    const made = await snarkjs.groth16.fullProve(
      { a: "3", b: "5", d: "7" },
      { type: "mem", data: wasm },
      zkey,
    );
    assert.equal(await snarkjs.groth16.verify(key, made.publicSignals, made.proof), true);
  });

  it("transcribes every step with the hash that its contributor was told", () => {
    const again = ["--out", at("again.zkey"), "--name", "Ada", "--entropy", "dice"];
    const added = succeeds("contribute", "--from", at("0.zkey"), ...again);
    const one = succeeds("transcript", ...CIRCUIT, ...PHASE_ONE, "--zkey", at("again.zkey"));
    assert.deepEqual(one.contributions, [{ number: 1, kind: "contribution", hash: added.hash, name: "Ada" }]);

    const transcript = succeeds("transcript", ...CIRCUIT, ...PHASE_ONE, "--zkey", at("3.zkey"));
    const names = transcript.contributions.map(({ kind, name }: Record<string, string>) => [kind, name]);
    assert.deepEqual(names, [
      ["contribution", "Ada"],
      ["contribution", "Émile"],
      ["beacon", "round 7"],
    ]);
    assert.deepEqual(transcript.contributions[2].beacon, { randomness: "c0ffee", iterationsExponent: 10 });
    assert.equal(transcript.zkeySha256, hashOf("sha256", at("3.zkey")));
    assert.equal(transcript.r1csSha256, hashOf("sha256", at("small.r1cs")));
    assert.match(transcript.verificationKeyId, /^0x[0-9a-f]{64}$/);
  });

  it("marks what was made from a phase 1 that is not pinned", () => {
    const transcript = succeeds("transcript", ...CIRCUIT, ...PHASE_ONE, "--zkey", at("3.zkey"));
    assert.equal(transcript.setup, "insecure");
    const blake2b = hashOf("blake2b512", at("own.ptau"));
    assert.deepEqual(transcript.phaseOne, { power: POWER, blake2b, pinned: false });
  });

  it("refuses a phase 1 that is not pinned, and names the file to get", () => {
    for (const command of [
      ["new", "--out", at("x.zkey")],
      ["verify", "--zkey", at("3.zkey")],
    ]) {
      const { message, hint } = fails("MT-CER-002", ...command, ...CIRCUIT, "--ptau", at("own.ptau"));
      assert.match(message, new RegExp(hashOf("blake2b512", at("own.ptau"))));
      assert.match(hint, /powersOfTau28_hez_final_08\.ptau/);
    }
    assert.equal(existsSync(at("x.zkey")), false);
  });

  it("refuses a phase 1 that is too small, for a model as for an R1CS", () => {
    const large = fails("MT-CER-002", "new", "--r1cs", at("large.r1cs"), ...PHASE_ONE, "--out", at("x.zkey"));
    assert.match(large.hint, /hez_final_09/);
    const model = fails("MT-CER-002", "new", "--model", MODEL_FILE, ...PHASE_ONE, "--out", at("x.zkey"));
    assert.match(model.hint, /hez_final_1[0-9]/);
    assert.equal(existsSync(at("x.zkey")), false);
  });

  it("refuses a key of another circuit", () => {
    const other = ["--r1cs", at("other.r1cs"), ...PHASE_ONE, "--zkey", at("3.zkey")];
    assert.match(fails("MT-CER-003", "verify", ...other).message, /circuit/i);
  });

  it("refuses a key that nobody contributed to, beacon or not", () => {
    const alone = ["--from", at("0.zkey"), "--out", at("beacon.zkey"), "--name", "b", "--randomness", "00"];
    succeeds("beacon", ...alone);
    for (const zkey of ["0.zkey", "beacon.zkey"]) {
      const { message } = fails("MT-CER-003", "verify", ...CIRCUIT, ...PHASE_ONE, "--zkey", at(zkey));
      assert.match(message, /nobody has contributed/);
    }
  });

  it("refuses a key in which one byte differs, wherever it lies", () => {
    const bytes = readFileSync(at("3.zkey"));
    const sections = sectionsOf(bytes);
    // In the history: the transcript hash of the first contribution.
    const places = [3, 4, 5, 6, 7, 8, 9].map((number) => (sections.get(number)?.start ?? 0) + 5);
    for (const place of [...places, (sections.get(10)?.start ?? 0) + 68 + 330]) {
      const altered = Buffer.from(bytes);
      altered[place] = (altered[place] ?? 0) ^ 1;
      writeFileSync(at("altered.zkey"), altered);
      fails("MT-CER-003", "verify", ...CIRCUIT, ...PHASE_ONE, "--zkey", at("altered.zkey"));
    }
  });

  it("adds nothing after a beacon and overwrites no key", () => {
    const ada = ["--name", "Ada", "--entropy", "dice"];
    fails("MT-CER-005", "contribute", "--from", at("3.zkey"), "--out", at("4.zkey"), ...ada);
    fails("MT-CER-004", "contribute", "--from", at("0.zkey"), "--out", at("1.zkey"), ...ada);
  });

  it("refuses contributions without name or entropy and beacons that are not hexadecimal", () => {
    const files = ["--from", at("0.zkey"), "--out", at("x.zkey")];
    fails("MT-CER-005", "contribute", ...files, "--name", "", "--entropy", "dice");
    fails("MT-CER-005", "contribute", ...files, "--name", "Ada", "--entropy", " ");
    for (const randomness of ["", "0x00", "abc", "00".repeat(256)]) {
      fails("MT-CER-005", "beacon", ...files, "--name", "b", `--randomness=${randomness}`);
    }
    fails(
      "MT-CER-005",
      "beacon",
      ...files,
      "--name",
      "b",
      "--randomness",
      "00",
      "--iterations-exponent",
      "9",
    );
  });

  it("refuses files that are something else", () => {
    fails("MT-CER-004", "verify", ...CIRCUIT, ...PHASE_ONE, "--zkey", at("own.ptau"));
    fails(
      "MT-CER-004",
      "new",
      ...CIRCUIT,
      "--ptau",
      at("small.r1cs"),
      "--insecure-ptau",
      "--out",
      at("x.zkey"),
    );
    fails("MT-CER-004", "new", "--r1cs", at("own.ptau"), ...PHASE_ONE, "--out", at("x.zkey"));
  });

  it("explains itself, and exits with 2 where it is called wrongly", () => {
    const help = run(["--help"]);
    assert.equal(help.status, 0);
    assert.match(help.stdout, /--insecure-ptau/);
    for (const wrong of [[], ["frobnicate"], ["new"], ["verify", "--frob"], ["new", "extra"]]) {
      assert.equal(run([...wrong, "--json"]).status, 2, wrong.join(" "));
    }
    assert.equal(run(["new", ...CIRCUIT, "--model", MODEL_FILE, ...PHASE_ONE]).status, 2);
  });

  it("pins the hashes of powers 8 to 28", () => {
    assert.deepEqual(
      [...HERMEZ_HASHES.keys()],
      Array.from({ length: 21 }, (_, place) => place + 8),
    );
    for (const hash of HERMEZ_HASHES.values()) assert.match(hash, /^[0-9a-f]{128}$/);
    assert.equal(new Set(HERMEZ_HASHES.values()).size, HERMEZ_HASHES.size);
  });
});

async function ownPowersOfTau(file: string): Promise<void> {
  const [empty, full] = [at("empty.ptau"), at("full.ptau")];
  await snarkjs.powersOfTau.newAccumulator(await getCurveFromName("bn128"), POWER, empty);
  await snarkjs.powersOfTau.contribute(empty, full, "test", "entropy of a test");
  await snarkjs.powersOfTau.preparePhase2(full, file);
}

/** Three public signals, and wires that occur in several constraints. */
function chainOfProducts(length: number): string {
  return `pragma circom 2.1.0;
template Chain(n) {
  signal input a; signal input b; signal input d; signal output c; signal t[n + 1];
  t[0] <== a + b;
  for (var i = 0; i < n; i++) t[i + 1] <== (t[i] + i) * (t[i] - d * 7 + b);
  c <== t[n];
}
component main { public [a, b] } = Chain(${length});
`;
}

function run(args: readonly string[], options: { input?: string } = {}) {
  return spawnSync(process.execPath, ["--disable-warning=ExperimentalWarning", CLI, ...args], {
    encoding: "utf8",
    ...options,
  });
}

function succeeds(...args: readonly string[]) {
  const { status, stdout, stderr } = run([...args, "--json"]);
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

function fails(code: string, ...args: readonly string[]): { message: string; hint: string } {
  const { status, stdout, stderr } = run([...args, "--json"]);
  assert.equal(stdout, "");
  const { error } = JSON.parse(stderr);
  assert.equal(error.code, code, stderr);
  assert.equal(status, 1);
  return error;
}

function hashOf(algorithm: string, file: string): string {
  return createHash(algorithm).update(readFileSync(file)).digest("hex");
}

function sectionsOf(file: Buffer): Map<number, { start: number; length: number }> {
  const sections = new Map<number, { start: number; length: number }>();
  for (let place = 12; place < file.length; ) {
    const length = Number(file.readBigUInt64LE(place + 4));
    sections.set(file.readUInt32LE(place), { start: place + 12, length });
    place += 12 + length;
  }
  return sections;
}
