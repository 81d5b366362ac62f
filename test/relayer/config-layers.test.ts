// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { layerConfig } from "../../relayer/src/config/layers.ts";
import { loadConfig } from "../../relayer/src/config/load.ts";
import { settings } from "../../relayer/src/config/paths.ts";
import { redactUrl } from "../../relayer/src/config/redact.ts";
import { loadWatchtowerConfig } from "../../relayer/src/config/watch.ts";
import { freshFolder } from "./local-relayer.ts";

const BIN = fileURLToPath(new URL("../../relayer/bin/meantime.js", import.meta.url));
const KEY = `0x${"11".repeat(32)}`;
const OTHER_KEY = `0x${"22".repeat(32)}`;
const FILE = {
  chain: {
    rpcUrl: "https://node.example/v2/api-token",
    chainId: 31337,
    settlement: `0x${"aa".repeat(20)}`,
    pollMilliseconds: 500,
  },
  operator: { address: `0x${"bb".repeat(20)}`, senderKey: KEY, receiptKey: { env: "RECEIPT_KEY" } },
  gateway: { port: 1000 },
  ledger: { file: "ledger.sqlite" },
  models: [{ spec: "digits.json" }],
  policies: [{ name: "window", id: `0x${"01".repeat(32)}` }],
};

describe("layers of the configuration", () => {
  it("are the file, over it the environment, over that the flags", async () => {
    const file = await written(FILE);
    const environment = {
      RECEIPT_KEY: OTHER_KEY,
      MEANTIME_GATEWAY_PORT: "2000",
      MEANTIME_CHAIN_POLL_MILLISECONDS: "300",
      MEANTIME_LOG_LEVEL: "warn",
      MEANTIME_POLICIES: `[{"name":"proof","id":"0x${"02".repeat(32)}","prove":"always"}]`,
      MEANTIME_GATEWAY_HOST: "",
    };
    const config = loadConfig(file, {
      environment,
      flags: ["gateway.port=3000", "gateway.port=4000", "policies.0.prove=never"],
    });
    assert.equal(config.gateway.port, 4000);
    assert.equal(config.gateway.host, "127.0.0.1");
    assert.equal(config.chain.pollMilliseconds, 300);
    assert.equal(config.log.level, "warn");
    assert.deepEqual(
      config.policies.map(({ name, prove }) => [name, prove]),
      [["proof", "never"]],
    );
  });

  it("are the same for a watchtower, with the names that its own schema has", async () => {
    const { chain, ledger, models } = FILE;
    const file = await written({ chain, ledger, models, watch: { mode: "manual" } });
    const environment = {
      WATCHER: OTHER_KEY,
      MEANTIME_CHAIN_POLL_MILLISECONDS: "300",
      MEANTIME_WATCH_CHALLENGER_KEY: '{"env":"WATCHER"}',
      MEANTIME_WATCH_MODE: "oversight",
      // A relayer's: a watchtower has no operator, and takes no notice.
      MEANTIME_OPERATOR_ADDRESS: `0x${"cc".repeat(20)}`,
    };
    let origins: ReadonlyMap<string, string> = new Map();
    const config = loadWatchtowerConfig(file, {
      environment,
      flags: ["watch.mode=auto", "fees.challengeShare=0.25"],
      onOrigins: (told) => {
        origins = told;
      },
    });
    assert.deepEqual(
      [config.chain.pollMilliseconds, config.watch.mode, config.fees.challengeShare],
      [300, "auto", 0.25],
    );
    assert.deepEqual(config.watch.challengerKey, { kind: "plain", privateKey: OTHER_KEY });
    assert.equal(origins.get("watch.mode"), "flag");
    assert.equal(origins.get("chain.pollMilliseconds"), "environment MEANTIME_CHAIN_POLL_MILLISECONDS");
    assert.throws(() => loadWatchtowerConfig(file, { environment, flags: ["gateway.port=1"] }), {
      code: "MT-CFG-013",
    });
  });

  it("say of every value where it comes from", () => {
    const { origins } = layerConfig(FILE, {
      environment: { MEANTIME_CHAIN_RPC_URL: "http://other" },
      flags: ["commit.maxClaims=7", 'operator.senderKey={"env":"SENDER"}'],
    });
    assert.equal(origins.get("chain.rpcUrl"), "environment MEANTIME_CHAIN_RPC_URL");
    assert.equal(origins.get("commit.maxClaims"), "flag");
    assert.equal(origins.get("operator.senderKey.env"), "flag");
    assert.equal(origins.has("operator.senderKey"), false);
    assert.equal(origins.get("models.0.spec"), "file");
  });

  it("do not change the file's object, and leave what is no object to the schema", () => {
    const file = structuredClone(FILE);
    layerConfig(file, { environment: {}, flags: ["chain.chainId=5"] });
    assert.deepEqual(file, FILE);
    assert.deepEqual(layerConfig([1], { environment: { MEANTIME_LOG_LEVEL: "info" }, flags: [] }).json, [1]);
  });

  const bad: [string, string][] = [
    ["no value", "gateway.port"],
    ["an unknown key", "gateway.prot=1"],
    ["the prototype", "__proto__.polluted=1"],
    ["a number that is none", "gateway.port=http"],
    ["broken JSON", "models=[{"],
  ];
  for (const [what, flag] of bad) {
    it(`refuse ${what}`, () => {
      assert.throws(() => layerConfig(FILE, { environment: {}, flags: [flag] }), { code: "MT-CFG-013" });
    });
  }

  it("give every setting one variable", () => {
    const variables = settings().map(({ variable }) => variable);
    assert.equal(new Set(variables).size, variables.length);
    assert.ok(variables.includes("MEANTIME_COMMIT_MAX_AGE_SECONDS"));
  });
});

describe("meantime config show", () => {
  it("prints values, origins and no secret", async () => {
    const file = await written(FILE);
    const { status, stdout } = run(
      ["config", "show", "--config", file, "--set", "gateway.port=9", "--json"],
      {
        RECEIPT_KEY: OTHER_KEY,
        MEANTIME_LOG_LEVEL: "error",
      },
    );
    assert.equal(status, 0);
    const values = new Map<string, { value: unknown; origin: string }>(
      JSON.parse(stdout).values.map((shown: { path: string }) => [shown.path, shown]),
    );
    assert.equal(values.get("gateway.port")?.origin, "flag");
    assert.equal(values.get("log.level")?.origin, "environment MEANTIME_LOG_LEVEL");
    assert.deepEqual(values.get("commit.maxClaims"), {
      path: "commit.maxClaims",
      value: 1024,
      origin: "default",
    });
    assert.equal(values.get("operator.receiptKey.env")?.value, "RECEIPT_KEY");
    assert.equal(values.get("policies.0.id")?.value, FILE.policies[0]?.id);
    assert.ok(!/1111|2222|api-token/.test(stdout));
  });

  it("refuses what start would refuse, with the same code and a link", async () => {
    const { status, stderr } = run(["config", "show", "--config", await written({}), "--json"]);
    assert.equal(status, 1);
    const { error } = JSON.parse(stderr);
    assert.equal(error.code, "MT-CFG-003");
    assert.equal(error.docs, "docs/ERRORS.md#mt-cfg-003");
  });

  it("hides what providers put tokens into", () => {
    assert.equal(redactUrl("https://u:p@host:1/x?y=z"), "https://host:1/(redacted)");
    assert.equal(redactUrl("postgres://meantime:p@db/ledger"), "postgres://db/(redacted)");
    assert.equal(redactUrl("http://127.0.0.1:8545"), "http://127.0.0.1:8545");
    assert.equal(redactUrl("/etc/keys/x.json"), "/etc/keys/x.json");
  });
});

describe("meantime init", () => {
  const args = (folder: string, deployment: string, ...more: string[]) => [
    ...["init", "--deployment", deployment, "--rpc", "http://127.0.0.1:8545", "--out", folder, "--json"],
    ...["--operator", `0x${"bb".repeat(20)}`, "--model", "tiny_mlp", "--watch"],
    ...["--policy", `window=0x${"01".repeat(32)}`, "--policy", `proof=0x${"02".repeat(32)}=always`, ...more],
  ];

  it("writes a configuration that loads, with its schema beside it", async () => {
    const folder = await freshFolder();
    const deployment = join(folder, "deployment.json");
    writeFileSync(deployment, JSON.stringify({ chainId: 31337, settlement: `0x${"aa".repeat(20)}` }));
    const { status, stdout, stderr } = run(args(folder, deployment));
    assert.equal(status, 0, stderr);
    const { config: file, schema } = JSON.parse(stdout);
    const environment = {
      MEANTIME_SENDER_PRIVATE_KEY: KEY,
      MEANTIME_RECEIPTS_PRIVATE_KEY: OTHER_KEY,
      MEANTIME_CHALLENGER_PRIVATE_KEY: `0x${"33".repeat(32)}`,
    };
    const config = loadConfig(file, { environment });
    assert.deepEqual(
      config.policies.map(({ prove }) => prove),
      ["never", "always"],
    );
    for (const path of [config.models[0]?.spec, config.models[0]?.wasm, config.models[0]?.zkey]) {
      assert.ok(readFileSync(path ?? "").length > 0);
    }
    assert.equal(JSON.parse(readFileSync(file, "utf8")).$schema, "./relayer.schema.json");
    assert.equal(JSON.parse(readFileSync(schema, "utf8")).type, "object");

    assert.equal(JSON.parse(run(args(folder, deployment)).stderr).error.code, "MT-CLI-009");
    assert.equal(run(args(folder, deployment, "--force")).status, 0);
  });

  it("names keystores on every other chain, and says how to make them", async () => {
    const folder = await freshFolder();
    const deployment = join(folder, "deployment.json");
    writeFileSync(deployment, JSON.stringify({ chainId: 1, settlement: `0x${"aa".repeat(20)}` }));
    const { status, stdout } = run(args(folder, deployment).filter((argument) => argument !== "--json"));
    assert.equal(status, 0);
    const { operator } = loadConfig(join(folder, "relayer.json"), { environment: {} });
    assert.deepEqual(operator.senderKey, {
      kind: "keystore",
      file: join(folder, "keys/sender.json"),
      password: { file: join(folder, "keys/sender.password") },
    });
    for (const role of ["sender", "receipts", "challenger"])
      assert.match(stdout, new RegExp(`keys new .*${role}`));
  });

  it("refuses flags that make no configuration", async () => {
    const folder = await freshFolder();
    const deployment = join(folder, "deployment.json");
    assert.equal(JSON.parse(run(args(folder, deployment)).stderr).error.code, "MT-CLI-001");
    writeFileSync(deployment, JSON.stringify({ chainId: 1, settlement: "0x12" }));
    assert.equal(JSON.parse(run(args(folder, deployment)).stderr).error.code, "MT-CLI-002");
    assert.equal(run(["init"]).status, 2);
  });
});

async function written(config: unknown): Promise<string> {
  const file = join(await freshFolder(), "relayer.json");
  writeFileSync(file, JSON.stringify(config));
  return file;
}

function run(parameters: string[], environment: Record<string, string> = {}) {
  const env = { PATH: process.env.PATH, ...environment };
  return spawnSync(process.execPath, [BIN, ...parameters], { env, encoding: "utf8" });
}
