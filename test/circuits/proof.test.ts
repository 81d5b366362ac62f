// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { commitInput } from "@meantime/sdk/commitment";
import { encodeGroth16Proof } from "@meantime/sdk/evidence";
import {
  encodeVerificationKey,
  SCALAR_FIELD_ORDER,
  verificationKeyId,
  verifyGroth16,
} from "@meantime/sdk/groth16";
import type { Hex } from "@meantime/sdk/hex";
import { runModel, specHash } from "@meantime/sdk/model";
import * as snarkjs from "snarkjs";
import { loadTestImages } from "../../circuits/mnist.ts";
import { artifact, CONTEXT, digitSpec, SALT, signalsFor, stopSnarkjs } from "./fixture.ts";

const BASE_FIELD = 21888242871839275222246405745257275088696311157297823662689037894645226208583n;

after(stopSnarkjs);

describe("a Groth16 proof of one inference", () => {
  const spec = digitSpec();
  const keyJson: unknown = JSON.parse(artifact("verification_key.json").toString());
  const key = encodeVerificationKey(keyJson);
  const input = [...(loadTestImages()[3]?.pixels ?? [])];
  let made: snarkjs.ProofWithSignals;
  let signals: bigint[];
  let evidence: Hex;

  before(async () => {
    made = await snarkjs.groth16.fullProve(
      signalsFor(input),
      { type: "mem", data: artifact("tiny_mlp.wasm") },
      { type: "mem", data: artifact("tiny_mlp.zkey") },
    );
    signals = made.publicSignals.map(BigInt);
    evidence = encodeGroth16Proof(made.proof);
  });

  it("is about (inputHash, outputHash, ctx), in this order", () => {
    const inputHash = commitInput({ bits: spec.inputBits, elements: input, salt: SALT });
    assert.deepEqual(signals, [BigInt(inputHash), BigInt(runModel(spec, input).label), CONTEXT]);
  });

  it("verifies with snarkjs and with the SDK", async () => {
    assert.equal(await snarkjs.groth16.verify(keyJson, made.publicSignals, made.proof), true);
    assert.equal(verifyGroth16(key, signals, evidence), true);
  });

  for (const [at, name] of ["inputHash", "outputHash", "ctx"].entries()) {
    it(`verifies with neither when ${name} differs`, async () => {
      const altered = signals.with(at, ((signals[at] ?? 0n) + 1n) % SCALAR_FIELD_ORDER);
      assert.equal(verifyGroth16(key, altered, evidence), false);
      assert.equal(await snarkjs.groth16.verify(keyJson, altered.map(String), made.proof), false);
    });
  }

  it("is not an identifier: (-A, -B, C) is another proof of the same statement", () => {
    const negated = words(evidence).map((word, at) => ([1, 4, 5].includes(at) ? BASE_FIELD - word : word));
    assert.notEqual(hexOf(negated), evidence);
    assert.equal(verifyGroth16(key, signals, hexOf(negated)), true);
  });

  it("is judged false when a point is another one of its curve", () => {
    const negatedA = words(evidence).with(1, BASE_FIELD - (words(evidence)[1] ?? 0n));
    assert.equal(verifyGroth16(key, signals, hexOf(negatedA)), false);
    const [ax = 0n, ay = 0n] = words(evidence);
    assert.equal(verifyGroth16(key, signals, hexOf(words(evidence).with(6, ax).with(7, ay))), false);
    assert.equal(verifyGroth16(key, signals, hexOf(new Array<bigint>(8).fill(0n))), false);
  });

  it("is refused when a point is off its curve or a coordinate is not canonical", () => {
    for (const [at, word] of words(evidence).entries()) {
      assert.throws(() => verifyGroth16(key, signals, hexOf(words(evidence).with(at, word + 1n))), {
        code: "MT-SDK-402",
      });
      assert.throws(() => verifyGroth16(key, signals, hexOf(words(evidence).with(at, word + BASE_FIELD))), {
        code: "MT-SDK-402",
      });
    }
  });

  it("is refused when it is not eight words", () => {
    for (const cut of ["0x", evidence.slice(0, -64), `${evidence}${"00".repeat(32)}`]) {
      assert.throws(() => verifyGroth16(key, signals, cut as Hex), { code: "MT-SDK-402" });
    }
  });

  it("is refused with signals outside the field, so that no statement has two names", () => {
    for (const at of signals.keys()) {
      const aliased = signals.with(at, (signals[at] ?? 0n) + SCALAR_FIELD_ORDER);
      assert.throws(() => verifyGroth16(key, aliased, evidence), { code: "MT-SDK-403" });
    }
  });

  it("is refused with too few or too many signals, or a broken key", () => {
    assert.throws(() => verifyGroth16(key, signals.slice(1), evidence), { code: "MT-SDK-401" });
    assert.throws(() => verifyGroth16(key, [...signals, 0n], evidence), { code: "MT-SDK-401" });
    const offCurve = hexOf(words(key).with(0, (words(key)[0] ?? 0n) + 1n));
    assert.throws(() => verifyGroth16(offCurve, signals, evidence), { code: "MT-SDK-401" });
  });
});

describe("the committed artefacts", () => {
  const manifest = JSON.parse(artifact("manifest.json").toString());

  it("are those of the manifest", () => {
    const names = ["tiny_mlp.circom", "tiny_mlp.wasm", "tiny_mlp.zkey", "verification_key.json"];
    assert.deepEqual(Object.keys(manifest.sha256).sort(), names);
    for (const name of names) {
      assert.equal(createHash("sha256").update(artifact(name)).digest("hex"), manifest.sha256[name], name);
    }
  });

  it("belong to the specification and say that their setup is insecure", () => {
    assert.equal(manifest.specHash, specHash(digitSpec()));
    const key = encodeVerificationKey(JSON.parse(artifact("verification_key.json").toString()));
    assert.equal(manifest.verificationKeyId, verificationKeyId(key));
    assert.equal(manifest.setup, "dev-insecure");
  });

  it("hold a key whose gamma and delta differ: with equal ones anybody forges", async () => {
    const exported = (await snarkjs.zKey.exportVerificationKey({
      type: "mem",
      data: artifact("tiny_mlp.zkey"),
    })) as Record<string, unknown>;
    const { vk_gamma_2, vk_delta_2 } = JSON.parse(artifact("verification_key.json").toString());
    assert.deepEqual(exported.vk_delta_2, vk_delta_2);
    assert.notDeepEqual(vk_gamma_2, vk_delta_2);
  });
});

function words(hex: Hex): bigint[] {
  return (hex.slice(2).match(/.{64}/g) ?? []).map((word) => BigInt(`0x${word}`));
}

function hexOf(values: readonly bigint[]): Hex {
  return `0x${values.map((value) => value.toString(16).padStart(64, "0")).join("")}`;
}
