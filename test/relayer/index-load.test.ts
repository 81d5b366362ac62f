// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import type { Address } from "@meantime/sdk/hex";
import { BatchDataDuty } from "../../relayer/src/indexer/batch-data.ts";
import type { IndexServices } from "../../relayer/src/indexer/services.ts";
import { type Ledger, openLedger } from "../../relayer/src/ledger/ledger.ts";
import { usualBytesOf } from "../../relayer/src/watch/fetch-batch.ts";
import {
  addressOf,
  type BuiltBatch,
  batchFile,
  buildBatch,
  commitOf,
  EPOCH,
  eventAt,
  follow,
  INDEX_DOMAIN,
  idOf,
  indexApi,
} from "./index-ledger.ts";
import { eventually, freshFolder, silentLogger } from "./local-relayer.ts";

const OPERATORS = [1, 2, 3].map(addressOf);
const WINDOW_SECONDS = 3_600;

describe("an index that much is asked of", () => {
  let ledger: Ledger;
  let server: Server;
  let url: string;
  const waiting: ServerResponse[] = [];
  const built = OPERATORS.map((operator, at) => batchOf(operator, at + 1));

  before(async () => {
    server = createServer((request, response) => {
      const found = built.find(({ batchId }) => request.url?.endsWith(batchId));
      assert.ok(found);
      // Of one operator, more than its batch should take.
      response.write(" ".repeat(found === built[2] ? 2 * usualBytesOf({ count: 1 }) : 1));
      response.on("close", () => waiting.splice(waiting.indexOf(response), 1));
      waiting.push(Object.assign(response, { file: batchFile(found) }));
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  });

  after(() => {
    server.closeAllConnections();
    server.close();
  });

  beforeEach(async () => {
    ledger = await openLedger({ file: join(await freshFolder(), "ledger.sqlite") });
  });

  afterEach(() => ledger.close());

  it("reads no more batches at once than there is room for, and all in the end", async () => {
    await follow(ledger, [
      ...OPERATORS.map((operator, at) => eventAt(1, at, "EndpointAnnounced", { operator, endpoint: url })),
      ...built.map((batch, at) => commitOf(batch, 10, at, WINDOW_SECONDS)),
    ]);
    const { signal } = new AbortController();
    const duty = new BatchDataDuty(indexing(), usualBytesOf({ count: 1 }));
    let most = 0;
    await eventually("all three to be stored", async () => {
      await duty.step(signal);
      most = Math.max(most, waiting.length);
      for (const response of waiting) response.end((response as ServerResponse & { file: string }).file);
      const rows = await ledger.selectFrom("index_data").select("state").execute();
      return rows.every(({ state }) => state === "complete") ? true : undefined;
    });
    assert.equal(most, 1);
  });

  it("computes the gap once for a crowd, and anew when the index has moved on", async () => {
    const now = { seconds: EPOCH + 200 };
    let computed = 0;
    const counting = new Proxy(ledger, {
      get(target, name) {
        if (name !== "selectFrom") return Reflect.get(target, name);
        return (table: "index_accounts") => {
          if (table === "index_accounts") computed += 1;
          return target.selectFrom(table);
        };
      },
    });
    const { ask } = indexApi(counting, now);
    const openClaims = async () => (await ask<{ open: { claims: number } }>("/gap")).open.claims;
    const [first, second] = built;
    assert.ok(first && second);
    await follow(ledger, [commitOf(first, 10, 0, WINDOW_SECONDS)]);
    const answers = await Promise.all(Array.from({ length: 20 }, openClaims));
    assert.deepEqual(new Set(answers), new Set([1]));
    assert.equal(computed, 1);
    await follow(ledger, [commitOf(second, 11, 0, WINDOW_SECONDS)]);
    assert.equal(await openClaims(), 2);
    now.seconds += WINDOW_SECONDS;
    assert.equal(await openClaims(), 0, "both are final by the clock");
  });

  function indexing(): IndexServices {
    const clock = { nowSeconds: () => EPOCH + 200, observe: () => undefined };
    // Nothing here asks the chain.
    return {
      ...{ ledger, clock, domain: INDEX_DOMAIN, logger: silentLogger, allowPrivateAddresses: true },
    } as unknown as IndexServices;
  }
});

function batchOf(operator: Address, nonce: number): BuiltBatch {
  const served = [{ at: EPOCH, requester: addressOf(9) }];
  return buildBatch({ operator, policyId: idOf(1), modelId: idOf(2), nonce, served });
}
