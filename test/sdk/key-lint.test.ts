// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { type KeyFindingCode, lintVerificationKey } from "@meantime/sdk/key-lint";
import { bn254 } from "@noble/curves/bn254.js";

interface KeyJson {
  protocol: string;
  curve: string;
  nPublic: number;
  vk_alpha_1: string[];
  vk_beta_2: string[][];
  vk_gamma_2: string[][];
  vk_delta_2: string[][];
  IC: string[][];
}

const { Fp, Fp2 } = bn254.fields;
const development = JSON.parse(
  readFileSync(new URL("../../circuits/artifacts/tiny_mlp/verification_key.json", import.meta.url), "utf8"),
) as KeyJson;

describe("A look at a verification key", () => {
  it("finds nothing in a key of unknown scalars, and does not change it", () => {
    const key = sound();
    assert.deepEqual(lintVerificationKey(key), []);
    assert.deepEqual(key, sound());
  });

  it("knows the development setup of every circuit by alpha or beta", () => {
    assert.deepEqual(codes(development), ["development-setup"]);
    assert.deepEqual(codes({ ...sound(), vk_alpha_1: development.vk_alpha_1 }), ["development-setup"]);
    assert.deepEqual(codes({ ...sound(), vk_beta_2: development.vk_beta_2 }), ["development-setup"]);
  });

  it("finds a second phase without a contribution, as groth16 setup leaves a key", () => {
    const generator = g2(1n);
    const straight = { ...sound(), vk_gamma_2: generator, vk_delta_2: generator };
    assert.deepEqual(codes(straight), ["phase-2-skipped", "phase-2-skipped"]);
    assert.deepEqual(codes({ ...sound(), vk_delta_2: generator }), ["phase-2-skipped"]);
    assert.deepEqual(codes({ ...sound(), vk_delta_2: opposite2(sound().vk_gamma_2) }), ["phase-2-skipped"]);
    // gamma alone may stay there.
    assert.deepEqual(codes({ ...sound(), vk_gamma_2: generator }), []);
  });

  it("finds a first phase without a contribution", () => {
    assert.deepEqual(codes({ ...sound(), vk_alpha_1: g1(1n) }), ["phase-1-skipped"]);
    assert.deepEqual(codes({ ...sound(), vk_alpha_1: opposite1(g1(1n)) }), ["phase-1-skipped"]);
    assert.deepEqual(codes({ ...sound(), vk_beta_2: g2(1n) }), ["phase-1-skipped"]);
  });

  it("finds beta equal or opposite to gamma or delta", () => {
    for (const change of [(point: string[][]) => point, opposite2]) {
      const { vk_beta_2: beta } = sound();
      assert.deepEqual(codes({ ...sound(), vk_gamma_2: change(beta) }), ["points-related"]);
      assert.deepEqual(codes({ ...sound(), vk_delta_2: change(beta) }), ["points-related"]);
    }
  });

  it("finds inputs that are bound to nothing, or to one another", () => {
    const { IC } = sound();
    const infinity = ["0", "1", "0"];
    for (const place of [1, 2, 3]) {
      const [finding] = lintVerificationKey({ ...sound(), IC: IC.with(place, infinity) });
      assert.equal(finding?.code, "input-free");
      assert.match(finding?.why ?? "", new RegExp(`^public input ${place - 1} `));
    }
    assert.deepEqual(codes({ ...sound(), IC: IC.with(0, infinity) }), ["point-at-infinity"]);
    assert.deepEqual(codes({ ...sound(), IC: IC.with(3, IC[1] ?? []) }), ["inputs-share-point"]);
    assert.deepEqual(codes({ ...sound(), IC: IC.with(1, opposite1(IC[2] ?? [])) }), ["inputs-share-point"]);
    // The first point is no input's.
    assert.deepEqual(codes({ ...sound(), IC: IC.with(0, IC[1] ?? []) }), []);
  });

  it("finds a number of inputs that is not the declared one, none, and not this protocol's", () => {
    const { IC } = sound();
    assert.deepEqual(codes({ ...sound(), nPublic: 4 }), ["inputs-mismatch"]);
    assert.deepEqual(codes({ ...sound(), IC: IC.slice(0, 3) }), ["inputs-mismatch", "not-three-inputs"]);
    assert.deepEqual(codes({ ...sound(), nPublic: 0, IC: IC.slice(0, 1) }), ["no-inputs"]);
    assert.deepEqual(codes({ ...sound(), nPublic: 1, IC: IC.slice(0, 2) }), ["not-three-inputs"]);
    assert.equal(lintVerificationKey({ ...sound(), nPublic: 1, IC: IC.slice(0, 2) })[0]?.severity, "warning");
  });

  for (const [code, point1, point2] of [
    ["point-malformed", ["1", "2"], [["1", "2"], ["1"], ["1", "0"]]],
    ["point-malformed", ["1", "0x2", "1"], undefined],
    [
      "point-not-canonical",
      [`${Fp.ORDER + 1n}`, "2", "1"],
      [
        [`${Fp.ORDER}`, "0"],
        ["1", "1"],
        ["1", "0"],
      ],
    ],
    [
      "point-at-infinity",
      ["0", "1", "0"],
      [
        ["0", "0"],
        ["1", "0"],
        ["0", "0"],
      ],
    ],
    [
      "point-at-infinity",
      ["0", "0", "1"],
      [
        ["0", "0"],
        ["0", "0"],
        ["1", "0"],
      ],
    ],
    [
      "point-not-affine",
      ["1", "2", "2"],
      [
        ["1", "2"],
        ["1", "2"],
        ["1", "1"],
      ],
    ],
    [
      "point-off-curve",
      ["1", "3", "1"],
      [
        ["1", "2"],
        ["3", "4"],
        ["1", "0"],
      ],
    ],
    ["point-outside-subgroup", undefined, outsideSubgroup()],
  ] as const) {
    it(`finds any point of a key: ${code}`, () => {
      if (point1) assert.deepEqual(codes({ ...sound(), vk_alpha_1: [...point1] }), [code]);
      for (const name of ["vk_beta_2", "vk_gamma_2", "vk_delta_2"]) {
        if (!point2) continue;
        const [finding, ...others] = lintVerificationKey({ ...sound(), [name]: point2 });
        assert.deepEqual([finding?.code, finding?.what, others], [code, name, []]);
      }
    });
  }

  it("takes whatever is no key for one finding", () => {
    for (const json of [undefined, null, 7, "key", [], {}, { ...sound(), curve: "bls12381" }]) {
      assert.deepEqual(codes(json), ["not-groth16"]);
    }
    assert.deepEqual(codes({ ...sound(), protocol: "plonk" }), ["not-groth16"]);
    assert.deepEqual(codes({ ...sound(), IC: "none" }), ["not-groth16"]);
    const { vk_delta_2: _, ...incomplete } = sound();
    assert.deepEqual(codes(incomplete), ["point-malformed"]);
  });
});

function codes(json: unknown): KeyFindingCode[] {
  return lintVerificationKey(json).map(({ code }) => code);
}

function sound(): KeyJson {
  return {
    ...{ protocol: "groth16", curve: "bn128", nPublic: 3 },
    ...{ vk_alpha_1: g1(5n), vk_beta_2: g2(7n), vk_gamma_2: g2(3n), vk_delta_2: g2(2n) },
    IC: [11n, 12n, 13n, 14n].map(g1),
  };
}

function g1(scalar: bigint): string[] {
  const { x, y } = bn254.G1.Point.BASE.multiply(scalar).toAffine();
  return [x, y, 1n].map(String);
}

function g2(scalar: bigint): string[][] {
  const { x, y } = bn254.G2.Point.BASE.multiply(scalar).toAffine();
  return [x, y, Fp2.ONE].map(({ c0, c1 }) => [String(c0), String(c1)]);
}

function opposite1([x = "", y = "", z = ""]: readonly string[]): string[] {
  return [x, String(Fp.ORDER - BigInt(y)), z];
}

function opposite2([x = [], y = [], z = []]: readonly string[][]): string[][] {
  return [x, y.map((part) => String(Fp.ORDER - BigInt(part))), z];
}

/** The twist has many more points than its subgroup. */
function outsideSubgroup(): string[][] {
  const { b } = bn254.G2.Point.CURVE();
  for (let re = 1n; ; re++) {
    const x = Fp2.fromBigTuple([re, 0n]);
    const y = rootOf(Fp2.add(Fp2.mul(Fp2.sqr(x), x), b));
    if (y === undefined || bn254.G2.Point.fromAffine({ x, y }).isTorsionFree()) continue;
    return [x, y, Fp2.ONE].map(({ c0, c1 }) => [String(c0), String(c1)]);
  }
}

function rootOf(square: typeof Fp2.ONE) {
  try {
    return Fp2.sqrt(square);
  } catch {
    return undefined;
  }
}
