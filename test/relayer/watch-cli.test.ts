// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { Address, Hex } from "@meantime/sdk/hex";
import { receiptToJson, signReceipt } from "@meantime/sdk/receipt";
import { openLedger } from "../../relayer/src/ledger/ledger.ts";
import { digitModelUrl } from "../../scripts/chain/models.ts";
import { freshFolder } from "./local-relayer.ts";
import { storedReceipt } from "./receipts.ts";

const BIN = fileURLToPath(new URL("../../relayer/bin/meantime.js", import.meta.url));
const SETTLEMENT: Address = `0x${"5e".repeat(20)}`;
const KEY: Hex = `0x${"4e".repeat(32)}`;

describe("meantime watch, beside a watchtower that runs", () => {
  let folder: string;
  let config: string;

  before(async () => {
    folder = await freshFolder();
    config = join(folder, "watchtower.json");
    const file = {
      chain: { rpcUrl: "http://127.0.0.1:9", chainId: 31_337, settlement: SETTLEMENT },
      ledger: { file: "ledger.sqlite" },
      models: [{ spec: fileURLToPath(digitModelUrl("spec")) }],
      watch: { mode: "oversight", challengerKey: KEY, receiptsFolder: "held" },
    };
    await writeFile(config, JSON.stringify(file));
  });

  it("lists proposals and takes a decision once", async () => {
    const before = await meantime("proposals");
    assert.deepEqual([before.code, errorOf(before)], [1, "MT-LED-003"], "there is no ledger yet");
    const ledger = await openLedger({ file: join(folder, "ledger.sqlite") });
    try {
      await ledger.transaction((tx) =>
        tx
          .insertInto("watch_actions")
          .values({
            ...{ dedupe_key: "a", kind: "challenge", state: "queued", reason: "a lie", operator: SETTLEMENT },
            ...{ bond_wei: "5", due_by: 2_000_000_000, intent: "{}" },
          })
          .execute(),
      );
      // The ledger is open, as a watchtower has it.
      const listed = JSON.parse((await meantime("proposals")).stdout) as { proposals: { id: number }[] };
      assert.equal(listed.proposals.length, 1);
      const id = String(listed.proposals[0]?.id);
      const approved = await meantime("approve", id);
      assert.deepEqual(JSON.parse(approved.stdout), { id: Number(id), state: "approved" });
      assert.equal(errorOf(await meantime("reject", id)), "MT-WATCH-010");
      assert.equal(errorOf(await meantime("reject", "none")), "MT-WATCH-010");
      assert.deepEqual(JSON.parse((await meantime("proposals")).stdout), { proposals: [] });
      const coverage = JSON.parse((await meantime("coverage")).stdout) as { claims: number };
      assert.equal(coverage.claims, 0);
    } finally {
      await ledger.close();
    }
  });

  it("puts a receipt of this chain where the watchtower reads it, and refuses any other", async () => {
    const { claim } = storedReceipt(1).receipt;
    const receipt = signReceipt(KEY, claim, { chainId: 31_337n, settlement: SETTLEMENT });
    await writeFile(join(folder, "answer.json"), JSON.stringify({ receipt: receiptToJson(receipt) }));
    const { stdout } = await meantime("add-receipt", join(folder, "answer.json"));
    const stored = JSON.parse(stdout) as { claimId: Hex; file: string };
    assert.equal(stored.claimId, receipt.claimId);
    assert.deepEqual(JSON.parse(await readFile(stored.file, "utf8")), receiptToJson(receipt));
    const foreign = signReceipt(KEY, claim, { chainId: 1n, settlement: SETTLEMENT });
    await writeFile(join(folder, "foreign.json"), JSON.stringify(receiptToJson(foreign)));
    const refused = await meantime("add-receipt", join(folder, "foreign.json"));
    assert.deepEqual([refused.code, errorOf(refused)], [1, "MT-WATCH-011"]);
  });

  async function meantime(...command: string[]) {
    const child = spawn(process.execPath, [BIN, "watch", ...command, "--config", config, "--json"]);
    const [stdout, stderr, code] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      new Promise<number | null>((resolve) => child.once("close", resolve)),
    ]);
    return { stdout, stderr, code };
  }
});

function errorOf({ stderr }: { stderr: string }): string | undefined {
  return (JSON.parse(stderr) as { error: { code: string } }).error.code;
}
