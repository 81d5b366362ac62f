// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { ENCLAVE_PLATFORMS, enclaveKeyId } from "@meantime/sdk/enclave-keys";
import { batchAttestationDigest } from "@meantime/sdk/evidence";
import { type Hex, hexToBytes, keccak256 } from "@meantime/sdk/hex";
import { signDigest } from "@meantime/sdk/signature";
import { AbiCoder, id, toBeHex, Wallet, zeroPadValue } from "ethers";
import { registerEnclave } from "../../relayer/src/attest/register.ts";
import { SIMULATED_TDX_MEASUREMENT, simulatedTdxAttestor } from "../../relayer/src/attest/simulated/tdx.ts";
import { audit } from "../../relayer/src/audit/audit.ts";
import { INTERFACES } from "../../relayer/src/audit/events.ts";
import { reportToHtml } from "../../relayer/src/audit/html/page.ts";
import type { AuditReport } from "../../relayer/src/audit/report.ts";
import { connectRpc } from "../../relayer/src/chain/rpc.ts";
import { publicKeyOf } from "../../scripts/chain/simulated-nitro.ts";
import { type LocalStack, startLocalStack } from "../../scripts/stack/local.ts";
import { enterEnclaveKey, LOCAL_MEASUREMENT, localKey, lowerCase } from "../../scripts/stack/operators.ts";
import { freshFolder } from "./local-relayer.ts";
import { type Lie, startLyingNode } from "./lying-node.ts";
import { type Published, publish } from "./published.ts";

const DAY_SECONDS = 24 * 3600;
const TDX_ACCOUNT = 15;
const REGISTRAR_ACCOUNT = 17;
const TERMS = { pcrs: 0, statuses: 1, minEvaluationNumber: 0, maxBlockAge: 256, maxKeySeconds: DAY_SECONDS };
const REGISTERED = INTERFACES.tee.getEvent("EnclaveKeyRegistered")?.topicHash;

interface Log {
  address: string;
  topics: string[];
  data: string;
  transactionHash: string;
  blockNumber: string;
  logIndex: string;
}

describe("An audit of the enclaves behind evidence", () => {
  let stack: LocalStack;
  let folder: string;
  let attested: Published;
  let report: AuditReport;
  let teeAt: string;
  const run = (rpcUrl = stack.chain.url, at: number | "latest" = "latest") =>
    audit({ ...{ rpcUrl, settlement: stack.domain.settlement, data: folder, at } });

  before(async () => {
    stack = await startLocalStack();
    folder = await freshFolder();
    const { chain, deployment, domain, modelId, enclaveKey } = stack;
    teeAt = lowerCase(await deployment.enclaveEvidence.getAddress());
    await enterEnclaveKey(chain, deployment, new Wallet(enclaveKey));
    attested = await publish(stack, folder, "enclave", [50, 51]);
    const enclaveDomain = { chainId: domain.chainId, enclaveEvidence: lowerCase(teeAt) };
    const digest = batchAttestationDigest(enclaveDomain, attested.batchId, modelId);
    const settlement = deployment.settlement.connect(
      localKey(REGISTRAR_ACCOUNT).connect(chain.connection.ethers.provider),
    );
    await (await settlement.attestBatch(attested.header, signDigest(enclaveKey as Hex, digest))).wait();
    report = await run();
  });

  after(() => stack?.chain.close());

  it("says of honest ones that their documents were verified anew", () => {
    assert.equal(report.verdict, "clean");
    assert.deepEqual(report.enclaves.evidence, { valid: 1, invalid: 0, "cannot tell": 0 });
    const [registration, ...more] = report.enclaves.registrations;
    assert.deepEqual(more, []);
    assert.equal(registration?.keyId, enclaveKeyId(publicKeyOf(new Wallet(stack.enclaveKey))));
    assert.equal(registration?.verdict, "valid");
  });

  it("cannot tell where the document is in no calldata, or the transaction forgotten", async () => {
    const lost: [Lie, RegExp][] = [
      [
        (method, [hash], result) => (isRegistration(method, hash) ? null : result),
        /forgotten the transaction/,
      ],
      [
        (method, [hash], result) => (isRegistration(method, hash) ? altered(result, 900) : result),
        /in no calldata/,
      ],
    ];
    for (const [lie, reason] of lost) {
      const found = await auditThrough(lie);
      assert.equal(found.verdict, "cannot tell");
      assert.deepEqual(namesOf(found), ["attestation-unverifiable"]);
      assert.match(found.enclaves.registrations[0]?.reason ?? "", reason);
      assert.deepEqual(found.enclaves.evidence, { valid: 0, invalid: 0, "cannot tell": 1 });
      assert.match(reportToHtml(found), /Cannot tell: no anomaly found, but not everything was checked/);
    }
  });

  it("finds a document that was never signed, although event and calldata agree about it", async () => {
    const { forged, hash } = await forgedDocument();
    const found = await auditThrough((method, [asked], result) => {
      if (isRegistration(method, asked)) return { ...(result as object), input: forged };
      if (method !== "eth_getLogs") return result;
      return (result as Log[]).map((log) =>
        log.topics[0] === REGISTERED ? { ...log, data: `${log.data.slice(0, -64)}${hash.slice(2)}` } : log,
      );
    });
    assert.equal(found.verdict, "anomalies");
    assert.deepEqual(namesOf(found), ["attestation-invalid"]);
    assert.match(found.enclaves.registrations[0]?.reason ?? "", /does not hold/);
    assert.deepEqual(found.enclaves.evidence, { valid: 0, invalid: 1, "cannot tell": 0 });
  });

  it("finds that a document is about another block than the chain has", async () => {
    const named = await namedBlock();
    const found = await auditThrough((method, [block], result) =>
      method === "eth_getBlockByNumber" && Number(block) === named
        ? { ...(result as object), hash: id("another branch") }
        : result,
    );
    assert.deepEqual(namesOf(found), ["attestation-invalid"]);
    assert.match(found.enclaves.registrations[0]?.reason ?? "", /not about this key, registry and block/);
  });

  it("finds a key whose measurement nobody had allowed", async () => {
    const topic = INTERFACES.tee.getEvent("MeasurementAllowed")?.topicHash;
    const found = await auditThrough((method, _, result) =>
      method === "eth_getLogs" ? (result as Log[]).filter(({ topics }) => topics[0] !== topic) : result,
    );
    assert.ok(namesOf(found).includes("attestation-invalid"));
    const [use] = found.findings.filter(({ name }) => name === "enclave-not-allowed");
    assert.equal(use?.severity, "critical");
    assert.equal(use?.about.batchId, attested.batchId);
    assert.match(use?.what ?? "", /was not on the list/);
  });

  it("finds that a key vouched after it was revoked, after its measurement was removed, and when it had run out", async () => {
    const keyId = report.enclaves.registrations[0]?.keyId ?? "0x";
    const ended: [string, string[], string, RegExp][] = [
      ["EnclaveKeyRevoked", [keyId], word(1n), /had been revoked/],
      ["MeasurementRemoved", [LOCAL_MEASUREMENT], "0x", /was not on the list/],
    ];
    for (const [name, topics, data, what] of ended) {
      const topic = INTERFACES.tee.getEvent(name)?.topicHash ?? "";
      const found = await auditThrough((method, params, result) =>
        method === "eth_getLogs" && isUnfiltered(params)
          ? (result as Log[]).flatMap((log) =>
              log.topics[0] === REGISTERED ? [log, { ...log, topics: [topic, ...topics], data }] : [log],
            )
          : result,
      );
      const use = found.findings.find((one) => one.name === "enclave-not-allowed");
      assert.match(use?.what ?? "", what);
      assert.equal(found.enclaves.evidence.invalid, 1);
    }
    const short = await auditThrough((method, params, result) =>
      method === "eth_getLogs" && isUnfiltered(params)
        ? (result as Log[]).map((log) =>
            log.topics[0] === REGISTERED ? { ...log, data: withExpiry(log.data, 1n) } : log,
          )
        : result,
    );
    const use = short.findings.find((one) => one.name === "enclave-not-allowed");
    assert.match(use?.what ?? "", /had run out/);
  });

  it("says that a root is not AWS's, and believes nothing under it", async () => {
    const selector = INTERFACES.nitro.getFunction("ROOT_ID")?.selector;
    const found = await auditThrough((method, params, result) => {
      const [call] = params as { data?: string }[];
      return method === "eth_call" && call?.data === selector ? id("a root of somebody's") : result;
    });
    assert.deepEqual(namesOf(found), ["attestation-unverifiable", "enclave-root-foreign"]);
    assert.equal(found.verdict, "anomalies");
  });

  it("cannot tell of a quote whether Intel made its processor, and finds one that was altered", async () => {
    await registerTdx();
    const honest = await run();
    assert.equal(honest.verdict, "cannot tell");
    const [, tdx] = honest.enclaves.registrations;
    assert.equal(tdx?.verdict, "cannot tell");
    assert.match(tdx?.reason ?? "", /the chain alone has judged/);
    assert.match(honest.scope.unchecked.join(), /1 documents of enclaves could not be verified in full/);
    // The key that vouched is the other one.
    assert.deepEqual(honest.enclaves.evidence, { valid: 1, invalid: 0, "cannot tell": 0 });

    const found = await auditThrough((method, [hash], result) => {
      if (method !== "eth_getTransactionByHash" || hash !== tdx?.tx) return result;
      const { input } = result as { input: Hex };
      const call = INTERFACES.tee.decodeFunctionData("registerIntel", input);
      const { signed, authentication, pckCertificate } = call.parts;
      const parts = { signed, authentication: flipped(authentication, 20), pckCertificate };
      const args = [call.key, call.blockNumber, call.measurement, parts];
      return { ...(result as object), input: INTERFACES.tee.encodeFunctionData("registerIntel", args) };
    });
    assert.equal(found.verdict, "anomalies");
    assert.match(found.enclaves.registrations[1]?.reason ?? "", /the attestation key did not sign it/);
  });

  function isRegistration(method: string, hash: unknown): boolean {
    return method === "eth_getTransactionByHash" && hash === report.enclaves.registrations[0]?.tx;
  }

  /** The registration's calldata with another document in it, and that document's hash. */
  async function forgedDocument(): Promise<{ forged: string; hash: Hex }> {
    const call = await registrationCall();
    const bytes = hexToBytes(call.document as Hex);
    const last = bytes.length - 1;
    bytes[last] = (bytes[last] ?? 0) ^ 1;
    const args = [call.key, call.blockNumber, call.measurement, bytes, [...call.hints]];
    return { forged: INTERFACES.tee.encodeFunctionData("registerNitro", args), hash: keccak256(bytes) };
  }

  async function namedBlock(): Promise<number> {
    return Number((await registrationCall()).blockNumber);
  }

  async function registrationCall() {
    const { provider } = stack.chain.connection.ethers;
    const sent = await provider.getTransaction(report.enclaves.registrations[0]?.tx ?? "");
    return INTERFACES.tee.decodeFunctionData("registerNitro", sent?.data ?? "0x");
  }

  async function registerTdx(): Promise<void> {
    const { chain, deployment } = stack;
    const { manager, enclaveEvidence } = deployment;
    const policy = { platform: ENCLAVE_PLATFORMS.tdx, ...TERMS };
    const args = [SIMULATED_TDX_MEASUREMENT, 0, policy] as const;
    const call = enclaveEvidence.interface.encodeFunctionData("allowMeasurement", [...args]);
    await (await manager.schedule(enclaveEvidence, call, 0)).wait();
    await chain.moveTo((await chain.now()) + DAY_SECONDS);
    await (await manager.execute(enclaveEvidence, call)).wait();
    const rpc = connectRpc(chain.url, 31_337, undefined, 120_000);
    try {
      await registerEnclave({
        ...{
          rpc,
          chainId: 31_337,
          enclaveEvidence: lowerCase(teeAt),
          key: publicKeyOf(localKey(TDX_ACCOUNT)),
        },
        ...{ measurement: SIMULATED_TDX_MEASUREMENT, attestor: simulatedTdxAttestor(() => chain.now()) },
        registrarKey: localKey(REGISTRAR_ACCOUNT).privateKey as Hex,
      });
    } finally {
      rpc.destroy();
    }
  }

  async function auditThrough(lie: Lie): Promise<AuditReport> {
    const node = await startLyingNode(stack.chain.url, lie);
    try {
      return await run(node.url);
    } finally {
      node.close();
    }
  }
});

/** The audit's own reading, not a question about one key. */
function isUnfiltered(params: readonly unknown[]): boolean {
  const [filter] = params as [{ topics?: unknown }];
  return filter.topics === undefined;
}

function namesOf({ findings }: AuditReport): string[] {
  return [...new Set(findings.map(({ name }) => name))].sort();
}

/** The data of a registration with another end: the second of its words. */
function withExpiry(data: string, expiresAt: bigint): string {
  const [number, , ...rest] = AbiCoder.defaultAbiCoder().decode(
    ["uint32", "uint40", "uint8", "uint256", "uint256", "bytes32"],
    data,
  );
  return AbiCoder.defaultAbiCoder().encode(
    ["uint32", "uint40", "uint8", "uint256", "uint256", "bytes32"],
    [number, expiresAt, ...rest],
  );
}

function altered(transaction: unknown, at: number): unknown {
  const { input } = transaction as { input: Hex };
  return { ...(transaction as object), input: flipped(input, at) };
}

function flipped(hex: string, byte: number): string {
  const at = 2 + 2 * byte;
  const digit = (Number.parseInt(hex[at] ?? "0", 16) ^ 1).toString(16);
  return `${hex.slice(0, at)}${digit}${hex.slice(at + 1)}`;
}

function word(value: bigint): string {
  return zeroPadValue(toBeHex(value), 32);
}
