// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { loadConfig, parseConfig } from "../../relayer/src/config/load.ts";
import { RelayerError } from "../../relayer/src/errors.ts";
import { freshFolder } from "./local-relayer.ts";

const KEY = `0x${"11".repeat(32)}`;
const OTHER_KEY = `0x${"22".repeat(32)}`;

interface Sample {
  chain: Record<string, unknown>;
  operator: Record<string, unknown>;
  gateway: Record<string, unknown>;
  ledger: Record<string, unknown>;
  models: Record<string, unknown>[];
  policies: Record<string, unknown>[];
  commit: Record<string, unknown>;
  watch: Record<string, unknown>;
  [other: string]: unknown;
}

function sample(): Sample {
  return {
    chain: { rpcUrl: "http://127.0.0.1:8545", chainId: 31337, settlement: `0x${"Aa".repeat(20)}` },
    operator: { address: `0x${"Bb".repeat(20)}`, senderKey: KEY, receiptKey: KEY },
    gateway: {},
    ledger: { file: "ledger.sqlite" },
    models: [{ spec: "models/digits.json" }],
    policies: [{ name: "window", id: `0x${"01".repeat(32)}` }],
    commit: {},
    watch: {},
  };
}

describe("configuration", () => {
  it("fills in defaults, resolves paths against the file's folder and lowers hex", () => {
    const config = parseConfig(sample(), "/etc/meantime");
    assert.equal(config.chain.confirmations, 1);
    assert.equal(config.chain.pollMilliseconds, 250);
    assert.equal(config.chain.settlement, `0x${"aa".repeat(20)}`);
    assert.equal(config.ledger.file, "/etc/meantime/ledger.sqlite");
    assert.equal(config.models[0]?.spec, "/etc/meantime/models/digits.json");
    assert.equal(config.policies[0]?.prove, "never");
    assert.equal(config.watch.mode, "off");
  });

  it("takes keys from the environment on any chain", () => {
    const json = sample();
    json.chain.chainId = 1;
    json.operator.senderKey = { env: "SENDER" };
    json.operator.receiptKey = { env: "RECEIPT" };
    const config = parseConfig(json, "/", { SENDER: KEY, RECEIPT: OTHER_KEY });
    assert.equal(config.operator.senderKey, KEY);
    assert.equal(config.operator.receiptKey, OTHER_KEY);
  });

  const bad: [string, string, string, (json: Sample) => void][] = [
    ["a missing key", "MT-CFG-003", "chain.rpcUrl", (json) => delete json.chain.rpcUrl],
    ["an unknown key", "MT-CFG-003", "gateway.prot", (json) => (json.gateway.prot = 1)],
    ["an unknown section", "MT-CFG-003", "gatway", (json) => (json.gatway = {})],
    ["another scheme", "MT-CFG-003", "chain.rpcUrl", (json) => (json.chain.rpcUrl = "ftp://node")],
    ["a short address", "MT-CFG-003", "operator.address", (json) => (json.operator.address = "0x12")],
    ["no model", "MT-CFG-003", "models", (json) => (json.models = [])],
    [
      "a sample over 1",
      "MT-CFG-003",
      "policies.0.prove.sample",
      (json) => Object.assign(json.policies[0] ?? {}, { prove: { sample: 2 } }),
    ],
    [
      "a plain key off the development chain",
      "MT-CFG-004",
      "operator.senderKey",
      (json) => (json.chain.chainId = 1),
    ],
    [
      "an unset variable",
      "MT-CFG-005",
      "operator.receiptKey",
      (json) => (json.operator.receiptKey = { env: "NOT_SET" }),
    ],
    [
      "a variable without a key",
      "MT-CFG-005",
      "operator.receiptKey",
      (json) => (json.operator.receiptKey = { env: "EMPTY" }),
    ],
    [
      "auto watching without a key",
      "MT-CFG-006",
      "watch.challengerKey",
      (json) => (json.watch.mode = "auto"),
    ],
    [
      "one key for two senders",
      "MT-CFG-006",
      "watch.challengerKey",
      (json) => (json.watch.challengerKey = KEY),
    ],
    [
      "no time to commit",
      "MT-CFG-006",
      "commit.maxAgeSeconds",
      (json) => Object.assign(json.commit, { maxAgeSeconds: 60, commitHorizonSeconds: 60 }),
    ],
    [
      "half of the proving files",
      "MT-CFG-006",
      "models.0",
      (json) => Object.assign(json.models[0] ?? {}, { verificationKey: "v", wasm: "w" }),
    ],
    [
      "proving files without their key",
      "MT-CFG-006",
      "models.0.verificationKey",
      (json) => Object.assign(json.models[0] ?? {}, { wasm: "w", zkey: "z" }),
    ],
    [
      "a policy twice",
      "MT-CFG-006",
      "policies.1.name",
      (json) => json.policies.push({ name: "window", id: `0x${"02".repeat(32)}` }),
    ],
    ["a ledger in memory", "MT-CFG-006", "ledger.file", (json) => (json.ledger.file = ":memory:")],
  ];
  for (const [what, code, path, spoil] of bad) {
    it(`refuses ${what}, naming ${path}`, () => {
      const json = sample();
      spoil(json);
      assert.throws(
        () => parseConfig(json, "/", { EMPTY: "" }),
        (error: unknown) => {
          assert.ok(error instanceof RelayerError);
          assert.equal(error.code, code);
          assert.equal(error.details.path, path);
          assert.ok(error.message.startsWith(path));
          assert.ok(error.hint.length > 10);
          return true;
        },
      );
    });
  }

  it("never puts a private key into an error", () => {
    const json = sample();
    json.operator.senderKey = `${KEY}99`;
    assert.throws(
      () => parseConfig(json, "/"),
      (error: unknown) =>
        error instanceof RelayerError && !JSON.stringify([error.message, error.details]).includes("1111"),
    );
  });

  it("tells an unreadable file from one that is not JSON", async () => {
    const folder = await freshFolder();
    const file = join(folder, "broken.json");
    await writeFile(file, "{ not json");
    assert.throws(() => loadConfig(join(folder, "missing.json")), { code: "MT-CFG-001" });
    assert.throws(() => loadConfig(file), { code: "MT-CFG-002" });
  });
});
