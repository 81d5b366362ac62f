// SPDX-License-Identifier: GPL-3.0-or-later
import { bn254 } from "./curve.ts";

/** Multiplies the generator of one group of BN254. Points are affine, one after the other, in snarkjs' Montgomery form. */
export type GeneratorMultiples = (scalars: readonly bigint[]) => Uint8Array;

interface CurveModule {
  addMixed(jacobian: number, affine: number, sum: number): void;
  batchToAffine(jacobian: number, count: number, affine: number): void;
  zero(jacobian: number): void;
}

const COORDINATE_BYTES = { g1: 32, g2: 64 } as const;
const SCALAR_BYTES = 32;
const PAGE_BYTES = 65_536;
const CHUNK_POINTS = 4_096;
const TABLE_CHUNK_POINTS = 256;
// A table of 16-bit digits costs a million additions, and halves those of every product.
const WIDE_FROM_PRODUCTS = 65_536;

/**
 * Prepares products of the generator. Its multiples by digit * 2^(place * bits) are tabled once, so that a product is at
 * most 32 additions, or 16 where `expected` products pay for the larger table. The additions run inside the WebAssembly
 * module of ffjavascript, in a memory of our own: no point is copied out before it is done.
 */
export async function generatorMultiples(group: "g1" | "g2", expected: number): Promise<GeneratorMultiples> {
  const { tm } = await bn254();
  const coordinate = COORDINATE_BYTES[group];
  const [jacobianBytes, affineBytes] = [3 * coordinate, 2 * coordinate];
  const digitBytes = expected < WIDE_FROM_PRODUCTS ? 1 : 2;
  const digitValues = 256 ** digitBytes;
  const places = SCALAR_BYTES / digitBytes;

  const workBytes = CHUNK_POINTS * (jacobianBytes + affineBytes + coordinate);
  const tableBytes = places * digitValues * affineBytes;
  const memory = new WebAssembly.Memory({
    initial: Math.ceil((2 ** 21 + workBytes + tableBytes) / PAGE_BYTES),
  });
  const { instance } = await WebAssembly.instantiate(tm.code.slice(), { env: { memory } });
  const curve = moduleOf(instance, group);
  const bytes = new Uint8Array(memory.buffer);
  // The module keeps its first free address at address 0 and takes scratch space from there.
  const allocate = allocator(memory);
  const table = allocate(tableBytes);
  const jacobians = allocate(CHUNK_POINTS * jacobianBytes);
  const affines = allocate(CHUNK_POINTS * affineBytes);

  fillTable();
  return (scalars) => {
    const points = new Uint8Array(scalars.length * affineBytes);
    for (let from = 0; from < scalars.length; from += CHUNK_POINTS) {
      const chunk = scalars.slice(from, from + CHUNK_POINTS);
      for (const [at, scalar] of chunk.entries()) multiply(scalar, jacobians + at * jacobianBytes);
      curve.batchToAffine(jacobians, chunk.length, affines);
      points.set(bytes.subarray(affines, affines + chunk.length * affineBytes), from * affineBytes);
    }
    return points;
  };

  function multiply(scalar: bigint, sum: number): void {
    curve.zero(sum);
    const digits = digitsOf(scalar, digitBytes);
    for (let place = 0; place < places; place++) {
      const digit = digits[place] ?? 0;
      if (digit > 0) curve.addMixed(sum, table + (place * digitValues + digit) * affineBytes, sum);
    }
  }

  function fillTable(): void {
    const generator = group === "g1" ? tm.pG1gen : tm.pG2gen;
    let base = generator;
    for (let place = 0; place < places; place++) {
      const row = table + place * digitValues * affineBytes;
      bytes.copyWithin(row + affineBytes, base, base + affineBytes);
      curve.zero(jacobians);
      for (let from = 1; from <= digitValues; from += TABLE_CHUNK_POINTS) {
        const count = Math.min(TABLE_CHUNK_POINTS, digitValues + 1 - from);
        for (let at = 0; at < count; at++) {
          const sum = jacobians + at * jacobianBytes;
          const previous = at === 0 ? jacobians + TABLE_CHUNK_POINTS * jacobianBytes : sum - jacobianBytes;
          if (from === 1 && at === 0) curve.zero(previous);
          curve.addMixed(previous, row + affineBytes, sum);
        }
        const last = jacobians + (count - 1) * jacobianBytes;
        bytes.copyWithin(jacobians + TABLE_CHUNK_POINTS * jacobianBytes, last, last + jacobianBytes);
        curve.batchToAffine(jacobians, count, affines);
        // The last multiple of a row is the first of the next one.
        const kept = from + count > digitValues ? count - 1 : count;
        bytes.copyWithin(row + from * affineBytes, affines, affines + kept * affineBytes);
        base = affines + (count - 1) * affineBytes;
      }
    }
  }
}

function moduleOf(instance: WebAssembly.Instance, group: "g1" | "g2"): CurveModule {
  const named = (name: string) => instance.exports[`${group}m_${name}`] as never;
  return { addMixed: named("addMixed"), batchToAffine: named("batchToAffine"), zero: named("zero") };
}

function allocator(memory: WebAssembly.Memory): (length: number) => number {
  const free = new Uint32Array(memory.buffer, 0, 1);
  return (length) => {
    const start = Math.ceil((free[0] ?? 0) / 8) * 8;
    free[0] = start + length;
    return start;
  };
}

function digitsOf(scalar: bigint, digitBytes: number): Uint8Array | Uint16Array {
  const words = new BigUint64Array(SCALAR_BYTES / 8);
  for (let at = 0, rest = scalar; at < words.length; at++, rest >>= 64n)
    words[at] = rest & 0xffffffffffffffffn;
  return digitBytes === 1 ? new Uint8Array(words.buffer) : new Uint16Array(words.buffer);
}
