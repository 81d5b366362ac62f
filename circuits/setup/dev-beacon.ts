// SPDX-License-Identifier: GPL-3.0-or-later
import { createHash } from "node:crypto";
import { ChaCha } from "ffjavascript";
import * as snarkjs from "snarkjs";
import { bn254 } from "./curve.ts";
import { decodeSections, encodeSections, uint32 } from "./sections.ts";

// Public and constant, so the same bytes everywhere. A beacon is what makes delta differ from gamma: a key straight from
// `groth16 setup` would let anybody forge proofs, and the key registry refuses it.
const BEACON = "6d65616e74696d6520646576656c6f706d656e7420736574757020626561636f6e";
const NAME = "development beacon";
const ITERATIONS_EXPONENT = 10;

const [PROTOCOL, HEADER, L, H, CONTRIBUTIONS] = [1, 2, 8, 9, 10] as const;
const COPIED_SECTIONS = [3, 4, 5, 6, 7] as const;
const NONE = new Uint8Array(0);

/**
 * What the development beacon makes of a key's header and contributions. snarkjs does it, on a key without points: those
 * that the beacon changes (sections 8 and 9) only want the inverse of {@link devDelta}.
 */
export async function applyDevBeacon(
  header: Uint8Array,
  circuitHash: Uint8Array,
): Promise<{ header: Uint8Array; contributions: Uint8Array }> {
  const bare = encodeSections("zkey", [
    [PROTOCOL, uint32(1)],
    [HEADER, header],
    ...COPIED_SECTIONS.map((number): [number, Uint8Array] => [number, NONE]),
    [L, NONE],
    [H, NONE],
    [CONTRIBUTIONS, Buffer.concat([circuitHash, uint32(0)])],
  ]);
  const beaconed: snarkjs.MemoryFile = { type: "mem" };
  await snarkjs.zKey.beacon({ type: "mem", data: bare }, beaconed, NAME, BEACON, ITERATIONS_EXPONENT);
  if (!beaconed.data) throw new Error("snarkjs applied no beacon");
  const section = decodeSections("zkey", beaconed.data);
  return { header: section(HEADER), contributions: section(CONTRIBUTIONS) };
}

/** The secret of the development beacon, which is none: delta is this multiple of the generators. */
export async function devDelta(): Promise<bigint> {
  let hash = Buffer.from(BEACON, "hex");
  for (let round = 0; round < 2 ** ITERATIONS_EXPONENT; round++) {
    hash = createHash("sha256").update(hash).digest();
  }
  const { Fr } = await bn254();
  return Fr.toObject(
    Fr.fromRng(new ChaCha(Array.from({ length: 8 }, (_, word) => hash.readUInt32BE(4 * word)))),
  );
}
