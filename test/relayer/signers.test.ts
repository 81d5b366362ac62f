// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Hex, keccak256 } from "@meantime/sdk/hex";
import { addressOf, recoverAddress, signDigest } from "@meantime/sdk/signature";
import { SigningKey, Wallet } from "ethers";
import { main } from "../../relayer/src/cli/main.ts";
import { parseConfig } from "../../relayer/src/config/load.ts";
import { encryptKeystore, keystoreAddress, openKeystore } from "../../relayer/src/signers/keystore.ts";
import { OPERATOR_LANES, openSigner, openSigners } from "../../relayer/src/signers/open.ts";
import { remoteSigner } from "../../relayer/src/signers/remote.ts";
import { freshFolder } from "./local-relayer.ts";

const KEY: Hex = `0x${"11".repeat(32)}`;
const OTHER_KEY: Hex = `0x${"22".repeat(32)}`;
const MESSAGE: Hex = "0x02c0ffee";
const CHEAP = 1 << 12;

describe("keystores", () => {
  it("hold a key that only the password opens, and that ethers opens too", async () => {
    const file = join(await freshFolder(), "key.json");
    writeFileSync(file, await encryptKeystore(KEY, "correct horse", CHEAP));
    assert.equal(await openKeystore(file, "correct horse"), KEY);
    assert.equal(keystoreAddress(file), addressOf(KEY));
    assert.equal(
      (await Wallet.fromEncryptedJson(readFileSync(file, "utf8"), "correct horse")).privateKey,
      KEY,
    );
    assert.ok(!readFileSync(file, "utf8").includes("1111"));
    await assert.rejects(openKeystore(file, "wrong"), (error: Error & { code: string }) => {
      assert.equal(error.code, "MT-KEY-002");
      assert.ok(!error.message.includes("wrong"));
      return true;
    });
  });

  it("that are none, or of an altered ciphertext, are refused", async () => {
    const folder = await freshFolder();
    const file = join(folder, "key.json");
    await assert.rejects(openKeystore(file, "p"), { code: "MT-KEY-001" });
    writeFileSync(file, "{}");
    await assert.rejects(openKeystore(file, "p"), { code: "MT-KEY-001" });
    const json = JSON.parse(await encryptKeystore(KEY, "p", CHEAP));
    json.Crypto.ciphertext = `${"00".repeat(8)}${json.Crypto.ciphertext.slice(16)}`;
    writeFileSync(file, JSON.stringify(json));
    await assert.rejects(openKeystore(file, "p"), { code: "MT-KEY-002" });
  });

  it("take their password from a file or a variable, and say when there is none", async () => {
    const folder = await freshFolder();
    const file = join(folder, "key.json");
    writeFileSync(file, await encryptKeystore(KEY, "pass word", CHEAP));
    writeFileSync(join(folder, "password"), "pass word\nanother line\n");
    const source = { kind: "keystore", file, password: { file: join(folder, "password") } } as const;
    const signer = await openSigner(source);
    assert.equal(signer.address, addressOf(KEY));
    assert.equal(recoverAddress(keccak256(MESSAGE), await signer.sign(MESSAGE)), addressOf(KEY));
    const missing = { ...source, password: { file: join(folder, "none") } };
    await assert.rejects(openSigner(missing), { code: "MT-KEY-003" });
    await assert.rejects(openSigner({ ...source, password: { env: "MEANTIME_TEST_UNSET" } }), {
      code: "MT-KEY-003",
    });
  });
});

describe("remote signer", () => {
  let server: Server;
  let url: string;
  let answer: "signature" | "bare" | "otherKey" | "otherMessage" | "refusal" | "failure" | "silence";
  const seen: { path: string; body: string; authorization: string | undefined }[] = [];

  before(async () => {
    server = createServer(async (request, response) => {
      let body = "";
      for await (const chunk of request) body += String(chunk);
      seen.push({ path: request.url ?? "", body, authorization: request.headers.authorization });
      if (request.url === "/api/v1/eth1/publicKeys") {
        response.end(JSON.stringify([OTHER_KEY, KEY].map((key) => `0x${publicKey(key)}`)));
        return;
      }
      const { data } = JSON.parse(body) as { data: Hex };
      const signature = signDigest(KEY, keccak256(data));
      switch (answer) {
        case "signature":
          return response.end(JSON.stringify(signature));
        case "bare":
          return response.end(signature);
        case "otherKey":
          return response.end(JSON.stringify(signDigest(OTHER_KEY, keccak256(data))));
        case "otherMessage":
          return response.end(JSON.stringify(signDigest(KEY, keccak256("0x00"))));
        case "refusal":
          return response.writeHead(403).end();
        case "failure":
          return response.writeHead(503).end();
        case "silence":
          return;
      }
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  after(() => {
    server.closeAllConnections();
    server.close();
  });

  const connect = (address = addressOf(KEY), at = url) =>
    remoteSigner({ url: at, address, timeoutMilliseconds: 200 });

  it("is given the message, not its hash, under the key of the address", async () => {
    const signer = await connect();
    for (const kind of ["signature", "bare"] as const) {
      answer = kind;
      assert.equal(recoverAddress(keccak256(MESSAGE), await signer.sign(MESSAGE)), addressOf(KEY));
    }
    const last = seen.at(-1);
    assert.equal(last?.path, `/api/v1/eth1/sign/0x${publicKey(KEY)}`);
    assert.deepEqual(JSON.parse(last?.body ?? ""), { data: MESSAGE });
  });

  it("is not believed: another key, another message", async () => {
    const signer = await connect();
    for (const kind of ["otherKey", "otherMessage"] as const) {
      answer = kind;
      await assert.rejects(async () => signer.sign(MESSAGE), { code: "MT-KEY-007" });
    }
  });

  it("tells a refusal from a failure that may pass", async () => {
    const signer = await connect();
    answer = "refusal";
    await assert.rejects(async () => signer.sign(MESSAGE), { code: "MT-KEY-007", name: "RelayerError" });
    for (const kind of ["failure", "silence"] as const) {
      answer = kind;
      await assert.rejects(async () => signer.sign(MESSAGE), { code: "MT-KEY-006" });
    }
    answer = "signature";
    assert.equal(recoverAddress(keccak256(MESSAGE), await signer.sign(MESSAGE)), addressOf(KEY));
  });

  it("must hold the key, and answer at start", async () => {
    await assert.rejects(connect(`0x${"ab".repeat(20)}`), { code: "MT-KEY-004" });
    await assert.rejects(connect(addressOf(KEY), "http://127.0.0.1:9"), { code: "MT-KEY-006" });
  });

  it("gets the user and password of its url, which no error shows", async () => {
    await connect(addressOf(KEY), url.replace("//", "//user:s3cret@"));
    const sent = Buffer.from(seen.at(-1)?.authorization?.split(" ")[1] ?? "", "base64").toString();
    assert.equal(sent, "user:s3cret");
    await assert.rejects(connect(addressOf(KEY), "http://user:s3cret@127.0.0.1:9"), (error: Error) => {
      assert.ok(!JSON.stringify([error.message, error]).includes("s3cret"));
      return true;
    });
  });
});

describe("the keys of one relayer", () => {
  const plain = (privateKey: Hex) => ({ kind: "plain", privateKey }) as const;

  it("are three, whatever way they come", async () => {
    const folder = await freshFolder();
    const file = join(folder, "key.json");
    writeFileSync(file, await encryptKeystore(KEY, "p", CHEAP));
    writeFileSync(join(folder, "password"), "p");
    const operator = { address: addressOf(OTHER_KEY), senderKey: plain(KEY), receiptKey: plain(OTHER_KEY) };
    const keystore = { kind: "keystore", file, password: { file: join(folder, "password") } } as const;
    await assert.rejects(openSigners({ operator: { ...operator, receiptKey: keystore }, watch: {} }), {
      code: "MT-KEY-005",
    });
    await assert.rejects(openSigners({ operator, watch: { challengerKey: keystore } }), (error: unknown) => {
      assert.match(String(error), /watch\.challengerKey is the key of operator\.senderKey/);
      return true;
    });
    const { senders, receipts, challenger } = await openSigners({ operator, watch: {} });
    for (const lane of OPERATOR_LANES) assert.equal(senders[lane].address, addressOf(KEY));
    assert.equal(receipts.address, addressOf(OTHER_KEY));
    assert.equal(challenger, undefined);
  });

  it("may be unencrypted on the development chain alone", () => {
    const json = (chainId: number, senderKey: unknown) => ({
      chain: { rpcUrl: "http://127.0.0.1:8545", chainId, settlement: `0x${"aa".repeat(20)}` },
      operator: {
        address: `0x${"bb".repeat(20)}`,
        senderKey,
        receiptKey: { keystore: "r.json", passwordEnv: "PASSWORD" },
      },
      gateway: {},
      ledger: { file: "l" },
      models: [{ spec: "m" }],
      policies: [{ name: "window", id: `0x${"01".repeat(32)}` }],
    });
    for (const entry of [KEY, { env: "KEY" }]) {
      assert.throws(() => parseConfig(json(1, entry), "/", { KEY }), { code: "MT-CFG-004" });
      const { operator } = parseConfig(json(31337, entry), "/", { KEY });
      assert.deepEqual(operator.senderKey, plain(KEY));
    }
    const { operator } = parseConfig(
      json(1, { remote: "http://signer:9000", address: `0x${"Cc".repeat(20)}` }),
      "/etc",
    );
    assert.deepEqual(operator.senderKey, {
      kind: "remote",
      url: "http://signer:9000",
      address: `0x${"cc".repeat(20)}`,
      timeoutMilliseconds: 5_000,
    });
    assert.deepEqual(operator.receiptKey, {
      kind: "keystore",
      file: "/etc/r.json",
      password: { env: "PASSWORD" },
    });
  });
});

describe("meantime keys", () => {
  it("makes, imports and names keys, and never replaces one", async () => {
    const folder = await freshFolder();
    const at = (name: string) => join(folder, name);
    writeFileSync(at("password"), "p\n");
    const password = ["--password-file", at("password"), "--json"];
    process.env.MEANTIME_TEST_KEY = KEY;

    const imported = JSON.parse(
      await output(["keys", "import", at("a.json"), "--key-env", "MEANTIME_TEST_KEY", ...password]),
    );
    assert.equal(imported.address, addressOf(KEY));
    assert.equal(statSync(at("a.json")).mode & 0o777, 0o600);
    assert.equal(await openKeystore(at("a.json"), "p"), KEY);

    const made = JSON.parse(await output(["keys", "new", at("b.json"), ...password]));
    assert.equal(addressOf(await openKeystore(at("b.json"), "p")), made.address);
    const exported = JSON.parse(await output(["keys", "export-address", at("b.json"), ...password]));
    assert.equal(exported.address, made.address);

    assert.equal(await exitOf(["keys", "new", at("b.json"), ...password]), 1);
    assert.equal(addressOf(await openKeystore(at("b.json"), "p")), made.address);
    assert.equal(await exitOf(["keys", "new", at("c.json")]), 1);
    delete process.env.MEANTIME_TEST_KEY;
  });
});

function publicKey(key: Hex): string {
  return SigningKey.computePublicKey(key, false).slice(4);
}

async function output(parameters: readonly string[]): Promise<string> {
  const { exit, text } = await run(parameters);
  assert.equal(exit, 0, text);
  return text;
}

async function exitOf(parameters: readonly string[]): Promise<number> {
  return (await run(parameters)).exit;
}

/** Runs the command line in this process and catches what it prints. */
async function run(parameters: readonly string[]): Promise<{ exit: number; text: string }> {
  const { stdout, stderr } = process;
  const [out, err] = [stdout.write, stderr.write];
  let text = "";
  stdout.write = stderr.write = ((chunk: unknown) => {
    text += String(chunk);
    return true;
  }) as typeof stdout.write;
  try {
    return { exit: await main(["node", "meantime", ...parameters]), text };
  } finally {
    stdout.write = out;
    stderr.write = err;
  }
}
