// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { fetchGuarded, isSpecial } from "../../relayer/src/watch/guard.ts";

const LIMITS = { timeoutMilliseconds: 5_000, maxBytes: 1_000 };

describe("what a watchtower fetches", () => {
  it("tells addresses of the public internet from all others", () => {
    const special = [
      ...["127.0.0.1", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254"],
      ...["0.0.0.0", "100.64.0.1", "224.0.0.1", "255.255.255.255", "198.18.0.1"],
      ...["::", "::1", "fe80::1", "fc00::1", "fd12:3456::1", "ff02::1", "2001:db8::1"],
      ...["::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::7f00:1"],
    ];
    for (const address of special) assert.equal(isSpecial(address), true, address);
    const open = ["8.8.8.8", "1.1.1.1", "172.32.0.1", "192.169.0.1", "2606:4700::1111", "::ffff:8.8.8.8"];
    for (const address of open) assert.equal(isSpecial(address), false, address);
  });

  it("refuses this machine's addresses however they are written, and by name, before it connects", async () => {
    let requests = 0;
    await serving(
      (_, response) => {
        requests += 1;
        response.end("{}");
      },
      async (port) => {
        for (const host of [
          "127.0.0.1",
          "2130706433",
          "0x7f.1",
          "[::1]",
          "[::ffff:127.0.0.1]",
          "localhost",
        ]) {
          const url = new URL(`http://${host}:${port}/`);
          await assert.rejects(
            fetchGuarded(url, { ...LIMITS, allowPrivate: false }),
            { code: "MT-WATCH-008" },
            host,
          );
        }
        assert.equal(requests, 0);
        const url = new URL(`http://127.0.0.1:${port}/`);
        assert.equal(await fetchGuarded(url, { ...LIMITS, allowPrivate: true }), "{}");
      },
    );
  });

  it("follows no redirect, reads no more than it may, and waits no longer than it may", async () => {
    await serving(
      (request, response) => {
        if (request.url === "/moved") response.writeHead(302, { location: "/" }).end();
        else if (request.url === "/long") response.end("x".repeat(1_001));
        else if (request.url === "/slow") response.write("x");
        else response.end("{}");
      },
      async (port) => {
        const get = (path: string, timeoutMilliseconds = 5_000) =>
          fetchGuarded(new URL(`http://127.0.0.1:${port}${path}`), {
            ...{ ...LIMITS, timeoutMilliseconds, allowPrivate: true },
          });
        await assert.rejects(get("/moved"), { code: "MT-WATCH-001" });
        await assert.rejects(get("/long"), { code: "MT-WATCH-001" });
        await assert.rejects(get("/slow", 300), { code: "MT-WATCH-001" });
        const file = new URL("file:///etc/hostname");
        await assert.rejects(fetchGuarded(file, { ...LIMITS, allowPrivate: true }), { code: "MT-WATCH-001" });
      },
    );
  });
});

async function serving(listener: RequestListener, work: (port: number) => Promise<void>): Promise<void> {
  const server = createServer(listener);
  await once(server.listen(0, "127.0.0.1"), "listening");
  try {
    await work((server.address() as AddressInfo).port);
  } finally {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  }
}
