// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { loadConfig, parseConfig } from "../../relayer/src/config/load.ts";
import { parseWatchtowerConfig } from "../../relayer/src/config/watch.ts";
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
    operator: { address: `0x${"Bb".repeat(20)}`, senderKey: KEY, receiptKey: OTHER_KEY },
    gateway: {},
    ledger: { file: "ledger.sqlite" },
    models: [{ spec: "models/digits.json" }],
    policies: [{ name: "window", id: `0x${"01".repeat(32)}` }],
    commit: {},
    watch: {},
  };
}

const BEHIND_SERVER = {
  ...{ name: "meta/llama-3.1", weights: "sha256:0123", reexecutable: true },
  upstream: { url: "http://127.0.0.1:8000/v1/" },
};

function behindServer(upstream: object): Record<string, unknown> {
  return { ...BEHIND_SERVER, upstream: { ...BEHIND_SERVER.upstream, ...upstream } };
}

describe("configuration of a watchtower alone", () => {
  const settlement = `0x${"Aa".repeat(20)}`;
  const file = (chainId: number, watch: object) => ({
    chain: { rpcUrl: "http://127.0.0.1:8545", chainId, settlement },
    ledger: { file: "ledger.sqlite" },
    models: [{ spec: "models/digits.json" }],
    watch,
  });

  it("takes its key from where a relayer does", () => {
    const keystore = { keystore: "keys/challenger.json", passwordFile: "keys/password" };
    const { watch, ledger } = parseWatchtowerConfig(
      file(1, { mode: "auto", challengerKey: keystore }),
      "/etc",
    );
    assert.deepEqual(watch.challengerKey, {
      ...{ kind: "keystore", file: "/etc/keys/challenger.json" },
      password: { file: "/etc/keys/password" },
    });
    assert.deepEqual(ledger, { file: "/etc/ledger.sqlite" });
    assert.equal(watch.allowPrivateAddresses, false);
    const plain = parseWatchtowerConfig(file(31_337, { challengerKey: KEY }), "/etc");
    assert.deepEqual(plain.watch.challengerKey, { kind: "plain", privateKey: KEY });
    assert.equal(plain.watch.allowPrivateAddresses, true);
  });

  it("refuses a key in the file off the development chain, and to act without one", () => {
    for (const [code, watch] of [
      ["MT-CFG-004", { challengerKey: KEY }],
      ["MT-CFG-006", { mode: "oversight" }],
    ] as const) {
      assert.throws(
        () => parseWatchtowerConfig(file(1, watch), "/etc"),
        (error) =>
          error instanceof RelayerError &&
          error.code === code &&
          error.details.path === "watch.challengerKey",
        code,
      );
    }
  });
});

describe("configuration", () => {
  it("fills in defaults, resolves paths against the file's folder and lowers hex", () => {
    const config = parseConfig(sample(), "/etc/meantime");
    assert.equal(config.chain.confirmations, 1);
    assert.equal(config.chain.pollMilliseconds, 250);
    assert.equal(config.chain.settlement, `0x${"aa".repeat(20)}`);
    assert.deepEqual(config.ledger, { file: "/etc/meantime/ledger.sqlite" });
    const [model] = config.models;
    assert.ok(model && "spec" in model);
    assert.equal(model.spec, "/etc/meantime/models/digits.json");
    assert.equal(config.policies[0]?.prove, "never");
    assert.equal(config.watch.mode, "off");
  });

  it("takes how long a lease lasts, within what a database and an operator can bear", () => {
    const json = sample();
    assert.equal(parseConfig(json, "/").leaseMilliseconds, 15_000);
    json.ledger.leaseSeconds = 3;
    assert.equal(parseConfig(json, "/").leaseMilliseconds, 3_000);
    for (const leaseSeconds of [1, 121, 2.5]) {
      json.ledger.leaseSeconds = leaseSeconds;
      assert.throws(() => parseConfig(json, "/"), /ledger\.leaseSeconds/);
    }
  });

  it("takes one endpoint, several, or both, none twice", () => {
    const json = sample();
    const [one, other] = ["http://127.0.0.1:8545", "https://node.example/key"];
    assert.deepEqual(parseConfig(json, "/").chain.rpcUrls, [one]);
    json.chain.rpcUrls = [other, one];
    assert.deepEqual(parseConfig(json, "/").chain.rpcUrls, [one, other]);
    delete json.chain.rpcUrl;
    assert.deepEqual(parseConfig(json, "/").chain.rpcUrls, [other, one]);
  });

  it("takes keys from the environment", () => {
    const json = sample();
    json.operator.senderKey = { env: "SENDER" };
    json.operator.receiptKey = { env: "RECEIPT" };
    const { operator } = parseConfig(json, "/", { SENDER: KEY, RECEIPT: OTHER_KEY });
    assert.deepEqual(operator.senderKey, { kind: "plain", privateKey: KEY });
    assert.deepEqual(operator.receiptKey, { kind: "plain", privateKey: OTHER_KEY });
  });

  it("takes the key of a model's server from its variable, and names the model there as here", () => {
    const json = sample();
    json.models = [
      behindServer({ apiKey: { env: "UPSTREAM_API_KEY" } }),
      behindServer({ model: "llama:8b" }),
    ];
    const { models } = parseConfig(json, "/", { UPSTREAM_API_KEY: "sk-1" });
    const entry = { name: "meta/llama-3.1", version: 1, weights: "sha256:0123", reexecutable: true };
    const url = "http://127.0.0.1:8000/v1";
    assert.deepEqual(models, [
      { ...entry, measurement: undefined, upstream: { url, apiKey: "sk-1", model: "meta/llama-3.1" } },
      { ...entry, measurement: undefined, upstream: { url, apiKey: undefined, model: "llama:8b" } },
    ]);
  });

  const bad: [string, string, string, (json: Sample) => void][] = [
    ["a missing key", "MT-CFG-003", "chain.rpcUrl", (json) => delete json.chain.rpcUrl],
    ["no endpoint", "MT-CFG-003", "chain.rpcUrls", (json) => (json.chain.rpcUrls = [])],
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
      "no time to commit",
      "MT-CFG-006",
      "commit.maxAgeSeconds",
      (json) => Object.assign(json.commit, { maxAgeSeconds: 60, commitHorizonSeconds: 60 }),
    ],
    [
      "blobs from the sender of answers",
      "MT-CFG-006",
      "operator.senderKeys.commit",
      (json) => Object.assign(json.commit, { availability: "blob" }),
    ],
    [
      "blobs of one policy from the sender of answers",
      "MT-CFG-006",
      "operator.senderKeys.commit",
      (json) => Object.assign(json.policies[0] ?? {}, { availability: "blob" }),
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
      "a model behind a server that nobody runs",
      "MT-CFG-006",
      "models.0.upstream",
      (json) => (json.models = [{ ...BEHIND_SERVER, upstream: undefined }]),
    ],
    [
      "a model behind a server about which nothing can be proven",
      "MT-CFG-006",
      "models.0",
      (json) => (json.models = [{ ...BEHIND_SERVER, reexecutable: false }]),
    ],
    [
      "a server's key that is not set",
      "MT-CFG-006",
      "models.0.upstream.apiKey",
      (json) => (json.models = [behindServer({ apiKey: { env: "NOT_SET" } })]),
    ],
    [
      "a server's key in the file",
      "MT-CFG-003",
      "models.0.upstream.apiKey",
      (json) => (json.models = [behindServer({ apiKey: "sk-1" })]),
    ],
    [
      "a server's address with a query",
      "MT-CFG-003",
      "models.0.upstream.url",
      (json) => (json.models = [behindServer({ url: "http://127.0.0.1/v1?key=1" })]),
    ],
    [
      "a model behind a server without weights",
      "MT-CFG-003",
      "models.0.weights",
      (json) => (json.models = [{ ...BEHIND_SERVER, weights: undefined }]),
    ],
    [
      "an unknown key of a network",
      "MT-CFG-003",
      "models.0.specs",
      (json) => Object.assign(json.models[0] ?? {}, { specs: "x" }),
    ],
    [
      "a policy twice",
      "MT-CFG-006",
      "policies.1.name",
      (json) => json.policies.push({ name: "window", id: `0x${"02".repeat(32)}` }),
    ],
    ["a ledger in memory", "MT-CFG-006", "ledger.file", (json) => (json.ledger.file = ":memory:")],
    ["a ledger at two places", "MT-CFG-006", "ledger", (json) => (json.ledger.url = "postgres://db/x")],
    ["a ledger nowhere", "MT-CFG-006", "ledger.file", (json) => delete json.ledger.file],
    [
      "a ledger behind no variable",
      "MT-CFG-006",
      "ledger.url",
      (json) => (json.ledger = { url: { env: "DB" } }),
    ],
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

  describe("of an enclave", () => {
    const MEASUREMENT = `0x${"33".repeat(32)}`;
    const withEnclave = (section: object, change: (json: Sample) => void = () => undefined): Sample => {
      const json = sample();
      json.chain.enclaveEvidence = `0x${"Cc".repeat(20)}`;
      json.operator.enclaveKey = KEY;
      json.models = [{ spec: "models/digits.json", measurement: MEASUREMENT }];
      json.enclave = { attestor: { kind: "simulated" }, registrarKey: OTHER_KEY, ...section };
      change(json);
      return json;
    };

    it("fills in defaults and takes the models' measurement", () => {
      assert.deepEqual(parseConfig(withEnclave({}), "/etc").enclave, {
        attestor: { kind: "simulated", platform: "nitro", image: "meantime simulated image" },
        ...{ registrarKey: OTHER_KEY, measurement: MEASUREMENT, renewBeforeSeconds: 5_400 },
      });
      const dstack = parseConfig(withEnclave({ attestor: { kind: "dstack" } }), "/etc").enclave?.attestor;
      assert.deepEqual(dstack, { kind: "dstack", endpoint: "/var/run/dstack.sock" });
      assert.equal(parseConfig(sample(), "/etc").enclave, undefined);
    });

    it("names what contradicts it", () => {
      const cases: [string, string, Sample][] = [
        ["MT-CFG-006", "chain.enclaveEvidence", withEnclave({}, ({ chain }) => delete chain.enclaveEvidence)],
        ["MT-CFG-006", "operator.enclaveKey", withEnclave({}, ({ operator }) => delete operator.enclaveKey)],
        ["MT-CFG-006", "enclave.registrarKey", withEnclave({ registrarKey: KEY })],
        [
          "MT-CFG-006",
          "enclave.measurement",
          withEnclave({}, (json) => (json.models = [{ spec: "a.json" }])),
        ],
        ["MT-CFG-003", "enclave.attestor.kind", withEnclave({ attestor: { kind: "sev" } })],
        [
          "MT-CFG-003",
          "enclave.attestor.endpoint",
          withEnclave({ attestor: { kind: "dstack", endpoint: "sock" } }),
        ],
        ["MT-CFG-003", "enclave.renewBeforeSeconds", withEnclave({ renewBeforeSeconds: 1 })],
      ];
      for (const [code, path, json] of cases) {
        assert.throws(
          () => parseConfig(json, "/etc"),
          (error) => error instanceof RelayerError && error.code === code && error.details.path === path,
          path,
        );
      }
    });

    it("simulates on the development chain alone", () => {
      const environment = { KEY_A: KEY, KEY_B: OTHER_KEY };
      const json = withEnclave({ registrarKey: { env: "KEY_B" } }, ({ chain, operator }) => {
        chain.chainId = 1;
        operator.enclaveKey = { env: "KEY_A" };
        for (const [index, name] of ["senderKey", "receiptKey"].entries()) {
          operator[name] = { remote: "http://127.0.0.1:9000", address: `0x${String(index + 1).repeat(40)}` };
        }
      });
      assert.throws(() => parseConfig(json, "/etc", environment), { code: "MT-CFG-006" });
      json.enclave = { ...(json.enclave as object), attestor: { kind: "nitriding" } };
      assert.equal(parseConfig(json, "/etc", environment).enclave?.attestor.kind, "nitriding");
    });
  });
});
