// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import * as snarkjs from "snarkjs";
import { compileCircuit } from "../../circuits/compiler/compile.ts";
import { devKeys } from "../../circuits/setup/dev-keys.ts";
import { devPowersOfTau } from "../../circuits/setup/dev-powers-of-tau.ts";
import { generatorMultiples } from "../../circuits/setup/generator-multiples.ts";
import { domainPower, readR1csHeader } from "../../circuits/setup/r1cs-file.ts";
import { devKeyProblem } from "../../circuits/setup/verify-dev-key.ts";
import { stopSnarkjs } from "./fixture.ts";

const BEACON = Buffer.from("meantime development setup beacon").toString("hex");

after(stopSnarkjs);

describe("development keys", () => {
  let circuit: Awaited<ReturnType<typeof compileCircuit>>;
  let keys: Awaited<ReturnType<typeof devKeys>>;

  before(async () => {
    circuit = await compileCircuit("dev_setup", chainOfProducts(40));
    keys = await devKeys(circuit.r1cs);
  });

  it("are byte for byte what snarkjs makes of the development powers of tau", async () => {
    const initial: snarkjs.MemoryFile = { type: "mem" };
    const final: snarkjs.MemoryFile = { type: "mem" };
    const power = domainPower(readR1csHeader(circuit.r1cs));
    await snarkjs.zKey.newZKey(memory(circuit.r1cs), memory(await devPowersOfTau(power)), initial);
    await snarkjs.zKey.beacon(initial, final, "development beacon", BEACON, 10);
    assert.equal(Buffer.compare(keys.zkey, final.data ?? new Uint8Array()), 0);
    assert.deepEqual(keys.verificationKey, await snarkjs.zKey.exportVerificationKey(final));
  });

  it("are the same with the wide table of multiples", async () => {
    const scalars = [0n, 1n, 255n, 256n, 65_535n, 65_536n, 2n ** 253n + 12_345_678_901_234_567n];
    const narrow = await generatorMultiples("g1", 1);
    const wide = await generatorMultiples("g1", 100_000);
    assert.equal(Buffer.compare(narrow(scalars), wide(scalars)), 0);
  });

  it("prove", async () => {
    const made = await snarkjs.groth16.fullProve({ a: "3", b: "5" }, memory(circuit.wasm), memory(keys.zkey));
    assert.equal(await snarkjs.groth16.verify(keys.verificationKey, made.publicSignals, made.proof), true);
  });

  it("are verified against the circuit by snarkjs, and refused for another circuit or with a changed point", async () => {
    assert.equal(await devKeyProblem(circuit.r1cs, keys.zkey), undefined);
    const other = await compileCircuit("dev_setup_other", chainOfProducts(41));
    assert.match((await devKeyProblem(other.r1cs, keys.zkey)) ?? "", /circuit/i);
    const swapped = keys.zkey.slice();
    const { start, length } = sectionAt(swapped, 9);
    swapped.copyWithin(start, start + length - 64, start + length);
    assert.match((await devKeyProblem(circuit.r1cs, swapped)) ?? "", /H section/);
  });
});

/** t[i+1] = (t[i] + i)(t[i] + b): every wire occurs in several constraints, and on both sides. */
function chainOfProducts(length: number): string {
  return `pragma circom 2.1.0;
template Chain(n) {
  signal input a; signal input b; signal output c; signal t[n + 1];
  t[0] <== a + b;
  for (var i = 0; i < n; i++) t[i + 1] <== (t[i] + i) * (t[i] - 7 * b);
  c <== t[n];
}
component main { public [a] } = Chain(${length});
`;
}

function memory(data: Uint8Array) {
  return { type: "mem", data } as const;
}

function sectionAt(zkey: Uint8Array, wanted: number): { start: number; length: number } {
  const view = new DataView(zkey.buffer, zkey.byteOffset, zkey.byteLength);
  for (let at = 12; at < zkey.length; ) {
    const length = Number(view.getBigUint64(at + 4, true));
    if (view.getUint32(at, true) === wanted) return { start: at + 12, length };
    at += 12 + length;
  }
  throw new Error(`no section ${wanted}`);
}
