// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { toCsv } from "../../relayer/src/indexer/api/csv.ts";
import { pushFeed } from "../../relayer/src/indexer/feed.ts";
import { groupClaims } from "../../relayer/src/indexer/groups.ts";
import { rollBack } from "../../relayer/src/ledger/chain-facts.ts";
import { type Ledger, openLedger } from "../../relayer/src/ledger/ledger.ts";
import { TEST_DATABASES } from "./databases.ts";
import {
  addressOf,
  type BuiltBatch,
  buildBatch,
  commitOf,
  eventAt,
  follow,
  idOf,
  indexApi,
  policyEvent,
  storeBatch,
  timeOf,
} from "./index-ledger.ts";

const [OPERATOR, REQUESTER, MODEL, POLICY] = [addressOf(1), addressOf(2), idOf(3), idOf(4)];
const WINDOW_SECONDS = 600;

function batchOf(nonce: number, count = 3): BuiltBatch {
  const served = Array.from({ length: count }, (_, at) => ({ at: timeOf(nonce) - at, requester: REQUESTER }));
  return buildBatch({ operator: OPERATOR, policyId: POLICY, modelId: MODEL, nonce, served });
}

describe("the index's answers", () => {
  const [sqlite] = TEST_DATABASES;
  let ledger: Ledger;
  const now = { seconds: timeOf(20) };
  const built = batchOf(10);

  before(async () => {
    ledger = await openLedger((await sqlite?.fresh()) ?? { file: "" });
    await follow(ledger, [
      policyEvent(1, 0, POLICY, {}),
      eventAt(2, 0, "ModelRegistered", {
        modelId: MODEL,
        name: '=HYPERLINK("http://evil","a")',
        version: "1",
      }),
      eventAt(3, 0, "InferenceRequested", requestArguments(idOf(99, 0))),
      commitOf(built, 10, 0, WINDOW_SECONDS),
      eventAt(11, 0, "ClaimChallenged", challengeArguments(1)),
    ]);
    await storeBatch(ledger, built, 10, 0);
    await groupClaims(ledger);
  });

  after(() => ledger?.close());

  function requestArguments(requestId: string): Record<string, string> {
    const request = { requester: REQUESTER, modelId: MODEL, policyId: POLICY, operator: addressOf(0) };
    const rest = { inputHash: idOf(5), feeWei: "7", minStatus: "4", expiresAt: "1900000000", nonce: "1" };
    return {
      ...{ requestId, requester: REQUESTER, modelId: MODEL, input: "0x1234" },
      request: JSON.stringify({ ...request, ...rest, callbackGasLimit: "100000" }),
    };
  }

  function challengeArguments(index: number): Record<string, string> {
    const { batchId, claims } = built;
    const claimId = claims[index]?.claimId ?? "0x";
    return { batchId, claimId, challenger: addressOf(7), index: String(index), proveBy: String(timeOf(50)) };
  }

  it("count what happens to a batch while its claims are counted", async () => {
    const own = await openLedger((await sqlite?.fresh()) ?? { file: "" });
    await follow(own, [policyEvent(1, 0, POLICY, {}), commitOf(built, 10, 0, WINDOW_SECONDS)]);
    await storeBatch(own, built, 10, 0);
    const meanwhile = [eventAt(11, 0, "ClaimChallenged", challengeArguments(1))];
    const counting: Pick<Ledger, "selectFrom" | "transaction"> = {
      selectFrom: own.selectFrom,
      async transaction(work) {
        await follow(own, meanwhile.splice(0));
        return own.transaction(work);
      },
    };
    await groupClaims(counting);
    const counted = await own.selectFrom("index_groups").selectAll().execute();
    await own.transaction((tx) => tx.updateTable("index_data").set({ grouped: 0 }).execute());
    await groupClaims(own);
    assert.deepEqual(counted, await own.selectFrom("index_groups").selectAll().execute());
    await own.close();
  });

  it("refuse what they do not understand, naming it", async () => {
    const { app } = indexApi(ledger, now);
    for (const [path, code] of [
      ["/claims?limit=501", "MT-IDX-001"],
      ["/claims?limit=0", "MT-IDX-001"],
      ["/claims?limit=-1", "MT-IDX-001"],
      ["/claims?operator=0x12", "MT-IDX-001"],
      ["/claims?status=final", "MT-IDX-001"],
      ["/claims/0x12", "MT-IDX-001"],
      ["/events?name=a%20b", "MT-IDX-001"],
      ["/gap/history?from=20&to=10", "MT-IDX-001"],
      ["/gap/history?from=0&to=10000000&bucketSeconds=1", "MT-IDX-001"],
      ["/gap/history?by=colour", "MT-IDX-001"],
      ["/search?q=", "MT-IDX-001"],
      ["/claims?cursor=x", "MT-IDX-002"],
      ["/claims?cursor=MQ", "MT-IDX-002"],
    ] as const) {
      const response = await app.request(path);
      const { error } = (await response.json()) as { error: { code: string } };
      assert.equal(response.status, 400, path);
      assert.equal(error.code, code, path);
    }
    for (const path of [`/claims/${idOf(1)}`, `/batches/${idOf(1)}`, `/operators/${addressOf(77)}`]) {
      assert.equal((await app.request(path)).status, 404, path);
    }
  });

  it("may be read by pages of any origin, and cost nothing when nothing has changed", async () => {
    const { app } = indexApi(ledger, now);
    const first = await app.request("/batches", { headers: { origin: "http://elsewhere" } });
    assert.equal(first.headers.get("access-control-allow-origin"), "*");
    const tag = first.headers.get("etag") ?? "";
    assert.match(tag, /^"[\w-]{22}"$/);
    const again = await app.request("/batches", { headers: { "if-none-match": tag } });
    assert.equal(again.status, 304);
    assert.equal(await again.text(), "");
    const other = await app.request("/claims", { headers: { "if-none-match": tag } });
    assert.equal(other.status, 200);
  });

  it("are the same rows as CSV, where a formula is a text", async () => {
    const { app, ask } = indexApi(ledger, now);
    const response = await app.request("/models", { headers: { accept: "text/csv" } });
    assert.match(response.headers.get("content-type") ?? "", /^text\/csv/);
    const [header, row, end] = (await response.text()).split("\r\n");
    assert.match(header ?? "", /^modelId,name,version,/);
    assert.ok(row?.startsWith(`${MODEL},"'=HYPERLINK(""http://evil"",""a"")",1,`), row);
    assert.equal(end, "");
    const { items } = await ask<{ items: { claimId: string }[] }>("/claims");
    const lines = (await (await app.request("/claims?format=csv")).text()).trim().split("\r\n");
    assert.equal(lines.length, items.length + 1);
    const page = await app.request("/claims?format=csv&limit=1");
    const next = /<(\?[^>]+)>; rel="next"/.exec(page.headers.get("link") ?? "")?.[1] ?? "";
    const second = (await (await app.request(`/claims${next}`)).text()).split("\r\n")[1] ?? "";
    assert.ok(second.startsWith(items[1]?.claimId ?? "none"));
  });

  it("quote every cell so that it reads back, whatever is in it", () => {
    const csv = toCsv([
      { a: 'x"y', b: "line\nbreak", c: "-1+2", d: -5, e: null, f: ["=1"], g: { h: "@x", i: true } },
      { a: "\tx", z: "later" },
    ]);
    assert.equal(
      csv,
      'a,b,c,d,e,f,g.h,g.i,z\r\n"x""y","line\nbreak",\'-1+2,-5,,"[""=1""]",\'@x,true,\r\n\'\tx,,,,,,,,later\r\n',
    );
  });

  it("tell requests, disputes and events by what they are about", async () => {
    const { ask } = indexApi(ledger, now);
    const request = await ask<{ state: string; feeWei: string; minStatus: string }>(
      `/requests/${idOf(99, 0)}`,
    );
    assert.deepEqual([request.state, request.feeWei, request.minStatus], ["Open", "7", "Final"]);
    const { items } = await ask<{ items: { outcome: string; claimId: string; deadline: number }[] }>(
      "/challenges",
    );
    assert.deepEqual(
      items.map(({ outcome, claimId, deadline }) => [outcome, claimId, deadline]),
      [["open", built.claims[1]?.claimId, timeOf(50)]],
    );
    const events = await ask<{ items: { name: string }[] }>(`/events?batch=${built.batchId}`);
    assert.deepEqual(
      events.items.map(({ name }) => name),
      ["ClaimChallenged", "BatchCommitted"],
    );
    for (const [query, kind] of [
      [built.claims[0]?.claimId, "claim"],
      [built.batchId, "batch"],
      [idOf(99, 0), "request"],
      [POLICY, "policy"],
      [REQUESTER, "requester"],
      [OPERATOR, "operator"],
      ["hyperlink", "model"],
    ]) {
      const found = await ask<{ items: { kind: string }[] }>(`/search?q=${query}`);
      assert.deepEqual(
        found.items.map((each) => each.kind),
        [kind],
        query,
      );
    }
  });

  it("say how long claims took, to the second", async () => {
    const { ask } = indexApi(ledger, { seconds: timeOf(10) + WINDOW_SECONDS });
    const { buckets } = await ask<{
      buckets: {
        claims: number;
        servedToCommitted: object;
        servedToFinal: object;
        openClaims: number;
        exposureWei: string;
      }[];
    }>(`/gap/history?from=${timeOf(9)}&to=${timeOf(11)}&bucketSeconds=100&by=policy`);
    assert.equal(buckets.length, 1);
    const [bucket] = buckets;
    assert.equal(bucket?.claims, 3);
    assert.deepEqual(bucket.servedToCommitted, { p50: 1, p95: 2, p99: 2 });
    // The second is in dispute: 600 and 602 seconds are those of the others.
    assert.deepEqual(bucket.servedToFinal, { p50: 600, p95: 602, p99: 602 });
    assert.deepEqual([bucket.openClaims, bucket.exposureWei], [3, "30"]);
  });
});

describe("the stream of changes", () => {
  const [sqlite] = TEST_DATABASES;

  async function withLedger(test: (ledger: Ledger) => Promise<void>): Promise<void> {
    const ledger = await openLedger((await sqlite?.fresh()) ?? { file: "" });
    try {
      await test(ledger);
    } finally {
      await ledger.close();
    }
  }

  it("tells a listener that comes back all that it missed, in order, once", async () => {
    await withLedger(async (ledger) => {
      const { app } = indexApi(ledger, { seconds: timeOf(20) });
      await follow(ledger, [policyEvent(1, 0, POLICY, {})]);
      const listener = await listen(app, undefined);
      const first = batchOf(10, 2);
      await follow(ledger, [commitOf(first, 10, 0, WINDOW_SECONDS)]);
      const told = await listener.until(({ event }) => event === "batch");
      await listener.leave();
      await storeBatch(ledger, first, 10, 0);
      await rollBack(ledger, 9);
      const again = await listen(app, told.at(-1)?.id);
      const missed = await again.until(({ event }) => event === "reorg");
      await again.leave();
      // The batch is gone by now: only that it went is told.
      assert.deepEqual(
        missed.map(({ event, data }) => [event, data]),
        [["reorg", { fromBlock: 10 }]],
      );
      await follow(ledger, [commitOf(first, 12, 0, WINDOW_SECONDS)]);
      await storeBatch(ledger, first, 12, 0);
      const third = await listen(app, missed.at(-1)?.id);
      const anew = await third.until(({ event }, all) => event === "claim" && all.length >= 4);
      await third.leave();
      const claims = anew.filter(({ event }) => event === "claim").map(({ data }) => data.claimId);
      assert.deepEqual(
        [...new Set(claims)],
        first.claims.map(({ claimId }) => claimId),
      );
    });
  });

  it("sends a listener of long ago to the beginning, and refuses an id that is none", async () => {
    await withLedger(async (ledger) => {
      const { app } = indexApi(ledger, { seconds: timeOf(20) });
      const first = await listen(app, undefined);
      await ledger.transaction((tx) => pushFeed(tx, { kind: "reorg", fromBlock: 1 }));
      const [{ id } = { id: "" }] = await first.until(({ event }) => event === "reorg");
      await first.leave();
      await ledger.transaction(async (tx) => {
        for (let at = 0; at < 5; at++) await pushFeed(tx, { kind: "reorg", fromBlock: at });
        await tx.deleteFrom("index_feed").where("sequence", "<=", 3).execute();
      });
      const late = await listen(app, id);
      const [reset] = await late.until(({ event }) => event === "reset");
      assert.equal(reset?.event, "reset");
      await late.leave();
      const refused = await app.request("/stream", { headers: { "last-event-id": "nonsense" } });
      assert.equal(refused.status, 400);
    });
  });
});

interface Message {
  event: string;
  data: Record<string, unknown>;
  id: string;
}

type App = ReturnType<typeof indexApi>["app"];

/** Reads a stream as a browser does. */
async function listen(app: App, lastEventId: string | undefined) {
  const response = await app.request(
    "/stream",
    lastEventId ? { headers: { "last-event-id": lastEventId } } : {},
  );
  assert.equal(response.status, 200);
  assert.match(response.headers.get("content-type") ?? "", /^text\/event-stream/);
  const reader = response.body?.getReader();
  assert.ok(reader);
  const decoder = new TextDecoder();
  let buffer = "";
  const all: Message[] = [];
  return {
    async until(isLast: (message: Message, all: readonly Message[]) => boolean): Promise<Message[]> {
      for (;;) {
        const end = buffer.indexOf("\n\n");
        if (end < 0) {
          const { value, done } = await reader.read();
          if (done) throw new Error(`the stream ended after ${JSON.stringify(all)}`);
          buffer += decoder.decode(value);
          continue;
        }
        const fields = new Map(
          buffer
            .slice(0, end)
            .split("\n")
            .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]),
        );
        buffer = buffer.slice(end + 2);
        const message = {
          event: fields.get("event") ?? "",
          data: JSON.parse(fields.get("data") ?? "{}") as Record<string, unknown>,
          id: fields.get("id") ?? "",
        };
        if (message.event === "") continue;
        all.push(message);
        if (isLast(message, all)) return all;
      }
    },
    leave: () => reader.cancel(),
  };
}
