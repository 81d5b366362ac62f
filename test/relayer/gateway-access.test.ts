// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { connect } from "node:net";
import { after, before, beforeEach, describe, it } from "node:test";
import { pino } from "pino";
import type { RelayerConfig } from "../../relayer/src/config/load.ts";
import { createBearerCheck } from "../../relayer/src/gateway/access/bearer.ts";
import { clientAddressOf } from "../../relayer/src/gateway/access/client-address.ts";
import { createRateLimiter } from "../../relayer/src/gateway/access/rate-limit.ts";
import { createStreamPlaces } from "../../relayer/src/gateway/access/stream-places.ts";
import { HttpError } from "../../relayer/src/gateway/http-error.ts";
import { createTurns } from "../../relayer/src/gateway/openai/turns.ts";
import { countReceipts } from "../../relayer/src/ledger/receipts.ts";
import { type RunningRelayer, startRelayer } from "../../relayer/src/relayer.ts";
import { type LocalStack, startLocalStack } from "../../scripts/stack/local.ts";
import { eventually, localConfig, REQUESTER, sampleInput, silentLogger } from "./local-relayer.ts";

const KEY = "a key that is long enough".replaceAll(" ", "-");
const OTHER_KEY = "another-key-of-another-holder";
const sha256 = (text: string) => `0x${createHash("sha256").update(text).digest("hex")}` as const;

describe("rate limiter", () => {
  it("lets a burst through, then as many as the rate gives, and says how long to wait", () => {
    let now = 0;
    const limiter = createRateLimiter({ perMinute: 60, burst: 3, now: () => now });
    const take = () => limiter.take("one");
    assert.deepEqual(
      [take(), take(), take()].map(({ allowed, remaining }) => [allowed, remaining]),
      [
        [true, 2],
        [true, 1],
        [true, 0],
      ],
    );
    assert.deepEqual(take(), {
      allowed: false,
      limit: 3,
      remaining: 0,
      retryAfterSeconds: 1,
      resetSeconds: 3,
    });
    now += 999;
    assert.equal(take().allowed, false);
    now += 1;
    assert.equal(take().allowed, true);
    assert.equal(take().allowed, false);
    assert.equal(limiter.take("another").allowed, true);
    now += 3_600_000;
    assert.deepEqual(
      [take(), take(), take(), take()].map(({ allowed }) => allowed),
      [true, true, true, false],
    );
  });

  it("asks for a wait after which it allows, at slow rates too", () => {
    let now = 0;
    const limiter = createRateLimiter({ perMinute: 1, burst: 1, now: () => now });
    limiter.take("one");
    const { retryAfterSeconds } = limiter.take("one");
    now += retryAfterSeconds * 1_000 - 1_000;
    assert.equal(limiter.take("one").allowed, false);
    now += 1_000;
    assert.equal(limiter.take("one").allowed, true);
  });

  it("remembers a bounded number of callers, and those who asked last", () => {
    const limiter = createRateLimiter({ perMinute: 1, burst: 1, maxCallers: 3, now: () => 0 });
    for (const caller of ["a", "b", "c", "a", "d"]) limiter.take(caller);
    assert.equal(limiter.size(), 3);
    assert.equal(limiter.take("a").allowed, false);
    assert.equal(limiter.take("b").allowed, true);
    for (let caller = 0; caller < 10_000; caller += 1) limiter.take(String(caller));
    assert.equal(limiter.size(), 3);
  });
});

describe("address of a client", () => {
  const addresses: [
    what: string,
    trusted: string[],
    peer: string,
    header: string | undefined,
    found: string,
  ][] = [
    ["the peer's without proxies", [], "192.0.2.7", "198.51.100.1", "192.0.2.7"],
    ["what a trusted proxy has written", ["10.0.0.0/8"], "10.1.2.3", "198.51.100.1", "198.51.100.1"],
    [
      "the last hop that is not trusted",
      ["10.0.0.0/8"],
      "10.1.2.3",
      "1.1.1.1, 198.51.100.1, 10.9.9.9",
      "198.51.100.1",
    ],
    ["the peer's where it is not trusted", ["10.0.0.0/8"], "192.0.2.7", "198.51.100.1", "192.0.2.7"],
    ["the proxy's where it wrote nothing", ["10.0.0.1"], "10.0.0.1", undefined, "10.0.0.1"],
    ["the proxy's where it wrote no address", ["10.0.0.1"], "10.0.0.1", "unknown", "10.0.0.1"],
    ["IPv4 in IPv6", ["10.0.0.1"], "::ffff:10.0.0.1", "::ffff:198.51.100.1", "198.51.100.1"],
    ["the network of IPv6", [], "2001:db8:1:2:3:4:5:6", undefined, "2001:db8:1:2::/64"],
    ["the same network written short", [], "2001:0db8:1:2::9", undefined, "2001:db8:1:2::/64"],
    ["a network with zeros", [], "2001:db8::1", undefined, "2001:db8:0:0::/64"],
    ["IPv6 behind an IPv6 proxy", ["fd00::/8"], "fd00::1", "2001:db8:1:2::9", "2001:db8:1:2::/64"],
  ];
  for (const [what, trusted, peer, header, found] of addresses) {
    it(`is ${what}`, () => assert.equal(clientAddressOf(trusted)(peer, header), found));
  }
});

describe("places for streams", () => {
  it("are shared by all clients, and no client has more than its share", () => {
    const places = createStreamPlaces(
      { most: 3, perAddress: 2, trustedProxies: ["10.0.0.1"] },
      () => new HttpError(503, "MT-GW-042", "full", "later"),
    );
    const from = (address: string) => {
      const incoming = { socket: { remoteAddress: "10.0.0.1" } };
      return {
        ...{ env: { incoming }, req: { header: () => address } },
      } as unknown as Parameters<typeof places.take>[0];
    };
    const leave = places.take(from("2001:db8:1:2::1"));
    places.take(from("2001:db8:1:2::2"));
    // The same /64.
    assert.throws(() => places.take(from("2001:db8:1:2::3")), { code: "MT-ACC-017", status: 429 });
    places.take(from("198.51.100.1"));
    assert.throws(() => places.take(from("198.51.100.1")), { code: "MT-GW-042" });
    assert.equal(places.count(), 3);
    leave();
    leave();
    assert.equal(places.count(), 2);
    places.take(from("2001:db8:1:2::3"));
    assert.throws(() => places.take(from("2001:db8:1:2::1")), { code: "MT-ACC-017" });
  });
});

describe("turns at an upstream", () => {
  let signal: AbortSignal;

  beforeEach(() => {
    // Whoever waits where it should be refused fails, instead of waiting for ever.
    signal = AbortSignal.timeout(5_000);
  });

  it("leave others room where one caller has its share, a quarter of all that run and wait", async () => {
    const turns = createTurns({ maxConcurrent: 2, maxWaiting: 6 });
    const end = await turns.take("one", signal);
    const endOther = await turns.take("one", signal);
    await assert.rejects(turns.take("one", signal), {
      code: "MT-ACC-019",
      status: 429,
      retryAfterSeconds: 1,
    });
    const others = [turns.take("two", signal), turns.take("two", signal)];
    await assert.rejects(turns.take("two", signal), { code: "MT-ACC-019" });
    end();
    end();
    const endFirst = await others[0];
    const again = turns.take("one", signal);
    await assert.rejects(turns.take("one", signal), { code: "MT-ACC-019" });
    endOther();
    await others[1];
    endFirst?.();
    await again;
  });

  it("leave a share when a caller gives its place in the queue up", async () => {
    const turns = createTurns({ maxConcurrent: 1, maxWaiting: 2, perCaller: 2 });
    const end = await turns.take("one", signal);
    const leaving = new AbortController();
    const left = turns.take("one", leaving.signal);
    leaving.abort(new Error("gone"));
    await assert.rejects(left, /gone/);
    const next = turns.take("one", signal);
    end();
    await next;
  });

  it("are refused to all alike when every place is taken, and one is every caller's", async () => {
    const turns = createTurns({ maxConcurrent: 1, maxWaiting: 0 });
    await turns.take("one", signal);
    for (const caller of ["one", "two"])
      await assert.rejects(turns.take(caller, signal), { code: "MT-GW-060", status: 503 });
  });
});

describe("bearer keys", () => {
  const check = createBearerCheck([
    { name: "acme", sha256: sha256(KEY) },
    { name: "other", sha256: sha256(OTHER_KEY) },
  ]);

  it("are told by their hashes", () => {
    assert.deepEqual(check(`Bearer ${KEY}`), { name: "acme" });
    assert.deepEqual(check(`bearer  ${OTHER_KEY}`), { name: "other" });
    for (const wrong of [`${KEY}x`, KEY.slice(1), sha256(KEY), sha256(KEY).slice(2)])
      assert.equal(check(`Bearer ${wrong}`), "unknown", wrong);
    for (const none of [undefined, "", "Bearer", "Bearer ", `Basic ${KEY}`, `Bearer ${"k".repeat(513)}`, KEY])
      assert.equal(check(none), "none", none);
  });
});

describe("gateway with keys and limits", () => {
  let stack: LocalStack;

  before(async () => {
    stack = await startLocalStack();
  });

  after(() => stack?.chain.close());

  it("answers holders of a key, shows everybody what they need to check it, and names holders in its metrics", async () => {
    await withRelayer(keys(), async (relayer) => {
      const refusals: [string | undefined, string][] = [
        [undefined, "MT-ACC-001"],
        [`Basic ${KEY}`, "MT-ACC-001"],
        [`Bearer ${KEY}x`, "MT-ACC-002"],
        [`Bearer ${sha256(KEY)}`, "MT-ACC-002"],
      ];
      for (const [authorization, code] of refusals) {
        const refused = await ask(relayer, authorization);
        assert.equal(refused.status, 401);
        assert.equal(refused.headers.get("www-authenticate"), "Bearer");
        const { error } = (await refused.json()) as { error: { code: string; type: string } };
        assert.deepEqual([error.code, error.type], [code, "authentication_error"]);
      }
      assert.equal(await countReceipts(relayer.ledger), 0);
      const answered = await ask(relayer, `Bearer ${KEY}`);
      assert.equal(answered.status, 200);
      const { receipt } = (await answered.json()) as { receipt: { claimId: string } };
      for (const path of [
        `/v1/receipts/${receipt.claimId}`,
        `/v1/claims/${receipt.claimId}`,
        "/v1/models",
        "/v1/status",
      ])
        assert.equal((await fetch(new URL(path, relayer.url))).status, 200, path);
      const metrics = await (await fetch(new URL("/metrics", relayer.url))).text();
      assert.match(metrics, /meantime_gateway_key_requests_total\{key="acme"\} 1/);
      assert.match(metrics, /meantime_gateway_refusals_total\{code="MT-ACC-001"\} 2/);
      assert.match(metrics, /meantime_gateway_refusals_total\{code="MT-ACC-002"\} 2/);
      assert.ok(!metrics.includes(KEY));
    });
  });

  it("limits each key by itself, and addresses without a key apart from keys", async () => {
    const limits = keys((gateway) => {
      gateway.rateLimit = { burst: 2, perKeyPerMinute: 1, perAddressPerMinute: 1, attestationsPerMinute: 30 };
    });
    await withRelayer(limits, async (relayer) => {
      const first = await ask(relayer, `Bearer ${KEY}`);
      assert.deepEqual(rates(first), ["2", "1", "60s"]);
      assert.equal((await ask(relayer, `Bearer ${KEY}`)).status, 200);
      const refused = await ask(relayer, `Bearer ${KEY}`);
      assert.equal(refused.status, 429);
      assert.deepEqual(rates(refused), ["2", "0", "120s"]);
      assert.ok(Number(refused.headers.get("retry-after")) > 50);
      assert.equal(((await refused.json()) as { error: { code: string } }).error.code, "MT-ACC-003");
      assert.equal((await ask(relayer, `Bearer ${OTHER_KEY}`)).status, 200);
      // Wrong keys are counted by address: they cannot be tried at will.
      const tries = [await ask(relayer, "Bearer guessed-key-1"), await ask(relayer, "Bearer guessed-key-2")];
      assert.deepEqual(
        tries.map(({ status }) => status),
        [401, 401],
      );
      assert.equal((await ask(relayer, "Bearer guessed-key-3")).status, 429);
      assert.equal((await fetch(new URL("/v1/models", relayer.url))).status, 429);
      assert.equal((await fetch(new URL("/healthz", relayer.url))).status, 200);
      assert.equal((await ask(relayer, `Bearer ${OTHER_KEY}`)).status, 200);
      assert.equal(await countReceipts(relayer.ledger), 4);
    });
  });

  it("limits an address on every path but those of the operator's machines and the page", async () => {
    const limits = ({ gateway }: RelayerConfig) => {
      gateway.rateLimit = { burst: 1, perAddressPerMinute: 1, attestationsPerMinute: 30 };
      gateway.trustedProxies = ["127.0.0.0/8"];
    };
    await withRelayer(limits, async ({ url }) => {
      let clients = 0;
      for (const [path, isLimited] of [
        ...["/v1/models", "/status", "/.well-known/meantime.json", "/index/v1", "/index/v1/gap"].map(
          (one) => [one, true],
        ),
        ...["/openapi.json", "/docs", "/nothing"].map((one) => [one, true]),
        ...["/healthz", "/readyz", "/metrics", "/", "/claims/0x12"].map((one) => [one, false]),
      ] as [string, boolean][]) {
        const headers = { "x-forwarded-for": `198.51.100.${++clients}` };
        const [first, second] = [
          await fetch(new URL(path, url), { headers }),
          await fetch(new URL(path, url), { headers }),
        ];
        assert.notEqual(first.status, 429, path);
        assert.equal(second.status === 429, isLimited, path);
        if (!isLimited) continue;
        const { error } = (await second.json()) as { error: { code: string } };
        assert.equal(error.code, "MT-ACC-003");
        assert.ok(Number(second.headers.get("retry-after")) > 0);
        if (path.startsWith("/index")) assert.equal(second.headers.get("access-control-allow-origin"), "*");
      }
    });
  });

  it("believes X-Forwarded-For of trusted proxies only", async () => {
    const limits =
      (trustedProxies: string[]) =>
      ({ gateway }: RelayerConfig) => {
        gateway.rateLimit = { burst: 1, perAddressPerMinute: 1, attestationsPerMinute: 30 };
        gateway.trustedProxies = trustedProxies;
      };
    const statuses = async (relayer: RunningRelayer) => {
      const found = [];
      for (const address of ["198.51.100.1", "198.51.100.2", "198.51.100.1"]) {
        const headers = { "x-forwarded-for": address };
        found.push((await fetch(new URL("/v1/models", relayer.url), { headers })).status);
      }
      return found;
    };
    await withRelayer(limits([]), async (relayer) =>
      assert.deepEqual(await statuses(relayer), [200, 429, 429]),
    );
    await withRelayer(limits(["127.0.0.0/8"]), async (relayer) =>
      assert.deepEqual(await statuses(relayer), [200, 200, 429]),
    );
  });

  it("refuses what is no request it can read, in the shape of every other refusal", async () => {
    await withRelayer(
      () => undefined,
      async (relayer) => {
        const { hostname, port } = new URL(relayer.url);
        const raw: [string, RegExp, string][] = [
          [
            `GET /v1/models HTTP/1.1\r\nhost: h\r\nx-large: ${"y".repeat(20_000)}\r\n\r\n`,
            /^HTTP\/1\.1 431 /,
            "MT-ACC-013",
          ],
          ["\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", /^HTTP\/1\.1 400 /, "MT-ACC-015"],
        ];
        for (const [sent, status, code] of raw) {
          const answer = await exchange(hostname, Number(port), sent);
          assert.match(answer, status);
          const { error } = JSON.parse(answer.split("\r\n\r\n")[1] ?? "") as { error: { code: string } };
          assert.equal(error.code, code);
        }
        const metrics = await (await fetch(new URL("/metrics", relayer.url))).text();
        assert.match(metrics, /meantime_gateway_refusals_total\{code="MT-ACC-013"\} 1/);
      },
    );
  });

  it("takes a body that breaks off for no fault of its own, and logs nothing", async () => {
    const lines: string[] = [];
    const logger = pino({ level: "error" }, { write: (line: string) => void lines.push(line) });
    const relayer = await startRelayer(await localConfig(stack), { logger });
    try {
      const { hostname, port } = new URL(relayer.url);
      const head = "POST /v1/infer/tiny_mlp HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\n";
      for (const half of ["content-length: 50\r\n\r\n{", "transfer-encoding: chunked\r\n\r\n5\r\n{"]) {
        const socket = connect(Number(port), hostname);
        socket.write(head + half, () => socket.destroy());
      }
      const metrics = async () => (await fetch(new URL("/metrics", relayer.url))).text();
      await eventually("both are counted", async () =>
        (await metrics()).includes('meantime_gateway_refusals_total{code="MT-GW-067"} 2') ? true : undefined,
      );
      assert.deepEqual(lines, []);
    } finally {
      await relayer.stop();
    }
  });

  it("refuses who may not ask before it has read any of the body", async () => {
    const limits = keys((gateway) => {
      gateway.rateLimit = { burst: 3, perAddressPerMinute: 1, attestationsPerMinute: 30 };
    });
    await withRelayer(limits, async (relayer) => {
      const tries: [authorization: string | undefined, length: string, code: string][] = [
        [undefined, "transfer-encoding: chunked", "MT-ACC-001"],
        ["Bearer a-guessed-key-of-somebody", "transfer-encoding: chunked", "MT-ACC-002"],
        // Too large as well; but that is nothing that a stranger is told.
        [undefined, "content-length: 999999999", "MT-ACC-001"],
        [undefined, "transfer-encoding: chunked", "MT-ACC-003"],
        [`Bearer ${KEY}`, "content-length: 999999999", "MT-GW-003"],
      ];
      for (const [authorization, length, code] of tries) {
        const head = [
          "POST /v1/infer/tiny_mlp HTTP/1.1",
          ...["host: h", "content-type: application/json", length],
          ...(authorization === undefined ? [] : [`authorization: ${authorization}`]),
        ];
        // The body never ends, so that whoever waits for it answers nothing.
        const answer = await answerTo(relayer, `${head.join("\r\n")}\r\n\r\n5\r\n{"inp\r\n`);
        assert.match(answer, new RegExp(`"${code}"`));
      }
    });
  });

  it("gives one network address no more than its share of event streams, of each kind", async () => {
    const shares = ({ gateway }: RelayerConfig) => {
      Object.assign(gateway, { streamsPerAddress: 2, trustedProxies: ["127.0.0.0/8"] });
    };
    await withRelayer(shares, async (relayer) => {
      const answered = await ask(relayer, undefined);
      const { receipt } = (await answered.json()) as { receipt: { claimId: string } };
      for (const path of [`/v1/claims/${receipt.claimId}/events`, "/index/v1/stream"]) {
        const listen = async (address: string, method = "GET") => {
          const leave = new AbortController();
          const response = await fetch(new URL(path, relayer.url), {
            ...{ method, headers: { "x-forwarded-for": address }, signal: leave.signal },
          });
          return { response, leave: () => leave.abort() };
        };
        // Nobody reads what a HEAD would open.
        for (let times = 0; times < 3; times += 1)
          assert.equal((await listen("198.51.100.1", "HEAD")).response.status, 200);
        const open = [await listen("198.51.100.1"), await listen("198.51.100.1")];
        assert.deepEqual(
          open.map(({ response }) => response.status),
          [200, 200],
        );
        const { response: refused } = await listen("198.51.100.1");
        assert.equal(refused.status, 429);
        assert.ok(Number(refused.headers.get("retry-after")) > 0);
        const { error } = (await refused.json()) as { error: { code: string; type: string } };
        assert.deepEqual([error.code, error.type], ["MT-ACC-017", "rate_limit_error"]);
        const other = await listen("198.51.100.2");
        assert.equal(other.response.status, 200);
        open[0]?.leave();
        const next = await eventually("a place is free again", async () => {
          const again = await listen("198.51.100.1");
          if (again.response.status === 200) return again;
          await again.response.text();
          return undefined;
        });
        for (const { leave } of [...open, other, next]) leave();
      }
    });
  });

  it("lets pages of every origin read what they need", async () => {
    await withRelayer(keys(), async (relayer) => {
      const origin = "https://page.example";
      const preflight = await fetch(new URL("/v1/infer/tiny_mlp", relayer.url), {
        method: "OPTIONS",
        headers: {
          origin,
          "access-control-request-method": "POST",
          "access-control-request-headers": "authorization,content-type",
        },
      });
      assert.equal(preflight.status, 204);
      assert.match(preflight.headers.get("access-control-allow-headers") ?? "", /authorization/);
      const refused = await ask(relayer, undefined, { origin });
      assert.equal(refused.headers.get("access-control-allow-origin"), "*");
      assert.match(refused.headers.get("access-control-expose-headers") ?? "", /payment-required/);
    });
  });

  function keys(more: (gateway: RelayerConfig["gateway"]) => void = () => undefined) {
    return ({ gateway }: RelayerConfig) => {
      gateway.auth = {
        mode: "bearer",
        keys: [
          { name: "acme", sha256: sha256(KEY) },
          { name: "other", sha256: sha256(OTHER_KEY) },
        ],
      };
      more(gateway);
    };
  }

  async function withRelayer(
    change: (config: RelayerConfig) => void,
    use: (relayer: RunningRelayer) => Promise<void>,
  ): Promise<void> {
    const relayer = await startRelayer(await localConfig(stack, change), { logger: silentLogger });
    try {
      await use(relayer);
    } finally {
      await relayer.stop();
    }
  }
});

function ask(
  { url }: RunningRelayer,
  authorization: string | undefined,
  more: Record<string, string> = {},
): Promise<Response> {
  return fetch(new URL("/v1/infer/tiny_mlp", url), {
    method: "POST",
    headers: { "content-type": "application/json", ...(authorization ? { authorization } : {}), ...more },
    body: JSON.stringify({ input: sampleInput(1), requester: REQUESTER }),
  });
}

function rates({ headers }: Response) {
  return ["limit", "remaining", "reset"].map((what) => headers.get(`x-ratelimit-${what}-requests`));
}

/** What is answered to a request that goes on. */
async function answerTo({ url }: RunningRelayer, sent: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let received = "";
  socket.setEncoding("utf8").on("data", (text) => {
    received += text;
    if (/\r\n\r\n\{.*\}\}/s.test(received)) socket.destroy();
  });
  socket.on("error", () => undefined);
  socket.write(sent);
  await new Promise((resolve) => socket.once("close", resolve));
  return received;
}

async function exchange(host: string, port: number, sent: string): Promise<string> {
  const socket = connect(port, host);
  let received = "";
  socket.setEncoding("utf8").on("data", (text) => {
    received += text;
  });
  socket.write(sent, "latin1");
  await new Promise((resolve) => socket.once("close", resolve));
  return received;
}
