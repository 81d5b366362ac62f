// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import { batchHeaderToJson } from "@meantime/sdk/batch";
import { type Hex, keccak256Text, ZERO_HASH } from "@meantime/sdk/hex";
import { receiptToJson } from "@meantime/sdk/receipt";
import { Hono } from "hono";
import { batchFile, CLAIMS_PER_SLICE, openingToJson } from "../../relayer/src/availability/batch-file.ts";
import { exportBatches } from "../../relayer/src/availability/export.ts";
import { createBatchRoute } from "../../relayer/src/gateway/batch.ts";
import { errorBody, HttpError } from "../../relayer/src/gateway/http-error.ts";
import {
  openingsOfBatch,
  receiptsOfBatch,
  type StoredReceipt,
  signedClaimsOfBatch,
} from "../../relayer/src/ledger/receipts.ts";
import type { Services } from "../../relayer/src/services.ts";
import { type AskedDatabase, openAsked } from "./asked-database.ts";
import { freshFolder, silentLogger } from "./local-relayer.ts";
import { sealReceipts, storedReceipt } from "./receipts.ts";

const OPERATOR = storedReceipt(0).receipt.claim.operator;
const DATA_ROOT = keccak256Text("data");
const BATCH = keccak256Text("batch");
const LONG = 3 * CLAIMS_PER_SLICE + 1;
const PER_ADDRESS = 2;
const MAX_ANSWERS = 128;

type Headers = Record<string, string>;

describe("the file of a batch", () => {
  let ledger: AskedDatabase;

  beforeEach(async () => {
    ledger = await openAsked();
  });

  afterEach(() => ledger.close());

  for (const [what, dataRoot] of [
    ["public", DATA_ROOT],
    ["private", ZERO_HASH],
  ] as const) {
    for (const count of [1, CLAIMS_PER_SLICE - 1, CLAIMS_PER_SLICE, CLAIMS_PER_SLICE + 1, LONG]) {
      it(`is, of ${count} claims whose data is ${what}, byte for byte what it is when made at once`, async () => {
        const { whole, header } = await seal(count, dataRoot);
        let text = "";
        for await (const piece of batchFile(ledger.db, BATCH, header)) text += piece;
        assert.equal(text, whole);
        const folder = await freshFolder();
        assert.deepEqual(await exportBatches(ledger.db, OPERATOR, folder), { written: 1, kept: 0 });
        assert.equal(await readFile(join(folder, "v1", "batches", BATCH), "utf8"), whole);
        const served = await ask(routes());
        assert.equal(served.headers.get("content-type"), "application/json");
        assert.equal(await served.text(), whole);
      });
    }
  }

  it("loads no openings where they are private, and never an answer", async () => {
    await seal(LONG, ZERO_HASH);
    await (await ask(routes())).text();
    const slices = asked();
    assert.ok(slices.length > 1);
    for (const sql of slices) assert.doesNotMatch(sql, /"(input|salt|output|answer)"|\*/, sql);
    await seal(LONG, DATA_ROOT, keccak256Text("public"));
    await (await ask(routes(), keccak256Text("public"))).text();
    for (const read of [receiptsOfBatch, openingsOfBatch, signedClaimsOfBatch]) await read(ledger.db, BATCH);
    assert.ok(asked().some((sql) => /"output"/.test(sql)));
    for (const sql of asked()) assert.doesNotMatch(sql, /"answer"|\*/, sql);
    assert.equal((await openingsOfBatch(ledger.db, BATCH)).length, LONG);
    assert.equal((await signedClaimsOfBatch(ledger.db, BATCH)).length, LONG);
  });

  it("is read from the ledger no faster than the client reads", async () => {
    await seal(LONG, DATA_ROOT);
    const { body } = await ask(routes());
    const reader = body?.getReader() ?? assert.fail();
    await turns();
    assert.equal(asked().length, 0);
    for (let slices = 1; slices <= 3; slices++) {
      await reader.read();
      await turns();
      assert.equal(asked().length, slices);
    }
    await reader.cancel();
    await turns();
    assert.equal(asked().length, 3, "who has left waits for no more");
  });

  it("lets the event loop turn between two slices, however fast the client reads", async () => {
    const { header } = await seal(LONG, DATA_ROOT);
    let loopTurns = 0;
    let isRead = false;
    const count = async () => {
      for (; !isRead; loopTurns += 1) await setImmediate();
    };
    const counting = count();
    let slices = 0;
    for await (const _ of batchFile(ledger.db, BATCH, header)) slices += 1;
    isRead = true;
    await counting;
    assert.ok(loopTurns >= slices - 1, `${loopTurns} turns for ${slices} pieces`);
  });

  it("is kept for ever, and neither its head nor what is known already is read", async () => {
    await seal(LONG, DATA_ROOT);
    const app = routes();
    for (let times = 0; times <= MAX_ANSWERS; times++) {
      const head = await ask(app, BATCH, { method: "HEAD" });
      assert.deepEqual([head.status, head.headers.get("etag")], [200, `"${BATCH}"`]);
      const known = await ask(app, BATCH, { headers: { "if-none-match": `"x", W/"${BATCH}"` } });
      assert.deepEqual([known.status, await known.text()], [304, ""]);
      assert.match(known.headers.get("cache-control") ?? "", /immutable/);
    }
    assert.equal(asked().length, 0);
    assert.equal((await ask(app, keccak256Text("another"))).status, 404);
  });

  it("is read by so many at one time, and by so many of one address", async () => {
    await seal(LONG, DATA_ROOT);
    const app = routes();
    const from = (address: string) => ask(app, BATCH, { headers: { "x-forwarded-for": address } });
    const first = await from("198.51.100.1");
    const second = await from("198.51.100.1");
    await refused(await from("198.51.100.1"), 429, "MT-ACC-017");
    await first.text();
    const third = await from("198.51.100.1");
    assert.equal(third.status, 200);
    await second.body?.cancel();
    await third.body?.cancel();
    const open: Response[] = [];
    for (let reader = 0; reader < MAX_ANSWERS; reader++) open.push(await from(`192.0.2.${reader}`));
    await refused(await from("198.51.100.1"), 503, "MT-GW-044");
    await open[0]?.body?.cancel();
    assert.equal((await from("198.51.100.1")).status, 200);
  });

  it("breaks off where the ledger fails, and gives its place up", async () => {
    await seal(LONG, DATA_ROOT);
    const app = routes();
    for (let times = 0; times <= PER_ADDRESS; times++) {
      let slices = 0;
      ledger.onAsked = (sql) => {
        if (/"claim"/.test(sql) && ++slices === 2) throw new Error("the disk is gone");
      };
      const response = await ask(app);
      assert.equal(response.status, 200);
      await assert.rejects(response.text(), /the disk is gone/);
    }
  });

  function routes(): Hono {
    const services = {
      ledger: ledger.db,
      logger: silentLogger,
      config: {
        operator: { address: OPERATOR },
        gateway: { streamsPerAddress: PER_ADDRESS, trustedProxies: ["10.0.0.1"] },
      },
    };
    const serve = createBatchRoute(services as unknown as Services);
    const app = new Hono();
    app.get("/:id", (context) => serve(context, context.req.param("id") as Hex));
    app.onError((error, context) => {
      if (!(error instanceof HttpError)) throw error;
      context.header("retry-after", String(error.retryAfterSeconds));
      return context.json(errorBody(error), error.status);
    });
    return app;
  }

  async function ask(
    app: Hono,
    id: Hex = BATCH,
    init: { method?: string; headers?: Headers } = {},
  ): Promise<Response> {
    return app.request(`/${id}`, init, { incoming: { socket: { remoteAddress: "10.0.0.1" } } });
  }

  /** What was asked of the receipts. */
  function asked(): string[] {
    return ledger.asked.filter((sql) => /from "receipts"/.test(sql));
  }

  /** Seals a batch. @returns its header, and its file as one text */
  async function seal(count: number, dataRoot: Hex, id: Hex = BATCH) {
    const all = Array.from({ length: count }, (_, seed) => receipt(seed, id));
    const header = await sealReceipts(ledger.db, id, dataRoot, all);
    ledger.asked.length = 0;
    const claims = all.map(({ receipt, opening }) => ({
      ...receiptToJson(receipt),
      ...(dataRoot === ZERO_HASH ? {} : { opening: openingToJson(opening) }),
    }));
    return { header, whole: JSON.stringify({ batchId: id, header: batchHeaderToJson(header), claims }) };
  }
});

function receipt(seed: number, batch: Hex): StoredReceipt {
  const stored = storedReceipt(seed);
  const { receipt } = stored;
  const own = (what: string) => keccak256Text(`${what} ${seed} ${batch}`);
  return {
    ...stored,
    receipt: { ...receipt, claimId: own("claim"), claim: { ...receipt.claim, requestId: own("request") } },
    opening: { ...stored.opening, input: Uint8Array.from({ length: seed * 7 }, (_, at) => at + seed) },
  };
}

async function refused(response: Response, status: number, code: string): Promise<void> {
  const { error } = (await response.json()) as { error: { code: string } };
  assert.deepEqual([response.status, error.code], [status, code]);
  assert.equal(response.headers.get("retry-after"), "10");
  assert.equal(response.headers.get("cache-control"), null, "a refusal is not kept for ever");
}

/** Enough for anything that does not wait for the client. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await setImmediate();
}
