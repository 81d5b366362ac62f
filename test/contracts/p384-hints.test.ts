// SPDX-License-Identifier: MIT
import { randomBytes } from "node:crypto";
import type { Hex } from "@meantime/sdk/hex";
import {
  type AffinePoint,
  encodeP384Hints,
  encodeP384Signed,
  type P384Relation,
  type P384Signature,
  p384Call,
} from "@meantime/sdk/p384-hints";
import { expect } from "chai";
import { concat, dataLength, dataSlice, getBytes, hexlify, toBeHex } from "ethers";
import hre from "hardhat";
import type { HintProbe, P384 } from "../../types/ethers-contracts/index.ts";
import { errorNameOf } from "./errors.ts";
import {
  bigintOf,
  bytesOf,
  FIELD_ORDER,
  isValidByNoble,
  type KnownSignature,
  mod,
  multipleOfBase,
  ORDER,
  randomScalar,
  signWith,
} from "./p384-signatures.ts";

const HEADER_BYTES = 50;
const TABLE_BYTES = 2 * 8 * 48;
const SLOPE_BYTES = 48;
const STEP_BYTES = 3;
const MUTATIONS_PER_CALL = 40;
const ADDS = 0x40;
const ENDS = 0x20;
const OF_BUILT = 0x01;

// A block large enough for many verifications in one call, and no cap: nothing here is a transaction.
const connection = await hre.network.create({
  override: { blockGasLimit: 1_000_000_000n, transactionGasCap: false },
});
const { ethers, networkHelpers } = connection;
const { loadFixture } = networkHelpers;

interface Mutation {
  offset: number;
  mask: string;
}

describe("Hints for P-384 signatures", function () {
  this.timeout(900_000);

  it("never prove a wrong statement with a bit changed anywhere in them", async () => {
    const world = await loadFixture(deployProbe);
    const right = signWith();
    const { hints } = p384Call(right);
    let tried = 0;
    for (const wrong of wrongStatements(right)) {
      const mutations = Array.from({ length: 200 }, () => randomBit(dataLength(hints)));
      expect(await accepted(world, wrong, hints, mutations)).to.deep.equal([]);
      tried += mutations.length;
    }
    expect(tried).to.be.at.least(1000);
  });

  it("prove nothing with any one slope wrong, also for the right statement", async () => {
    const world = await loadFixture(deployProbe);
    const right = signWith();
    const { hints } = p384Call(right);
    const mutations = [...slopeOffsets(hints)].map((offset, index) =>
      index % 2 === 0
        ? { offset: offset + Math.floor(Math.random() * SLOPE_BYTES), mask: maskOf(1 << (index % 8)) }
        : { offset: offset + 16, mask: hexlify(randomBytes(32)) },
    );
    expect(mutations.length).to.be.at.least(250);
    expect(await accepted(world, right, hints, mutations)).to.deep.equal([]);
  });

  it("prove nothing with any one step's doublings, sign, table or entry wrong", async () => {
    const world = await loadFixture(deployProbe);
    const right = signWith();
    const { hints } = p384Call(right);
    const [first, ...steps] = stepOffsets(hints);
    const mutations = [
      ...[0, 1].map((offset) => ({ offset, mask: maskOf(1) })),
      ...[0x80, 0x01].map((bit) => ({ offset: (first ?? 0) + 1, mask: maskOf(bit) })),
      ...steps.flatMap((offset) => [
        { offset, mask: maskOf(1) },
        ...[0x80, ADDS | ENDS, OF_BUILT].map((bit) => ({ offset: offset + 1, mask: maskOf(bit) })),
        { offset: offset + 2, mask: maskOf(0x01) },
      ]),
    ];
    expect(mutations.length).to.be.at.least(450);
    expect(await accepted(world, right, hints, mutations)).to.deep.equal([]);
  });

  it("prove nothing where two slopes are swapped, cut off, or followed by a byte", async () => {
    const world = await loadFixture(deployProbe);
    const right = signWith();
    const { hints } = p384Call(right);
    const offsets = [...slopeOffsets(hints)];
    for (let run = 0; run < 20; run++) {
      const [left, other] = [pickFrom(offsets), pickFrom(offsets)].sort((a, b) => a - b) as [number, number];
      if (left === other) continue;
      const swapped = concat([
        dataSlice(hints, 0, left),
        dataSlice(hints, other, other + SLOPE_BYTES),
        dataSlice(hints, left + SLOPE_BYTES, other),
        dataSlice(hints, left, left + SLOPE_BYTES),
        dataSlice(hints, other + SLOPE_BYTES),
      ]);
      expect(await outcome(world, right, swapped)).to.equal("BadHint");
    }
    expect(await outcome(world, right, "0x")).to.equal("BadHint");
    expect(await outcome(world, right, concat([hints, "0x00"]))).to.equal("BadHint");
    for (const length of [
      1,
      50,
      HEADER_BYTES + TABLE_BYTES,
      dataLength(hints) - STEP_BYTES,
      dataLength(hints) - 1,
    ]) {
      expect(await outcome(world, right, dataSlice(hints, 0, length))).to.be.oneOf([
        "BadHint",
        "BadSignature",
      ]);
    }
  });

  it("prove nothing by a true sum in which R has no part", async () => {
    const world = await loadFixture(deployProbe);
    const forged = forge();
    // a G + d Q = 0 holds for d = 1, a = -secret, whatever R is.
    const relation = { a: ORDER - forged.secret, d: 1n, c: 0n };
    expect(await outcome(world, forged, hintsOf(relation, forged, someNonce(forged)))).to.equal("BadHint");
    // Nor by one in which it has n parts, or none but takes n doublings.
    const many = { a: ORDER - forged.secret, d: 1n, c: ORDER };
    expect(await outcome(world, forged, hintsOf(many, forged, someNonce(forged)))).to.equal("BadHint");
  });

  it("prove nothing by a true sum for another digest, r, s or key", async () => {
    const world = await loadFixture(deployProbe);
    for (let run = 0; run < 10; run++) {
      const forged = forge();
      const secretNonce = forged.nonce;
      for (const [d, c] of [
        [1n, 1n],
        [5n, -3n],
        [randomBits(190), randomBits(190) | 1n],
      ] as [bigint, bigint][]) {
        // a G + d Q + c R = 0, true because the forger knows both secrets.
        const relation = { a: mod(-d * forged.secret - c * secretNonce, ORDER), d, c };
        const hints = hintsOf(relation, forged, multipleOfBase(secretNonce));
        expect(await outcome(world, forged, hints)).to.equal("BadSignature");
      }
    }
  });

  it("prove nothing with a point R that is off the curve or whose x is not r", async () => {
    const world = await loadFixture(deployProbe);
    const right = signWith();
    const { hints } = p384Call(right);
    const y = bigintOf(getBytes(dataSlice(hints, 2, HEADER_BYTES)));
    for (const wrong of [0n, y ^ 1n, FIELD_ORDER - y, (1n << 384n) - 1n]) {
      const changed = concat([dataSlice(hints, 0, 2), bytesOf(wrong), dataSlice(hints, HEADER_BYTES)]);
      expect(await outcome(world, right, changed)).to.equal("BadHint");
    }
  });

  it("walk no slope between points with one x", async () => {
    const world = await loadFixture(deployProbe);
    const right = signWith({ secret: 1n });
    const prefix = dataSlice(p384Call(right).hints, 0, HEADER_BYTES + TABLE_BYTES);
    const anySlope = bytesOf(randomScalar());
    // Key Q = G: the first entry of its table and of G's are one point, and minus it the other with this x.
    for (const kind of [ADDS, ADDS | 0x80, 0x00, 0x80]) {
      for (const entry of [0x00, OF_BUILT]) {
        const chain = concat([
          Uint8Array.of(0, OF_BUILT, 0),
          Uint8Array.of(0, kind | entry, 0),
          anySlope,
          anySlope,
          Uint8Array.of(0, ENDS, 0),
        ]);
        const hints = concat([dataSlice(prefix, 0, 1), Uint8Array.of(1), dataSlice(prefix, 2), chain]);
        expect(await outcome(world, right, hints)).to.equal("BadHint");
      }
    }
  });

  it("take no more than 200 doublings", async () => {
    const world = await loadFixture(deployProbe);
    const right = signWith();
    const { hints } = p384Call(right);
    for (const doublings of [201, 255]) {
      const longer = concat([dataSlice(hints, 0, 1), Uint8Array.of(doublings), dataSlice(hints, 2)]);
      expect(await outcome(world, right, longer)).to.equal("BadHint");
    }
  });
});

interface Probe {
  verifier: P384;
  probe: HintProbe;
}

async function deployProbe(): Promise<Probe> {
  return { verifier: await ethers.deployContract("P384"), probe: await ethers.deployContract("HintProbe") };
}

/** Indices of the mutations of the hints with which the verifier accepts the statement. */
async function accepted(world: Probe, statement: P384Signature, hints: string, mutations: Mutation[]) {
  const data = world.verifier.interface.encodeFunctionData("verify", [encodeP384Signed(statement), hints]);
  const start = (data.indexOf(hints.slice(2)) - 2) / 2;
  const found: number[] = [];
  for (let at = 0; at < mutations.length; at += MUTATIONS_PER_CALL) {
    const some = mutations.slice(at, at + MUTATIONS_PER_CALL);
    const indices: bigint[] = await world.probe.accepted(
      await world.verifier.getAddress(),
      data,
      some.map(({ offset, mask }) => ({ offset: start + offset, mask })),
      { gasLimit: 900_000_000n },
    );
    found.push(...indices.map((index) => at + Number(index)));
  }
  return found;
}

async function outcome(
  { verifier }: Probe,
  statement: P384Signature,
  hints: string,
): Promise<string | undefined> {
  return verifier.verify.staticCall(encodeP384Signed(statement), hints).then(
    () => "accepted",
    (thrown: unknown) => errorNameOf(thrown),
  );
}

/** A statement that is false, by somebody who knows the key's and the nonce's secrets but signs another digest. */
function forge(): KnownSignature & { nonce: bigint } {
  const nonce = randomScalar();
  const forged = { ...signWith({ nonce }), digest: new Uint8Array(randomBytes(48)), nonce };
  expect(isValidByNoble(forged)).to.equal(false);
  return forged;
}

function hintsOf(relation: P384Relation, statement: P384Signature, nonce: AffinePoint): Hex {
  const hints = encodeP384Hints(relation, statement.publicKey, nonce, nonce.x !== statement.r);
  if (hints === undefined) throw new Error("the chain meets equal points");
  return hints;
}

function someNonce({ nonce }: { nonce: bigint }): AffinePoint {
  return multipleOfBase(nonce);
}

function wrongStatements(right: P384Signature): P384Signature[] {
  const { x, y } = right.publicKey;
  return [
    { ...right, digest: new Uint8Array(randomBytes(48)) },
    { ...right, r: randomScalar() },
    { ...right, s: randomScalar() },
    { ...right, publicKey: { x, y: FIELD_ORDER - y } },
    { ...right, publicKey: multipleOfBase(randomScalar()) },
  ];
}

/** Where the hints' steps begin, the first entry among them. */
function* stepOffsets(hints: Hex): Generator<number> {
  const bytes = getBytes(hints);
  let at = HEADER_BYTES + TABLE_BYTES;
  yield at;
  at += STEP_BYTES;
  while (at < bytes.length) {
    yield at;
    const [doublings = 0, kind = 0] = bytes.subarray(at);
    const additions = kind & ENDS ? 0 : kind & ADDS ? 1 : 2;
    at += STEP_BYTES + SLOPE_BYTES * (doublings + additions);
  }
}

function* slopeOffsets(hints: Hex): Generator<number> {
  for (let at = HEADER_BYTES; at < HEADER_BYTES + TABLE_BYTES; at += SLOPE_BYTES) yield at;
  const steps = [...stepOffsets(hints)].slice(1);
  for (const [index, step] of steps.entries()) {
    const end = steps[index + 1] ?? dataLength(hints);
    for (let at = step + STEP_BYTES; at < end; at += SLOPE_BYTES) yield at;
  }
}

function randomBit(length: number): Mutation {
  return { offset: Math.floor(Math.random() * length), mask: maskOf(1 << Math.floor(Math.random() * 8)) };
}

/** A mask for the first byte of a word. */
function maskOf(byte: number): string {
  return toBeHex(BigInt(byte) << 248n, 32);
}

function pickFrom(numbers: number[]): number {
  return numbers[Math.floor(Math.random() * numbers.length)] ?? 0;
}

function randomBits(bits: number): bigint {
  return bigintOf(randomBytes(32)) % (1n << BigInt(bits));
}
