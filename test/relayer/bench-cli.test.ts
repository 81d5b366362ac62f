// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { DIGIT_MODEL } from "../../scripts/chain/models.ts";
import { TEST_DATABASES } from "./databases.ts";
import { freshFolder } from "./local-relayer.ts";

const BIN = fileURLToPath(new URL("../../relayer/bin/meantime.js", import.meta.url));
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const KEY = (digit: string) => `0x${digit.repeat(64)}`;

describe("meantime bench", () => {
  let node: Server;
  let rpcUrl: string;

  before(async () => {
    node = createServer(async (request, response) => {
      const { id } = JSON.parse(await text(request)) as { id: number };
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ jsonrpc: "2.0", id, result: "0x1" }));
    });
    node.listen(0, "127.0.0.1");
    await once(node, "listening");
    rpcUrl = `http://127.0.0.1:${(node.address() as AddressInfo).port}`;
  });

  after(async () => {
    node.closeAllConnections();
    node.close();
    for (const database of TEST_DATABASES) await database.stop();
  });

  for (const database of TEST_DATABASES) {
    it(`measures this machine on ${database.name}, and leaves nothing behind`, {
      skip: database.skip,
    }, async () => {
      const source = await database.fresh();
      const folder = await freshFolder();
      const ledger = "file" in source ? { file: join(folder, "ledger.sqlite") } : source;
      const { code, figures } = await runBench(folder, { chain: rpcUrl, ledger }, "--no-proofs");
      assert.equal(code, 0, JSON.stringify(figures));
      assert.equal(figures.store?.store, database.name === "SQLite" ? "sqlite" : "postgres");
      assert.equal(figures.tree?.leaves, 4_096);
      assert.match(String(figures.signatures?.implementation), /^(native|javascript)$/);
      for (const value of [
        figures.signatures?.perSecond,
        figures.store?.perSecond,
        figures.tree?.milliseconds,
      ])
        assert.ok(Number(value) > 0);
      assert.ok(
        Number((Object.values(figures.rpc ?? {})[0] as { p50Milliseconds: number }).p50Milliseconds) > 0,
      );
      assert.equal(figures.proofs, undefined);
      assert.deepEqual(readdirSync(folder), ["relayer.json"]);
      if ("url" in source) assert.deepEqual(await scratchSchemas(source.url), []);
    });
  }

  it("says what could not be measured, and measures the rest", async () => {
    const folder = await freshFolder();
    const ledger = { file: join(folder, "relayer.json", "is-no-folder") };
    const nobody = "http://127.0.0.1:1";
    const { code, figures } = await runBench(folder, { chain: nobody, ledger }, "--no-proofs");
    assert.equal(code, 1);
    assert.ok(figures.store?.error);
    assert.ok(Number(figures.signatures?.perSecond) > 0);
    assert.ok((Object.values(figures.rpc ?? {})[0] as { error: string }).error);
  });

  it("times proofs of models whose files are here", async () => {
    const folder = await freshFolder();
    const ledger = { file: join(folder, "ledger.sqlite") };
    const { code, figures } = await runBench(folder, { chain: rpcUrl, ledger });
    assert.equal(code, 0, JSON.stringify(figures));
    const timed = figures.proofs?.[DIGIT_MODEL.name] as { seconds: number } | undefined;
    assert.ok(timed && timed.seconds > 0, JSON.stringify(figures.proofs));
  });
});

async function runBench(
  folder: string,
  { chain, ledger }: { chain: string; ledger: object },
  ...flags: string[]
) {
  const config = join(folder, "relayer.json");
  const address = `0x${"0a".repeat(20)}`;
  const path = (file: string) => join(ROOT, file);
  const { spec, wasm, zkey, verificationKey } = DIGIT_MODEL;
  writeFileSync(
    config,
    JSON.stringify({
      chain: { rpcUrl: chain, chainId: 31337, settlement: address },
      operator: { address, senderKey: KEY("1"), receiptKey: KEY("2") },
      gateway: { port: 0 },
      ledger,
      models: [
        { spec: path(spec), wasm: path(wasm), zkey: path(zkey), verificationKey: path(verificationKey) },
      ],
      policies: [{ name: "window", id: KEY("3") }],
    }),
  );
  const child = spawn(process.execPath, [BIN, "bench", "--config", config, "--json", ...flags]);
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (part) => {
    stdout += part;
  });
  child.stderr.on("data", (part) => {
    stderr += part;
  });
  const [code] = (await once(child, "close")) as [number];
  assert.notEqual(stdout, "", stderr);
  return { code, figures: JSON.parse(stdout) as Record<string, Record<string, unknown>> };
}

async function scratchSchemas(url: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query(
      "SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE 'meantime_bench%'",
    );
    return rows;
  } finally {
    await client.end();
  }
}
