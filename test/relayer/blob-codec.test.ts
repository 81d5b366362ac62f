// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import { deflateRawSync } from "node:zlib";
import type { BatchHeader } from "@meantime/sdk/batch";
import { bytesToHex, type Hex, ZERO_HASH } from "@meantime/sdk/hex";
import fc from "fast-check";
import {
  boundOf,
  decodeBatch,
  encodeBatch,
  type PublishedClaim,
} from "../../relayer/src/availability/batch-codec.ts";
import { BLOB_BYTES, packBlobs, roomIn, unpackBlobs } from "../../relayer/src/availability/blob-packing.ts";
import { readVarint, varint } from "../../relayer/src/availability/byte-reader.ts";
import { decodeSidecar, encodeSidecar, versionedHash } from "../../relayer/src/availability/sidecar.ts";

const hex = (bytes: number) =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((value) => bytesToHex(value) as Hex);
const bytes = (most: number) => fc.uint8Array({ maxLength: most });
const time = fc.bigInt({ min: 0n, max: 1n << 40n });

const batch = fc
  .record({
    operator: hex(20),
    policyId: hex(32),
    modelId: fc.option(hex(32), { nil: ZERO_HASH }),
    isPublic: fc.boolean(),
    oldestServedAt: time,
    claims: fc.array(
      fc.record({
        modelId: hex(32),
        requester: hex(20),
        hashes: fc.tuple(hex(32), hex(32), hex(32)),
        later: time,
        horizon: time,
        signature: hex(65),
        opening: fc.record(
          { input: bytes(300), salt: hex(32), output: bytes(40) },
          { noNullPrototype: true },
        ),
      }),
      { minLength: 1, maxLength: 20 },
    ),
  })
  .map(({ claims, isPublic, ...common }) => {
    const header: BatchHeader = {
      ...common,
      ...{ root: ZERO_HASH, dataRoot: ZERO_HASH, count: claims.length, nonce: 0n },
    };
    const published = claims.map((one): PublishedClaim => {
      const [requestId, inputHash, outputHash] = one.hashes;
      const servedAt = common.oldestServedAt + one.later;
      return {
        claim: {
          ...{ operator: common.operator, policyId: common.policyId, requester: one.requester },
          modelId: common.modelId === ZERO_HASH ? one.modelId : common.modelId,
          ...{ requestId, inputHash, outputHash, servedAt, commitBy: servedAt + one.horizon },
        },
        signature: one.signature,
        opening: isPublic ? one.opening : undefined,
      };
    });
    return { header, published };
  });

describe("a batch as bytes", () => {
  it("is what it was, within its bound", async () => {
    await fc.assert(
      fc.asyncProperty(batch, async ({ header, published }) => {
        const encoded = await encodeBatch(header, published);
        assert.deepEqual(await decodeBatch(header, encoded), published);
        const bound = published.reduce((sum, each) => sum + boundOf(each), 2);
        assert.ok(encoded.length <= bound, `${encoded.length} of ${bound}`);
      }),
      { numRuns: 200 },
    );
  });

  it("is refused when it was changed, cut or belongs to another count, and never read as more", async () => {
    const refusals = new Set<string>();
    const place = fc.oneof(fc.nat({ max: 1 }), fc.nat());
    const tamper = fc.tuple(batch, place, fc.integer({ min: 1, max: 255 }), fc.nat());
    await fc.assert(
      fc.asyncProperty(tamper, async ([{ header, published }, at, flip, cut]) => {
        const encoded = await encodeBatch(header, published);
        const changed = Uint8Array.from(encoded);
        changed[at % changed.length] = (changed[at % changed.length] ?? 0) ^ flip;
        const refused = (error: unknown) => {
          assert.ok(error instanceof RangeError, String(error));
          refusals.add(error.message.replace(/\d+/g, "N"));
          return undefined;
        };
        for (const bytes of [changed, encoded.subarray(0, cut % encoded.length)]) {
          const claims = await decodeBatch(header, bytes).catch(refused);
          // What no longer is the batch may still be readable: then it has another root.
          if (claims) assert.notDeepEqual(claims, published);
          if (claims) assert.equal(claims.length, published.length);
        }
        for (const count of [header.count + 1, header.count - 1]) {
          assert.equal(await decodeBatch({ ...header, count }, encoded).catch(refused), undefined);
        }
      }),
      { numRuns: 200 },
    );
    for (const reason of [
      "version N, not N",
      "unknown flags N",
      "it ends N bytes early",
      "N bytes too many",
    ]) {
      assert.ok(refusals.has(reason), `${reason} was met`);
    }
  });

  it("does not unpack more than so many claims may take", async () => {
    const header = { ...anyHeader(), count: 1 };
    const bomb = Buffer.concat([Uint8Array.of(1, 3), deflateRawSync(Buffer.alloc(64 * 1024 * 1024))]);
    await assert.rejects(decodeBatch(header, bomb), /cannot be inflated/);
  });

  it("refuses to write what a reader could not put under the header", async () => {
    const [sample] = fc.sample(batch, 1);
    assert.ok(sample);
    const { header, published } = sample;
    const foreign = published.map((each, at) =>
      at === 0 ? { ...each, claim: { ...each.claim, policyId: bytesToHex(randomBytes(32)) } } : each,
    );
    await assert.rejects(encodeBatch(header, foreign), /does not belong/);
    await assert.rejects(encodeBatch({ ...header, oldestServedAt: 1n << 62n }, published), /does not belong/);
  });

  it("writes every number in one way only", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), (value) => {
        assert.equal(readVarint({ bytes: varint(value), at: 0 }), value);
      }),
    );
    for (const long of [[0x80, 0x00], [0xff, 0x00], Array.from({ length: 11 }, () => 0x80), [0x80]]) {
      assert.throws(() => readVarint({ bytes: Uint8Array.from(long), at: 0 }), RangeError);
    }
    const beyond = [...Array.from({ length: 9 }, () => 0xff), 0x02];
    assert.throws(() => readVarint({ bytes: Uint8Array.from(beyond), at: 0 }), RangeError);
  });
});

describe("bytes in blobs", () => {
  it("are what they were, in as few blobs as hold them, in elements under the order of the curve", () => {
    for (const length of [0, 1, 30, 31, roomIn(1) - 1, roomIn(1), roomIn(1) + 1, roomIn(6)]) {
      const packed = new Uint8Array(randomBytes(length));
      const blobs = packBlobs(packed);
      assert.equal(blobs.length, Math.max(1, Math.ceil((length + 4) / (4_096 * 31))), `${length} bytes`);
      assert.ok(
        blobs.every((blob) => blob.length === BLOB_BYTES && blob.every((byte, at) => at % 32 || !byte)),
      );
      assert.deepEqual(Uint8Array.from(unpackBlobs(blobs)), packed);
    }
    assert.equal(roomIn(6), 6 * 126_976 - 4);
  });

  it("are refused where they cannot be those that were packed", () => {
    const blobs = packBlobs(new Uint8Array(randomBytes(roomIn(1) + 1)));
    const [first = new Uint8Array(), second = new Uint8Array()] = blobs;
    const changed = (blob: Uint8Array, at: number) => blob.with(at, (blob[at] ?? 0) ^ 1);
    assert.throws(() => unpackBlobs([]), /no blobs/);
    assert.throws(() => unpackBlobs([first]), /the length needs 2/);
    assert.throws(() => unpackBlobs([first, second, second]), /the length needs 2/);
    assert.throws(() => unpackBlobs([first, second.subarray(1)]), /bytes, not 131072/);
    assert.throws(() => unpackBlobs([changed(first, 64), second]), /element 2 of blob 0 is too large/);
    assert.throws(() => unpackBlobs([first, changed(second, BLOB_BYTES - 1)]), /padding/);
  });
});

describe("a sidecar", () => {
  it("is stored whole, and refused when it is not", () => {
    for (const [proofKind, proofBytes] of [
      ["blob", 48],
      ["cell", 6_144],
    ] as const) {
      const blobs = [1, 2].map(() => ({
        blob: new Uint8Array(randomBytes(BLOB_BYTES)),
        commitment: new Uint8Array(randomBytes(48)),
        proofs: new Uint8Array(randomBytes(proofBytes)),
      }));
      const stored = Uint8Array.from(encodeSidecar({ proofKind, blobs }));
      assert.deepEqual(decodeSidecar(stored), { proofKind, blobs });
      assert.throws(() => decodeSidecar(stored.subarray(0, -1)), RangeError);
      assert.throws(() => decodeSidecar(stored.with(0, 7)), RangeError);
    }
  });

  it("names a blob by its commitment", () => {
    const commitment = randomBytes(48);
    const expected = createHash("sha256").update(commitment).digest("hex").slice(2);
    assert.equal(versionedHash(commitment), `0x01${expected}`);
  });
});

function anyHeader(): BatchHeader {
  return {
    ...{ operator: `0x${"0a".repeat(20)}`, policyId: ZERO_HASH, modelId: ZERO_HASH },
    ...{ root: ZERO_HASH, dataRoot: ZERO_HASH, count: 1, oldestServedAt: 0n, nonce: 0n },
  };
}
