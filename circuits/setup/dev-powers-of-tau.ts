// SPDX-License-Identifier: GPL-3.0-or-later
import { type Group, getCurveFromName } from "ffjavascript";

// INSECURE BY DESIGN. Whoever reads these numbers can forge a proof of anything under keys made from them: they exist so
// that a clone builds its local keys in seconds, the same bytes everywhere. Never use such keys where money is at stake.
const TAU = 123456789012345678901234567890n;
const ALPHA = 987654321098765432109876543210n;
const BETA = 555555555555555555555555555555n;

const R = 21888242871839275222246405745257275088548364400416034343698204186575808495617n;
const Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583n;
const GENERATOR_OF_FR = 5n;
const G1_BYTES = 64;
const G2_BYTES = 128;
const SCALAR_BYTES = 32;
const DIGIT_VALUES = 256;

/**
 * A prepared powers-of-tau file for circuits of up to 2^power rows, from a KNOWN trapdoor. Deterministic.
 *
 * Holds only what `snarkjs groth16 setup` reads: header (1), tau (2, unused and zero), alpha, beta in G1 and beta in G2
 * (4, 5, 6), and the Lagrange bases (12 to 15). Format: iden3's binary file format, as in snarkjs `powersoftau_utils.js`.
 */
export async function devPowersOfTau(power: number): Promise<Uint8Array> {
  const curve = await getCurveFromName("bn128", true);
  const n = 2 ** power;
  const lagrange = lagrangeAtTau(n);
  const oddOfDouble = lagrangeAtTau(2 * n).filter((_, row) => row % 2 === 1);

  const tauG1 = new Uint8Array((4 * n - 1) * G1_BYTES);
  tauG1.set(await multiples(curve.G1, lagrange), (n - 1) * G1_BYTES);
  const odd = await multiples(curve.G1, oddOfDouble);
  for (let row = 0; row < n; row++) {
    const point = odd.subarray(row * G1_BYTES, (row + 1) * G1_BYTES);
    tauG1.set(point, (2 * n - 1 + 2 * row + 1) * G1_BYTES);
  }
  const atLevel = async (group: Group, bytes: number, scalars: bigint[]) => {
    const section = new Uint8Array((2 * n - 1) * bytes);
    section.set(await multiples(group, scalars), (n - 1) * bytes);
    return section;
  };
  const times = (factor: bigint) => lagrange.map((value) => (value * factor) % R);
  return binaryFile("ptau", [
    [1, header(power)],
    [2, new Uint8Array((2 * n - 1) * G1_BYTES)],
    [4, await multiples(curve.G1, [ALPHA])],
    [5, await multiples(curve.G1, [BETA])],
    [6, await multiples(curve.G2, [BETA])],
    [12, tauG1],
    [13, await atLevel(curve.G2, G2_BYTES, lagrange)],
    [14, await atLevel(curve.G1, G1_BYTES, times(ALPHA))],
    [15, await atLevel(curve.G1, G1_BYTES, times(BETA))],
  ]);
}

/** L_i(tau) for the n-th roots of unity w^i: (tau^n - 1) / n * w^i / (tau - w^i), with one inversion for all. */
function lagrangeAtTau(n: number): bigint[] {
  const root = powerOf(GENERATOR_OF_FR, (R - 1n) / BigInt(n));
  const roots: bigint[] = [];
  const gaps: bigint[] = [];
  const products = [1n];
  for (let i = 0, value = 1n; i < n; i++, value = (value * root) % R) {
    const gap = mod(TAU - value);
    roots.push(value);
    gaps.push(gap);
    products.push(((products[i] ?? 0n) * gap) % R);
  }
  const vanishing = (mod(powerOf(TAU, BigInt(n)) - 1n) * inverse(BigInt(n))) % R;
  const values = new Array<bigint>(n);
  let rest = inverse(products[n] ?? 0n);
  for (let i = n - 1; i >= 0; i--) {
    const inverseGap = (rest * (products[i] ?? 0n)) % R;
    values[i] = (((vanishing * (roots[i] ?? 0n)) % R) * inverseGap) % R;
    rest = (rest * (gaps[i] ?? 0n)) % R;
  }
  return values;
}

// Affine points, one after the other, in the Montgomery form that snarkjs stores. Every scalar multiplies the same
// generator, so its multiples by digit * 256^place are tabled once and a product is at most 32 additions.
function multiples(group: Group, scalars: readonly bigint[]): Promise<Uint8Array> {
  const table = scalars.length < DIGIT_VALUES ? undefined : generatorTable(group);
  const jacobianBytes = 3 * group.F.n8;
  const points = new Uint8Array(scalars.length * jacobianBytes);
  for (const [at, scalar] of scalars.entries()) {
    const digits = littleEndian(scalar, SCALAR_BYTES);
    const point = table ? sumOfDigits(group, table, digits) : group.timesScalar(group.g, scalar);
    points.set(group.toJacobian(point), at * jacobianBytes);
  }
  return group.batchToAffine(points);
}

function sumOfDigits(group: Group, table: Uint8Array[][], digits: Uint8Array): Uint8Array {
  let sum = group.zero;
  for (const [place, digit] of digits.entries()) sum = group.add(sum, table[place]?.[digit] ?? group.zero);
  return sum;
}

function generatorTable(group: Group): Uint8Array[][] {
  const table: Uint8Array[][] = [];
  let base = group.g;
  for (let place = 0; place < SCALAR_BYTES; place++) {
    const row = [group.zero];
    let multiple = group.zero;
    for (let digit = 1; digit < DIGIT_VALUES; digit++) {
      multiple = group.add(multiple, base);
      row.push(multiple);
    }
    table.push(row);
    base = group.add(multiple, base);
  }
  return table;
}

function header(power: number): Uint8Array {
  return concat([uint32(32), littleEndian(Q, 32), uint32(power), uint32(power)]);
}

function binaryFile(type: string, sections: [number, Uint8Array][]): Uint8Array {
  const parts = [new TextEncoder().encode(type), uint32(1), uint32(sections.length)];
  for (const [number, bytes] of sections)
    parts.push(uint32(number), littleEndian(BigInt(bytes.length), 8), bytes);
  return concat(parts);
}

function concat(parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

function uint32(value: number): Uint8Array {
  return littleEndian(BigInt(value), 4);
}

function littleEndian(value: bigint, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => Number((value >> BigInt(8 * at)) & 0xffn));
}

function powerOf(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let square = base % R, rest = exponent; rest > 0n; rest >>= 1n, square = (square * square) % R) {
    if (rest & 1n) result = (result * square) % R;
  }
  return result;
}

function inverse(value: bigint): bigint {
  return powerOf(value, R - 2n);
}

function mod(value: bigint): bigint {
  return ((value % R) + R) % R;
}
