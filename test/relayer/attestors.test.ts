// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, describe, it } from "node:test";
import { splitQuote } from "@meantime/sdk/dcap/quote";
import { readReport } from "@meantime/sdk/dcap/report";
import { nitridingUserData, parseEnclavePublicKey } from "@meantime/sdk/enclave-keys";
import { bytesToHex, type Hex, hexToBytes } from "@meantime/sdk/hex";
import { readNitroDocument } from "@meantime/sdk/nitro/document";
import { SigningKey } from "ethers";
import { dstackAttestor } from "../../relayer/src/attest/dstack/dstack.ts";
import { nitridingAttestor } from "../../relayer/src/attest/nitriding/nitriding.ts";
import { documentOf } from "../../relayer/src/attest/simulated/pki/nitro.ts";
import { quote } from "../../relayer/src/attest/simulated/pki/quotes.ts";
import { simulatedCollateral } from "../../relayer/src/attest/simulated/tdx.ts";
import { RelayerError, TemporaryError } from "../../relayer/src/errors.ts";

const BINDING: Hex = `0x${"b1".repeat(32)}`;
const TLS_HASH: Hex = `0x${"7e".repeat(32)}`;
const KEY = parseEnclavePublicKey("secp256k1", hexToBytes(new SigningKey(`0x${"11".repeat(32)}`).publicKey));
const NOW = Date.UTC(2027, 0, 15) / 1000;

const servers: Server[] = [];
const folder = mkdtempSync(join(tmpdir(), "meantime-attestors-"));
after(async () => {
  for (const server of servers) server.close();
  rmSync(folder, { recursive: true });
});

describe("nitriding", () => {
  it("is given the binding as the application's hash, and hands out a document with it", async () => {
    const { internalUrl, url } = await nitriding();
    const attestation = await nitridingAttestor({ internalUrl, url }).attest(BINDING, KEY);
    assert.equal(attestation.kind, "nitro");
    const document = attestation.kind === "nitro" ? readNitroDocument(attestation.document) : undefined;
    assert.equal(bytesToHex(document?.userData?.slice(36) ?? new Uint8Array()), BINDING);
    assert.equal(document?.publicKey, null);
    assert.equal(document?.nonce?.length, 20);
  });

  it("is refused where its document is about another hash, or an old one", async () => {
    const other = await nitriding({ applicationHash: TLS_HASH });
    await rejects("MT-ATT-012", nitridingAttestor(other).attest(BINDING, KEY));
    const replaying = await nitriding({ nonce: new Uint8Array(20) });
    await rejects("MT-ATT-012", nitridingAttestor(replaying).attest(BINDING, KEY));
  });

  it("is refused where something else answers, and tried again where nothing does", async () => {
    const elsewhere = await serve((_, response) => response.end("hello"));
    await rejects(
      "MT-ATT-011",
      nitridingAttestor({ url: elsewhere, internalUrl: elsewhere }).attest(BINDING, KEY),
    );
    const closed = await serve((_, response) => response.writeHead(404).end("404 page not found"));
    await rejects("MT-ATT-011", nitridingAttestor({ url: closed, internalUrl: closed }).attest(BINDING, KEY));
    const broken = await serve((_, response) => response.writeHead(500).end("NSM device"));
    await rejects(
      "MT-ATT-010",
      nitridingAttestor({ url: broken, internalUrl: broken }).attest(BINDING, KEY),
      true,
    );
    const nobody = "http://127.0.0.1:9";
    await rejects(
      "MT-ATT-010",
      nitridingAttestor({ url: nobody, internalUrl: nobody }).attest(BINDING, KEY),
      true,
    );
  });
});

describe("dstack", () => {
  it("is asked for a quote over its socket, and Intel's service for collateral", async () => {
    const { socket, asked } = await dstack();
    const { url, paths } = await collateralService();
    const attestation = await dstackAttestor({ endpoint: socket, collateral: { url } }).attest(BINDING, KEY);
    if (attestation.kind === "nitro") throw new assert.AssertionError({ message: "a document of Nitro" });
    const reportData = `${BINDING}${"00".repeat(32)}`;
    assert.equal(readReport(splitQuote(attestation.quote)).reportData, reportData);
    assert.deepEqual(asked, [{ report_data: reportData.slice(2) }]);
    assert.deepEqual(attestation.collateral, simulatedCollateral(NOW));
    assert.deepEqual(
      paths.toSorted(),
      [
        "/sgx/certification/v4/pckcrl?ca=platform&encoding=der",
        "/sgx/certification/v4/rootcacrl",
        "/tdx/certification/v4/qe/identity",
        "/tdx/certification/v4/tcb?fmspc=90c06f000000",
      ].toSorted(),
    );
  });

  it("may listen at a URL, and the root's revocation list may lie elsewhere", async () => {
    const agent = await serve(agentAnswering(BINDING));
    const { url } = await collateralService();
    const rootCrlUrl = await serve((_, response) =>
      response.end(Buffer.from(simulatedCollateral(NOW).root_ca_crl, "hex")),
    );
    const attestor = dstackAttestor({ endpoint: agent, collateral: { url, rootCrlUrl } });
    const attestation = await attestor.attest(BINDING, KEY);
    assert.deepEqual(attestation.kind !== "nitro" && attestation.collateral, simulatedCollateral(NOW));
  });

  it("is refused where it answers with something else, or quotes other data", async () => {
    const { url } = await collateralService();
    const at = async (handler: Handler) =>
      dstackAttestor({ endpoint: await serve(handler), collateral: { url } }).attest(BINDING, KEY);
    await rejects("MT-ATT-012", at(agentAnswering(TLS_HASH)));
    await rejects(
      "MT-ATT-011",
      at((_, response) => response.end("{}")),
    );
    await rejects(
      "MT-ATT-011",
      at((_, response) => response.end('{"quote":"0400"}')),
    );
    await rejects(
      "MT-ATT-011",
      at((_, response) => response.writeHead(400).end('{"error":"no TDX"}')),
    );
    const missing = dstackAttestor({ endpoint: join(folder, "none.sock"), collateral: { url } });
    await rejects("MT-ATT-010", missing.attest(BINDING, KEY), true);
  });

  it("is refused without its collateral", async () => {
    const agent = await serve(agentAnswering(BINDING));
    const bare = await serve((_, response) => response.end("{}"));
    const attestor = dstackAttestor({ endpoint: agent, collateral: { url: bare } });
    await rejects("MT-ATT-011", attestor.attest(BINDING, KEY));
  });
});

type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void> | ServerResponse;

async function serve(handler: Handler, socketPath?: string): Promise<string> {
  const server = createServer((request, response) => void handler(request, response));
  servers.push(server);
  await new Promise<void>((resolve) =>
    socketPath ? server.listen(socketPath, resolve) : server.listen(0, "127.0.0.1", resolve),
  );
  return socketPath ?? `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Its two web servers, as doc/http-api.md of its repository describes them. */
async function nitriding(lies: { applicationHash?: Hex; nonce?: Uint8Array } = {}) {
  let applicationHash: Hex = `0x${"00".repeat(32)}`;
  const internalUrl = await serve(async (request, response) => {
    const hash = Buffer.from((await text(request)).trim(), "base64");
    const isRight = request.method === "POST" && request.url === "/enclave/hash" && hash.length === 32;
    if (isRight) applicationHash = bytesToHex(hash);
    response.writeHead(isRight ? 200 : 400).end();
  });
  const url = await serve((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://enclave");
    const nonce = searchParams.get("nonce") ?? "";
    if (pathname !== "/enclave/attestation" || !/^[0-9a-f]{40}$/.test(nonce))
      return response.writeHead(400).end();
    const document = documentOf({
      userData: nitridingUserData(TLS_HASH, lies.applicationHash ?? applicationHash),
      nonce: lies.nonce ?? Buffer.from(nonce, "hex"),
    });
    return response.end(`${Buffer.from(document).toString("base64")}\n`);
  });
  return { internalUrl, url };
}

/** The guest agent of docs/guest-api-v0.md: report data of up to 64 bytes, filled up with zeros. */
function agentAnswering(binding: Hex, asked: unknown[] = []): Handler {
  return async (request, response) => {
    if (request.url !== "/GetQuote" || request.headers["content-type"] !== "application/json") {
      return void response.writeHead(404).end('{"error":"Service not found"}');
    }
    asked.push(JSON.parse(await text(request)));
    const bytes = quote({ report: [[520, `${binding.slice(2)}${"00".repeat(32)}`]] });
    return void response.end(JSON.stringify({ quote: Buffer.from(bytes).toString("hex"), event_log: "[]" }));
  };
}

async function dstack() {
  const asked: unknown[] = [];
  const socket = await serve(agentAnswering(BINDING, asked), join(folder, "dstack.sock"));
  return { socket, asked };
}

/** Intel's API, version 4, as a caching service answers it. */
async function collateralService() {
  const bundle = simulatedCollateral(NOW);
  const paths: string[] = [];
  const chain = (pem: string) => encodeURIComponent(pem);
  const url = await serve((request, response) => {
    const path = request.url ?? "";
    paths.push(path);
    if (path.includes("/pckcrl")) {
      response.setHeader("SGX-PCK-CRL-Issuer-Chain", chain(bundle.pck_crl_issuer_chain));
      return response.end(Buffer.from(bundle.pck_crl, "hex"));
    }
    if (path.includes("/rootcacrl")) return response.end(bundle.root_ca_crl);
    if (path.includes("/tcb?")) {
      response.setHeader("TCB-Info-Issuer-Chain", chain(bundle.tcb_info_issuer_chain));
      return response.end(`{"tcbInfo":${bundle.tcb_info},"signature":"${bundle.tcb_info_signature}"}`);
    }
    response.setHeader("SGX-Enclave-Identity-Issuer-Chain", chain(bundle.qe_identity_issuer_chain));
    return response.end(
      `{"enclaveIdentity":${bundle.qe_identity},"signature":"${bundle.qe_identity_signature}"}`,
    );
  });
  return { url, paths };
}

function rejects(code: string, attempt: Promise<unknown>, isTemporary = false): Promise<void> {
  return assert.rejects(attempt, (error) => {
    assert.ok(error instanceof RelayerError, String(error));
    assert.equal(error.code, code);
    assert.equal(error instanceof TemporaryError, isTemporary);
    return true;
  });
}
