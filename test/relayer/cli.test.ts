// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { commitInput } from "@meantime/sdk/commitment";
import { provingContext } from "@meantime/sdk/evidence";
import { encodeVerificationKey, verifyGroth16 } from "@meantime/sdk/groth16";
import type { Address, Hex } from "@meantime/sdk/hex";
import { modelEntry, modelId, parseModelSpec, runModel, specHash } from "@meantime/sdk/model";
import { OPENAI_INPUT_SCHEME } from "@meantime/sdk/openai/commitment";
import { openAiModelEntry } from "@meantime/sdk/openai/model";
import { OUTPUT_KECCAK } from "@meantime/sdk/request";
import { artifactsDirectory, MODEL_FILE } from "../../circuits/paths.ts";
import { type LocalStack, startLocalStack } from "../../scripts/stack/local.ts";
import { localKey } from "../../scripts/stack/operators.ts";
import { sampleInput } from "./local-relayer.ts";

const BIN = fileURLToPath(new URL("../../relayer/bin/meantime.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "meantime-cli-"));
const at = (name: string) => join(folder, name);
const json = (file: string) => JSON.parse(readFileSync(file, "utf8"));
const TINY = parseModelSpec(json(MODEL_FILE));
const SMALL = {
  ...{ name: "small", version: 3, inputBits: 3, inputShape: [4], classes: 2 },
  layers: [
    {
      type: "dense",
      weights: [
        [1, -2, 3, 0],
        [2, 2, -1, -3],
        [0, 1, 1, 1],
      ],
      bias: [4, -5, 0],
    },
    { type: "relu", shift: 1 },
    {
      type: "dense",
      weights: [
        [3, -1, 2],
        [-2, 4, 1],
      ],
      bias: [0, 1],
    },
    { type: "argmax" },
  ],
};

after(() => rmSync(folder, { recursive: true }));

before(() => {
  writeFileSync(at("small.json"), JSON.stringify(SMALL));
  writeFileSync(at("input.json"), JSON.stringify(sampleInput(1)));
});

describe("meantime prove", () => {
  it("proves a model of the repository, for a claim, and prints evidence that verifies", async () => {
    const claim: Hex = `0x${"a7".repeat(32)}`;
    const beneficiary: Address = `0x${"be".repeat(20)}`;
    const args = [
      "--model",
      "tiny_mlp",
      "--input",
      at("input.json"),
      "--claim",
      claim,
      "--beneficiary",
      beneficiary,
    ];
    const printed = await succeeds("prove", ...args);
    const context = provingContext(claim, beneficiary);
    assert.equal(BigInt(printed.context), context);
    const inputHash = commitInput({ bits: 4, elements: sampleInput(1), salt: printed.salt });
    assert.equal(printed.inputHash, inputHash);
    const signals = [BigInt(inputHash), BigInt(runModel(TINY, sampleInput(1)).label), context];
    assert.equal(verifyGroth16(keyOf(artifactsDirectory("tiny_mlp")), signals, printed.evidence), true);
  });

  it("takes the salt of a commitment, and without a claim makes evidence for none", async () => {
    const salt = `0x00${"5a".repeat(31)}`;
    writeFileSync(at("opening.json"), JSON.stringify({ input: sampleInput(2), salt }));
    const printed = await succeeds("prove", "--model", "tiny_mlp", "--input", at("opening.json"));
    assert.equal(printed.salt, salt);
    assert.equal(BigInt(printed.context), 0n);
    assert.equal(printed.setup, "dev-insecure");
  });

  it("says loudly that an external prover is not used, and proves", async () => {
    const args = ["--model", "tiny_mlp", "--input", at("input.json"), "--rapidsnark", "/bin/true", "--json"];
    const { status, stdout, stderr } = await run(["prove", ...args]);
    assert.equal(status, 0);
    assert.match(stderr, /MT-PRV-010/);
    assert.match(JSON.parse(stdout).evidence, /^0x[0-9a-f]{512}$/);
  });

  it("refuses inputs and models that do not fit", async () => {
    const prove = (model: string, input: unknown, ...more: string[]) => {
      writeFileSync(at("bad.json"), typeof input === "string" ? input : JSON.stringify(input));
      return ["prove", "--model", model, "--input", at("bad.json"), ...more];
    };
    await fails("MT-CLI-001", ...prove("tiny_mlp", "{"));
    await fails("MT-CLI-001", ...prove("tiny_mlp", { x: [1] }));
    await fails("MT-SDK-302", ...prove("tiny_mlp", [1, 2, 3]));
    await fails("MT-CLI-001", ...prove("no_such_model", sampleInput(1)));
    await fails("MT-CLI-008", ...prove(at("small.json"), [1, 2, 3, 4]));
    await fails("MT-CLI-002", ...prove("tiny_mlp", sampleInput(1), "--claim", `0x${"a7".repeat(32)}`));
    await fails("MT-CLI-002", ...prove("tiny_mlp", sampleInput(1), "--timeout", "0"));
  });
});

describe("meantime model", () => {
  let compiled: Record<string, string | number>;

  before(async () => {
    compiled = await succeeds("model", "compile", at("small.json"), "--out", at("small"));
  });

  it("compiles a specification to what proves it", async () => {
    const spec = parseModelSpec(SMALL);
    const key = keyOf(at("small"));
    assert.equal(
      compiled.modelId,
      modelId(modelEntry(spec, { verificationKeyId: compiled.verificationKeyId as Hex })),
    );
    writeFileSync(at("four.json"), "[7, 0, 3, 1]");
    const proof = await succeeds("prove", "--model", at("small"), "--input", at("four.json"));
    const signals = [BigInt(proof.inputHash), BigInt(runModel(spec, [7, 0, 3, 1]).label), 0n];
    assert.equal(verifyGroth16(key, signals, proof.evidence), true);
  });

  it("replaces no folder unasked", async () => {
    await fails("MT-CLI-004", "model", "compile", at("small.json"), "--out", at("small"));
  });

  it("refuses a folder whose specification has changed", async () => {
    await succeeds("model", "compile", at("small.json"), "--out", at("changed"));
    writeFileSync(at("changed/model.json"), JSON.stringify({ ...SMALL, version: 4 }));
    await fails("MT-CLI-008", "model", "inspect", at("changed"));
  });

  it("inspects layers, bounds, ids and constraints, before and after compilation", async () => {
    const bare = await succeeds("model", "inspect", at("small.json"));
    // 4 + 7 (1 + 3) and 4 - 7 * 2; the second unit's extremes are smaller.
    assert.deepEqual(bare.layers[0], { type: "dense", output: "3", low: -33, high: 32 });
    assert.deepEqual(bare.layers[1], { type: "relu", output: "3", low: 0, high: 16 });
    assert.equal(bare.specHash, specHash(parseModelSpec(SMALL)));
    assert.equal("constraints" in bare, false);
    const whole = await succeeds("model", "inspect", at("small"));
    assert.equal(whole.constraints, compiled.constraints);
    assert.equal(whole.modelId, compiled.modelId);
    assert.equal(whole.setup, "dev-insecure");
    assert.match((await run(["model", "inspect", "tiny_mlp"])).stdout, /argmax/);
  });

  it("refuses specifications that are none", async () => {
    writeFileSync(at("wrong.json"), JSON.stringify({ ...SMALL, classes: 3 }));
    await fails("MT-SDK-301", "model", "inspect", at("wrong.json"));
    await fails("MT-SDK-301", "model", "compile", at("wrong.json"), "--out", at("wrong"));
  });

  describe("register", () => {
    let stack: LocalStack;
    let evidence: string;
    const sender = { MEANTIME_PRIVATE_KEY: localKey(5).privateKey };
    before(async () => {
      stack = await startLocalStack();
      evidence = await stack.deployment.groth16Evidence.getAddress();
    });
    after(() => stack.chain.close());

    const register = (model: string, rpc: string, chainId: string, to: string) => [
      ...[
        "model",
        "register",
        model,
        "--rpc",
        rpc,
        "--chain-id",
        chainId,
        "--groth16-evidence",
        to,
        "--json",
      ],
    ];

    it("enters key and model once", async () => {
      const args = register(at("small"), stack.chain.url, "31337", evidence);
      const first = JSON.parse((await run(args, sender)).stdout);
      assert.match(first.keySent, /^0x[0-9a-f]{64}$/);
      assert.equal(first.modelId, compiled.modelId);
      const { model, registeredAt } = await stack.deployment.models.modelOf(first.modelId);
      assert.notEqual(registeredAt, 0n);
      assert.equal(model.verificationKeyId, compiled.verificationKeyId);
      assert.equal(await stack.deployment.groth16Evidence.keyOf(first.verificationKeyId), keyOf(at("small")));
      const second = JSON.parse((await run(args, sender)).stdout);
      assert.deepEqual([second.keySent, second.modelSent], [undefined, undefined]);
    });

    it("enters a model behind a server once, under the id that a configuration of it has", async () => {
      const [name, weights] = ["llama-3.1-8b-instruct", "sha256:0123"];
      const flags = ["--upstream", "--weights", weights, "--model-version", "2"];
      const args = [...register(name, stack.chain.url, "31337", evidence), ...flags];
      await failsWith("MT-CLI-002", 1, args, sender);
      await failsWith(
        "MT-CLI-002",
        1,
        [...args, "--measurement", `0x${"11".repeat(32)}`, "--weights", ""],
        sender,
      );
      const first = JSON.parse((await run([...args, "--reexecutable"], sender)).stdout);
      const entry = openAiModelEntry({ name, weights, version: 2, reexecutable: true });
      assert.equal(first.modelId, modelId(entry));
      assert.equal(first.verificationKeyId, undefined);
      const { model, registeredAt } = await stack.deployment.models.modelOf(first.modelId);
      assert.notEqual(registeredAt, 0n);
      assert.deepEqual([model.inputScheme, model.outputScheme], [OPENAI_INPUT_SCHEME, OUTPUT_KECCAK]);
      const second = JSON.parse((await run([...args, "--reexecutable"], sender)).stdout);
      assert.equal(second.modelSent, undefined);
    });

    it("refuses development keys elsewhere, a missing key, another chain and another contract", async () => {
      const { url } = stack.chain;
      await failsWith("MT-CLI-005", 1, register(at("small"), url, "1", evidence), sender);
      await failsWith("MT-CLI-006", 1, register(at("small"), url, "31337", evidence), {});
      await failsWith("MT-CHAIN-003", 1, register(at("small"), url, "31337", `0x${"12".repeat(20)}`), sender);
      await failsWith("MT-CLI-008", 1, register(at("small.json"), url, "31337", evidence), sender);
    });

    it("exits with 75 when the node does not answer", async () => {
      const args = register(at("small"), "http://127.0.0.1:9", "31337", evidence);
      await failsWith("MT-CHAIN-001", 75, args, sender);
    });
  });
});

describe("the new commands", () => {
  for (const command of [
    ["prove"],
    ["model"],
    ["model", "inspect"],
    ["model", "compile"],
    ["model", "register"],
    ["enclave"],
    ["enclave", "verify"],
    ["enclave", "register"],
    ["enclave", "doctor"],
  ]) {
    it(`${command.join(" ")} explains itself, and exits with 2 where it is called wrongly`, async () => {
      const help = await run([...command, "--help"]);
      assert.equal(help.status, 0);
      assert.match(help.stdout, /Usage: meantime/);
      assert.equal((await run([...command, "--frobnicate"])).status, 2);
    });
  }
});

interface Ended {
  status: number | null;
  stdout: string;
  stderr: string;
}

async function run(args: readonly string[], environment: Record<string, string> = {}): Promise<Ended> {
  const child = spawn(process.execPath, [BIN, ...args], { env: { ...process.env, ...environment } });
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { status: await ended, stdout, stderr };
}

async function succeeds(...args: readonly string[]) {
  const { status, stdout, stderr } = await run([...args, "--json"]);
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

function fails(code: string, ...args: readonly string[]): Promise<void> {
  return failsWith(code, 1, [...args, "--json"], {});
}

async function failsWith(
  code: string,
  exit: number,
  args: readonly string[],
  environment: Record<string, string>,
): Promise<void> {
  const { status, stderr } = await run(args, environment);
  assert.match(stderr, new RegExp(`"code":"${code}"`));
  assert.equal(status, exit);
}

function keyOf(directory: string): Hex {
  return encodeVerificationKey(json(join(directory, "verification_key.json")));
}
