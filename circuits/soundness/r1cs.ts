// SPDX-License-Identifier: GPL-3.0-or-later
import { MeantimeError } from "@meantime/sdk/errors";
import { modulo } from "./field.ts";

/**
 * A linear form: sum of coefficient times wire. Wires ascend, no coefficient is zero; wire 0 is the
 * constant one.
 */
export interface LinearForm {
  wires: readonly number[];
  coefficients: readonly bigint[];
}

/** a * b = c. */
export interface Constraint {
  a: LinearForm;
  b: LinearForm;
  c: LinearForm;
}

/**
 * A rank-1 constraint system. Wires: 0 is one, then the outputs, the public inputs, the private inputs, the
 * rest.
 */
export interface R1cs {
  prime: bigint;
  wireCount: number;
  outputCount: number;
  publicInputCount: number;
  privateInputCount: number;
  constraints: readonly Constraint[];
}

/**
 * Reads the binary format of circom (iden3's "r1cs", version 1): a header section and a section of constraints.
 * @throws MeantimeError `MT-CIR-101` when the bytes are something else
 */
export function readR1cs(bytes: Uint8Array): R1cs {
  const sections = readSections(bytes, "r1cs", 1);
  const header = new Reader(sections.get(1));
  const fieldBytes = header.u32();
  const prime = header.integer(fieldBytes);
  const [wireCount, outputCount, publicInputCount, privateInputCount] = [
    header.u32(),
    header.u32(),
    header.u32(),
    header.u32(),
  ];
  header.skip(8);
  const constraintCount = header.u32();
  const body = new Reader(sections.get(2));
  const coefficients = new CoefficientTable(fieldBytes, prime);
  const form = () => readForm(body, coefficients, wireCount, prime);
  const constraints = Array.from({ length: constraintCount }, () => ({ a: form(), b: form(), c: form() }));
  return { prime, wireCount, outputCount, publicInputCount, privateInputCount, constraints };
}

/** Wires of the inputs, public before private. */
export function inputWires({ outputCount, publicInputCount, privateInputCount }: R1cs): number[] {
  return Array.from({ length: publicInputCount + privateInputCount }, (_, at) => 1 + outputCount + at);
}

/** The value of a form, not reduced. */
export function evaluate({ wires, coefficients }: LinearForm, witness: readonly bigint[]): bigint {
  let sum = 0n;
  for (let at = 0; at < wires.length; at++) {
    sum += (coefficients[at] as bigint) * (witness[wires[at] as number] as bigint);
  }
  return sum;
}

export function holds({ a, b, c }: Constraint, witness: readonly bigint[], prime: bigint): boolean {
  return (evaluate(a, witness) * evaluate(b, witness) - evaluate(c, witness)) % prime === 0n;
}

/** For every wire the indices of the constraints it occurs in, ascending. */
export function constraintsOfWires({ wireCount, constraints }: R1cs): number[][] {
  const touching = Array.from({ length: wireCount }, (): number[] => []);
  for (const [index, { a, b, c }] of constraints.entries()) {
    for (const wire of new Set([...a.wires, ...b.wires, ...c.wires])) touching[wire]?.push(index);
  }
  return touching;
}

/** A form from terms in any order: like wires are added, zeros dropped. */
export function linearForm(
  terms: Iterable<readonly [wire: number, coefficient: bigint]>,
  prime: bigint,
): LinearForm {
  const sums = new Map<number, bigint>();
  for (const [wire, coefficient] of terms) {
    sums.set(wire, modulo((sums.get(wire) ?? 0n) + coefficient, prime));
  }
  const kept = [...sums].filter(([, coefficient]) => coefficient !== 0n).sort(([x], [y]) => x - y);
  return { wires: kept.map(([wire]) => wire), coefficients: kept.map(([, coefficient]) => coefficient) };
}

/** The sections of one of iden3's binary files by their number. */
export function readSections(bytes: Uint8Array, magic: string, version: number): Map<number, Uint8Array> {
  const reader = new Reader(bytes);
  if (reader.text(4) !== magic || reader.u32() !== version)
    throw malformed(`this is no ${magic} file of version ${version}`);
  const sections = new Map<number, Uint8Array>();
  for (let left = reader.u32(); left > 0; left--) {
    const kind = reader.u32();
    sections.set(kind, reader.bytes(reader.u64()));
  }
  return sections;
}

/** Little-endian reader that refuses to read past the end. */
export class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array | undefined) {
    if (!bytes) throw malformed("a section is missing");
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  u64(): number {
    return Number(this.#view.getBigUint64(this.#advance(8), true));
  }

  bytes(length: number): Uint8Array {
    const from = this.#advance(length);
    return this.#bytes.subarray(from, from + length);
  }

  text(length: number): string {
    return String.fromCharCode(...this.bytes(length));
  }

  integer(length: number): bigint {
    return littleEndian(this.bytes(length));
  }

  skip(length: number): void {
    this.#advance(length);
  }

  #advance(length: number): number {
    const from = this.#at;
    if (from + length > this.#bytes.length) throw malformed("the file ends too early");
    this.#at += length;
    return from;
  }
}

/** Few coefficients are different, many are written: each is decoded once. */
class CoefficientTable {
  readonly #known = new Map<string, bigint>();
  readonly #length: number;
  readonly #prime: bigint;

  constructor(length: number, prime: bigint) {
    this.#length = length;
    this.#prime = prime;
  }

  next(reader: Reader): bigint {
    const bytes = reader.bytes(this.#length);
    const key = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const value = littleEndian(bytes);
    if (value >= this.#prime) throw malformed("a coefficient is not below the prime");
    this.#known.set(key, value);
    return value;
  }
}

function readForm(body: Reader, table: CoefficientTable, wireCount: number, prime: bigint): LinearForm {
  const wires: number[] = [];
  const coefficients: bigint[] = [];
  let ascending = true;
  for (let left = body.u32(); left > 0; left--) {
    const wire = body.u32();
    const coefficient = table.next(body);
    if (wire >= wireCount) throw malformed(`there is no wire ${wire}`);
    if (coefficient === 0n || wire <= (wires.at(-1) ?? -1)) ascending = false;
    wires.push(wire);
    coefficients.push(coefficient);
  }
  if (ascending) return { wires, coefficients };
  return linearForm(
    wires.map((wire, at) => [wire, coefficients[at] ?? 0n]),
    prime,
  );
}

function littleEndian(bytes: Uint8Array): bigint {
  const hex = Buffer.from(bytes).reverse().toString("hex");
  return BigInt(`0x${hex || "0"}`);
}

function malformed(message: string): MeantimeError {
  return new MeantimeError("MT-CIR-101", `cannot read the file: ${message}`, {
    hint: "Give a file that circom or snarkjs has written.",
  });
}
