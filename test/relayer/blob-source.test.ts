// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import type { Worker } from "node:worker_threads";
import { bytesToHex, type Hex } from "@meantime/sdk/hex";
import { archiveFolder } from "../../relayer/src/availability/archive.ts";
import { beaconNode } from "../../relayer/src/availability/beacon.ts";
import { BLOB_BYTES, packBlobs } from "../../relayer/src/availability/blob-packing.ts";
import { type BlobSource, readBlobs } from "../../relayer/src/availability/blob-source.ts";
import { JOB_MILLISECONDS, Kzg } from "../../relayer/src/availability/kzg.ts";
import { versionedHash } from "../../relayer/src/availability/sidecar.ts";
import { RelayerError, TemporaryError } from "../../relayer/src/errors.ts";
import { freshFolder } from "./local-relayer.ts";

const GENESIS_TIME = 1_600_000_000;

describe("blobs from elsewhere", () => {
  const kzg = new Kzg();
  const blobs = [1, 2].flatMap((seed) => packBlobs(Buffer.from(`blob ${seed}`)));
  let hashes: Hex[];

  before(async () => {
    const commitments = await Promise.all(blobs.map((blob) => kzg.commitmentOf(blob)));
    hashes = commitments.map(versionedHash);
  });

  after(() => kzg.close());

  it("are those that the transaction names, in its order, whatever a source adds or mixes up", async () => {
    const stray = packBlobs(Buffer.from("stray"));
    const mixed = source("mixed", [...stray, ...blobs.toReversed()]);
    assert.deepEqual(await read([mixed]), blobs);
    assert.deepEqual(await read([source("one", blobs.slice(0, 1)), source("other", blobs.slice(1))]), blobs);
  });

  it("are refused when a source has none, a changed one, or no blob at all", async () => {
    const [first = new Uint8Array(), second = new Uint8Array()] = blobs;
    const changed = second.with(40, 1);
    const tooLarge = second.with(0, 0xff);
    for (const [offer, expected] of [
      [[], /lacks/],
      [[first, changed], /a lacks 0x01/],
      [[first, tooLarge], /a: the commitment of a blob could not be computed/],
      [[first, second.subarray(32)], /a: the commitment of a blob could not be computed/],
    ] as const) {
      await assert.rejects(read([source("a", offer)]), (error: unknown) => {
        assert.ok(error instanceof TemporaryError && error.code === "MT-DA-001");
        assert.match(error.message, expected);
        return true;
      });
    }
    const failing: BlobSource = { name: "b", blobsAt: () => Promise.reject(new Error("no disk")) };
    assert.deepEqual(await read([failing, source("a", blobs)]), blobs, "another source has them");
  });

  it("are kept in the archive, and read from it without asking anybody; a spoilt file is not used", async () => {
    const folder = await freshFolder();
    let asked = 0;
    const counted: BlobSource = {
      name: "counted",
      async blobsAt() {
        asked += 1;
        return blobs;
      },
    };
    const archive = archiveFolder(join(folder, "blobs"));
    assert.deepEqual(await read([archive, counted]), blobs);
    const files = await readdir(join(folder, "blobs"));
    assert.deepEqual(files.toSorted(), hashes.map((hash) => `${hash}.blob`).toSorted());
    assert.deepEqual((await read([archive, counted])).map(Buffer.from), blobs.map(Buffer.from));
    assert.equal(asked, 1);

    const file = join(folder, "blobs", `${hashes[0]}.blob`);
    await writeFile(file, (await readFile(file)).fill(1, 40, 41));
    await assert.rejects(read([archive]), { code: "MT-DA-001" });
    assert.deepEqual((await read([archive, counted])).map(Buffer.from), blobs.map(Buffer.from));
    assert.equal(asked, 2);
  });

  it("come from a beacon node by slot and hash, of an older one as sidecars, of Anvil by the block's number", async () => {
    const paths: string[] = [];
    const hex = blobs.map((blob) => bytesToHex(blob));
    const genesis = { data: { genesis_time: String(GENESIS_TIME) } };
    const answers: Record<string, unknown> = {
      "/eth/v1/config/spec": { data: { SECONDS_PER_SLOT: "12" } },
      "/eth/v1/beacon/genesis": genesis,
      "/eth/v1/beacon/blobs/8": { data: hex },
    };
    const node = await serve(paths, () => answers);
    try {
      assert.deepEqual(await read([beaconNode(node.url)]), blobs);
      assert.equal(
        paths.at(-1),
        `/eth/v1/beacon/blobs/8?${hashes.map((h) => `versioned_hashes=${h}`).join("&")}`,
      );

      delete answers["/eth/v1/beacon/blobs/8"];
      answers["/eth/v1/beacon/blob_sidecars/8"] = { data: hex.map((blob) => ({ blob, kzg_proof: "0x" })) };
      assert.deepEqual(await read([beaconNode(`${node.url}/`)]), blobs);

      answers["/eth/v1/config/spec"] = { data: { SLOT_DURATION_MS: "50000" } };
      answers["/eth/v1/beacon/blobs/2"] = { data: hex };
      assert.deepEqual(await read([beaconNode(node.url)]), blobs);

      delete answers["/eth/v1/config/spec"];
      answers["/eth/v1/beacon/blobs/77"] = { data: hex };
      assert.deepEqual(await read([beaconNode(node.url)]), blobs);

      answers["/eth/v1/beacon/blobs/77"] = { data: [{}] };
      await assert.rejects(read([beaconNode(node.url)]), { code: "MT-DA-001" });
    } finally {
      await node.close();
    }
    await assert.rejects(read([beaconNode(node.url)]), { code: "MT-DA-001" }, "nobody is there");
  });

  async function read(sources: readonly BlobSource[]): Promise<Uint8Array[]> {
    return readBlobs(sources, kzg, { hashes, blockNumber: 77, timestamp: GENESIS_TIME + 8 * 12 + 5 });
  }
});

describe("commitments and proofs of blobs", () => {
  const kzg = new Kzg();
  const [blob = new Uint8Array()] = packBlobs(new Uint8Array(randomBytes(1_000)));

  after(() => kzg.close());

  it("are those of an empty blob that everybody knows", async () => {
    const empty = new Uint8Array(BLOB_BYTES);
    const { commitment, proofs } = await kzg.seal(empty, "blob");
    const infinity = `0xc0${"00".repeat(47)}`;
    assert.deepEqual([bytesToHex(commitment), bytesToHex(proofs)], [infinity, infinity]);
    // Of the tests of EIP-4844.
    const known = "0x010657f37554c781402a22917dee2f75def7ab966d7b770905398eba3c444014";
    assert.equal(versionedHash(commitment), known);
    const cells = await kzg.seal(empty, "cell");
    assert.equal(bytesToHex(cells.proofs), `0x${infinity.slice(2).repeat(128)}`);
  });

  it("leave the event loop to others meanwhile", async () => {
    await kzg.commitmentOf(blob);
    let turns = 0;
    let done = false;
    const counting = (async () => {
      for (; !done; turns += 1) await setImmediate();
    })();
    await kzg.commitmentOf(blob);
    done = true;
    await counting;
    // Computed here, it would leave it one or two.
    assert.ok(turns > 50, `${turns} turns`);
  });

  it("say what is wrong, and go on after the thread was closed", async () => {
    await assert.rejects(kzg.commitmentOf(blob.with(0, 0xff)), isCoded);
    const running = kzg.commitmentOf(blob);
    kzg.close();
    await assert.rejects(running, isCoded);
    assert.equal((await kzg.commitmentOf(blob)).length, 48);
  });

  it("are given up where the thread hangs, which is ended; those that wait are computed by another", async (t) => {
    const threads: Worker[] = [];
    process.on("worker", (thread) => threads.push(thread));
    const own = new Kzg();
    const commitment = await own.commitmentOf(blob);
    const [hung] = threads;
    assert.ok(hung);
    // It never hears of the blob: to whoever waits for it that is a thread that hangs.
    hung.postMessage = () => undefined;
    const ended = once(hung, "exit");
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const given = own.seal(blob, "blob");
    const waiting = own.commitmentOf(blob);
    t.mock.timers.tick(JOB_MILLISECONDS.blob);
    await assert.rejects(given, isCoded);
    await ended;
    assert.deepEqual(await waiting, commitment);
    assert.equal(threads.length, 2);
    own.close();
  });

  function isCoded(error: unknown): true {
    assert.ok(error instanceof RelayerError);
    assert.equal(error.code, "MT-DA-003");
    return true;
  }
});

function source(name: string, blobs: readonly Uint8Array[]): BlobSource {
  return { name, blobsAt: async () => [...blobs] };
}

async function serve(paths: string[], answers: () => Record<string, unknown>) {
  const server: Server = createServer((request, response) => {
    const path = request.url ?? "";
    paths.push(path);
    const answer = answers()[path.split("?")[0] ?? ""];
    response.writeHead(answer === undefined ? 404 : 200).end(JSON.stringify(answer ?? {}));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
