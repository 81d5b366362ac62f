// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { Address } from "@meantime/sdk/hex";
import { loadConfig } from "../../relayer/src/config/load.ts";
import { type Ledger, openLedger } from "../../relayer/src/ledger/ledger.ts";
import { MIGRATIONS } from "../../relayer/src/ledger/migrations.ts";
import { startRelayer } from "../../relayer/src/relayer.ts";
import { type LocalStack, startLocalStack } from "../../scripts/stack/local.ts";
import { askFor, freshFolder, silentLogger, untilStatus, writeConfig } from "./local-relayer.ts";

const MEANTIME = fileURLToPath(new URL("../../relayer/bin/meantime.js", import.meta.url));

interface Outcome {
  exit: number;
  facts: Record<string, unknown>;
}

describe("meantime db", () => {
  let stack: LocalStack;

  before(async () => {
    stack = await startLocalStack();
  });

  after(async () => {
    await stack?.chain.close();
  });

  it("migrates, backs up beside a running relayer, restores, verifies and rebuilds from the chain", async () => {
    const config = await writeConfig(stack);
    const loaded = loadConfig(config);
    const relayer = await startRelayer(
      { ...loaded, commit: { ...loaded.commit, maxAgeSeconds: 1 } },
      { logger: silentLogger },
    );
    const claimId = await askFor(relayer.url, 1, "window");
    await untilStatus(stack, relayer.url, claimId, "Committed");
    const copy = join(await freshFolder(), "backup");
    const backup = await db("backup", copy, "--config", config);
    assert.equal(backup.exit, 0);
    assert.ok(Number(backup.facts.rows) > 5);
    assert.deepEqual(await db("rebuild", "--config", config), failure(75, "MT-LED-001"));
    await relayer.stop();

    const other = join(await freshFolder(), "ledger.sqlite");
    const applied = MIGRATIONS.map(({ name }) => name);
    const migrated = { kind: "sqlite", schema: applied.length, applied };
    assert.deepEqual(await db("migrate", "--ledger", other), { exit: 0, facts: migrated });
    assert.equal((await db("restore", copy, "--ledger", other)).facts.sha256, backup.facts.sha256);
    assert.deepEqual(await db("restore", copy, "--ledger", other), failure(1, "MT-LED-010"));
    assert.equal((await db("verify", "--ledger", other)).exit, 0);

    const host = join(await freshFolder(), "host");
    const exported = { exit: 0, facts: { written: 1, kept: 0 } };
    assert.deepEqual(await db("export-batches", host, "--config", config), exported);
    const [name = ""] = await readdir(join(host, "v1", "batches"));
    const written = JSON.parse(await readFile(join(host, "v1", "batches", name), "utf8")) as {
      claims: object[];
    };
    assert.equal(written.claims.length, 1);
    assert.ok(written.claims.every((claim) => "opening" in claim && "signature" in claim));
    assert.deepEqual((await db("export-batches", host, "--config", config)).facts, { written: 0, kept: 1 });

    const ledger = await openLedger(loaded.ledger);
    const events = await eventsOfClaims(ledger);
    await ledger.transaction((tx) => tx.deleteFrom("chain_batches").execute());
    await ledger.close();
    const spoilt = await db("verify", "--config", config);
    assert.deepEqual([spoilt.exit, spoilt.facts.ok, spoilt.facts.problemCount], [1, false, 1]);
    assert.equal((await db("rebuild", "--config", config)).exit, 0);
    assert.deepEqual(await db("verify", "--config", config), {
      exit: 0,
      facts: {
        ...{ ok: true, receipts: 1, batches: 1, signers: [stack.operator.receiptKey.address.toLowerCase()] },
        ...{ problemCount: 0, problems: [] },
      },
    });
    const rebuilt = await openLedger(loaded.ledger);
    const known = events.at(-1)?.block_number ?? assert.fail("there are no events");
    const again = await eventsOfClaims(rebuilt);
    assert.deepEqual(
      again.filter(({ block_number }) => block_number <= known),
      events,
    );
    await rebuilt.close();
  });

  it("compares who signed the receipts with the keys on chain", async () => {
    const config = await writeConfig(stack);
    const loaded = loadConfig(config);
    const relayer = await startRelayer(loaded, { logger: silentLogger });
    await askFor(relayer.url, 2, "window");
    await relayer.stop();
    const { file = "" } = loaded.ledger as { file?: string };
    const byChain = ["verify", "--config", config, "--rpc"];
    assert.deepEqual((await db(...byChain)).facts.problems, []);
    assert.deepEqual((await db("verify", "--ledger", file, "--rpc", stack.chain.url)).facts.ok, true);
    assert.deepEqual(await db("verify", "--ledger", file, "--rpc"), failure(1, "MT-CLI-002"));
    const owner = stack.operator.owner.connect(stack.chain.connection.ethers.provider);
    const servedAt = (await stack.chain.now()) + 60;
    await (
      await stack.deployment.receipts.connect(owner).revokeReceiptKey(stack.operator.receiptKey.address)
    ).wait();
    assert.equal((await db(...byChain)).exit, 0, "what a key signed before it was revoked still binds");
    const moved = await openLedger(loaded.ledger);
    await moved.transaction((tx) => tx.updateTable("receipts").set({ served_at: servedAt }).execute());
    await moved.close();
    const late = await db(...byChain);
    assert.match(JSON.stringify(late.facts.problems), /was revoked at/);
  });

  /** What claims' statuses follow from. The index reads other contracts' events anew when it runs. */
  async function eventsOfClaims(ledger: Ledger) {
    const { settlement, receipts } = stack.deployment;
    const contracts = await Promise.all([settlement.getAddress(), receipts.getAddress()]);
    return ledger
      .selectFrom("events")
      .selectAll()
      .where(
        "contract",
        "in",
        contracts.map((address) => address.toLowerCase() as Address),
      )
      .orderBy(["block_number", "log_index"])
      .execute();
  }

  it("tells a wrong call from a ledger that is not there", async () => {
    const nowhere = join(await freshFolder(), "none.sqlite");
    assert.deepEqual(await db("verify", "--ledger", nowhere), failure(1, "MT-LED-003"));
    assert.deepEqual(await db("restore", nowhere, "--ledger", nowhere), failure(1, "MT-LED-011"));
    assert.deepEqual(await db("verify"), failure(1, "MT-CLI-002"));
    assert.deepEqual(
      await db("migrate", "--ledger", "postgres://x:y@127.0.0.1:9/z"),
      failure(75, "MT-LED-008"),
    );
    assert.equal((await db("backup", "--ledger", nowhere)).exit, 2);
    assert.equal((await db("rebuild", "--ledger", nowhere)).exit, 2);
  });
});

function failure(exit: number, code: string): Outcome {
  return { exit, facts: { code } };
}

/** Runs `meantime db ... --json`; of a failure only the code is kept. */
function db(...parameters: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MEANTIME, "db", ...parameters, "--json"], (error, stdout, stderr) => {
      const exit = error ? Number(error.code) : 0;
      if (stdout !== "") return resolve({ exit, facts: JSON.parse(stdout) as Record<string, unknown> });
      const line = stderr.split("\n").find((text) => text.startsWith('{"error"'));
      const failed = line ? (JSON.parse(line) as { error: { code: string } }) : undefined;
      resolve({ exit, facts: failed ? { code: failed.error.code } : {} });
    });
  });
}
