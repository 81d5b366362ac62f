// SPDX-License-Identifier: GPL-3.0-or-later
import * as snarkjs from "snarkjs";
import { circuitHash, type InitialPoints } from "./circuit-hash.ts";
import { applyDevBeacon, devDelta } from "./dev-beacon.ts";
import { generatorMultiples } from "./generator-multiples.ts";
import { domainPower, type R1csHeader, readR1csHeader } from "./r1cs-file.ts";
import { inverse, lagrangeAt, powersOf, Q, R } from "./scalar-field.ts";
import { encodeSections, littleEndian, uint32 } from "./sections.ts";
import { ALPHA, BETA, TAU } from "./trapdoor.ts";
import { wireScalars } from "./wire-scalars.ts";

/** Proving key and verification key of one circuit. */
export interface DevKeys {
  zkey: Uint8Array;
  /** snarkjs' `verification_key.json`. */
  verificationKey: unknown;
}

const GROTH16 = 1;
const FIELD_BYTES = 32;

/**
 * Makes INSECURE development keys for a circuit. Deterministic.
 *
 * The same bytes as `snarkjs zkey new` and `zkey beacon` make of `devPowersOfTau`, in a fraction of the time: since tau,
 * alpha and beta are known (`trapdoor.ts`), the polynomials of each wire are evaluated as numbers, and a point of the key
 * is one product of the generator instead of a sum over all constraints in which the wire occurs.
 */
export async function devKeys(r1cs: Uint8Array): Promise<DevKeys> {
  const circuit = readR1csHeader(r1cs);
  const domain = 2 ** domainPower(circuit);
  const { a, b, joined, coefficients } = wireScalars(r1cs, lagrangeAt(TAU, domain));
  const publicWires = circuit.publicSignals + 1;
  const privately = joined.slice(publicWires);

  const g1 = await generatorMultiples("g1", 4 * circuit.wires + 2 * domain);
  const g2 = await generatorMultiples("g2", circuit.wires);
  const vanishing = powersOf(TAU, domain + 1);
  const atTau = (vanishing[domain] ?? 0n) - 1n;
  const initial: InitialPoints = {
    alphaG1: g1([ALPHA]),
    betaG1: g1([BETA]),
    betaG2: g2([BETA]),
    generatorG1: g1([1n]),
    generatorG2: g2([1n]),
    ic: g1(joined.slice(0, publicWires)),
    a: g1(a),
    b1: g1(b),
    b2: g2(b),
    l: g1(privately),
    vanishing: g1(vanishing.slice(0, domain).map((value) => (value * atTau) % R)),
  };
  const beaconed = await applyDevBeacon(headerOf(circuit, domain, initial), await circuitHash(initial));

  const perDelta = inverse(await devDelta());
  const overDelta = (values: bigint[]) => g1(values.map((value) => (value * perDelta) % R));
  const zkey = encodeSections("zkey", [
    [1, uint32(GROTH16)],
    [2, beaconed.header],
    [3, initial.ic],
    [4, coefficients],
    [5, initial.a],
    [6, initial.b1],
    [7, initial.b2],
    [8, overDelta(privately)],
    [9, overDelta(lagrangeAt(TAU, 2 * domain).filter((_, row) => row % 2 === 1))],
    [10, beaconed.contributions],
  ]);
  return { zkey, verificationKey: await snarkjs.zKey.exportVerificationKey({ type: "mem", data: zkey }) };
}

function headerOf(circuit: R1csHeader, domain: number, points: InitialPoints): Uint8Array {
  return Buffer.concat([
    uint32(FIELD_BYTES),
    littleEndian(Q, FIELD_BYTES),
    uint32(FIELD_BYTES),
    littleEndian(R, FIELD_BYTES),
    uint32(circuit.wires),
    uint32(circuit.publicSignals),
    uint32(domain),
    points.alphaG1,
    points.betaG1,
    points.betaG2,
    points.generatorG2, // gamma
    points.generatorG1, // delta
    points.generatorG2, // delta
  ]);
}
