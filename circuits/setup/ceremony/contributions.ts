// SPDX-License-Identifier: GPL-3.0-or-later
import { blake2b } from "@noble/hashes/blake2.js";
import { bn254 } from "../curve.ts";
import { decodeSections } from "../sections.ts";

/** One step of a key's history, as its file tells it. */
export interface Contribution {
  number: number;
  kind: "contribution" | "beacon";
  name: string;
  /** What the contributor publishes, so that everybody finds their step in the final key. */
  hash: string;
  beacon?: { randomness: string; iterationsExponent: number };
}

/** A key's history. */
export interface History {
  /** snarkjs' hash of the key before the first contribution. */
  circuitHash: string;
  contributions: Contribution[];
}

const CONTRIBUTIONS = 10;
const HASH_BYTES = 64;
const G1_BYTES = 64;
const G2_BYTES = 128;
const BEACON = 1;
const [NAME, ITERATIONS, RANDOMNESS] = [1, 2, 3] as const;

/**
 * Reads the history from a zkey. It is what the file says: only `verify` shows that it is true. Layout: `readMPCParams` of
 * snarkjs' `zkey_utils.js`.
 */
export async function readHistory(zkey: Uint8Array): Promise<History> {
  const bytes = decodeSections("zkey", zkey)(CONTRIBUTIONS);
  const contributions: Contribution[] = [];
  const count = bytes.readUInt32LE(HASH_BYTES);
  let at = HASH_BYTES + 4;
  for (let number = 1; number <= count; number++) {
    const publicKeyBytes = 3 * G1_BYTES + G2_BYTES + HASH_BYTES;
    const hash = await hashOf(bytes.subarray(at, at + publicKeyBytes));
    at += publicKeyBytes;
    const kind = bytes.readUInt32LE(at) === BEACON ? "beacon" : "contribution";
    const end = at + 8 + bytes.readUInt32LE(at + 4);
    contributions.push({ number, kind, hash, ...parametersOf(bytes.subarray(at + 8, end), kind) });
    at = end;
  }
  return { circuitHash: hex(bytes.subarray(0, HASH_BYTES)), contributions };
}

// Three points of G1, one of G2 and the transcript: hashed with plain coordinates.
async function hashOf(publicKey: Buffer): Promise<string> {
  const { G1, G2 } = await bn254();
  const g2At = 3 * G1_BYTES;
  return hex(
    blake2b
      .create({ dkLen: HASH_BYTES })
      .update(await G1.batchLEMtoU(publicKey.subarray(0, g2At)))
      .update(await G2.batchLEMtoU(publicKey.subarray(g2At, g2At + G2_BYTES)))
      .update(publicKey.subarray(g2At + G2_BYTES))
      .digest(),
  );
}

function parametersOf(bytes: Buffer, kind: Contribution["kind"]): Pick<Contribution, "name" | "beacon"> {
  let name = "";
  let randomness = "";
  let iterationsExponent = 0;
  for (let at = 0; at < bytes.length; ) {
    const type = bytes[at];
    const value = bytes[at + 1] ?? 0;
    const text = bytes.subarray(at + 2, at + 2 + value);
    if (type === NAME) name = text.toString("utf8");
    else if (type === RANDOMNESS) randomness = hex(text);
    else if (type === ITERATIONS) iterationsExponent = value;
    else throw new RangeError(`a contribution has a parameter of unknown type ${type}`);
    at += type === ITERATIONS ? 2 : 2 + value;
  }
  return { name, ...(kind === "beacon" ? { beacon: { randomness, iterationsExponent } } : {}) };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
