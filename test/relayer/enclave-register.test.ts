// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { ENCLAVE_PLATFORMS, enclaveKeyId } from "@meantime/sdk/enclave-keys";
import type { Hex } from "@meantime/sdk/hex";
import { keccak256 } from "ethers";
import type { Attestor } from "../../relayer/src/attest/platform.ts";
import { type RegistrationOrder, registerEnclave, rehearse } from "../../relayer/src/attest/register.ts";
import { bindRegistry, standingOf } from "../../relayer/src/attest/registry.ts";
import { createRenewal } from "../../relayer/src/attest/renewal.ts";
import { simulatedNitroAttestor } from "../../relayer/src/attest/simulated/nitro.ts";
import { SIMULATED_TDX_MEASUREMENT, simulatedTdxAttestor } from "../../relayer/src/attest/simulated/tdx.ts";
import { connectRpc, type Rpc } from "../../relayer/src/chain/rpc.ts";
import { RelayerError } from "../../relayer/src/errors.ts";
import { startRelayer } from "../../relayer/src/relayer.ts";
import { publicKeyOf } from "../../scripts/chain/simulated-nitro.ts";
import { type LocalStack, startLocalStack } from "../../scripts/stack/local.ts";
import { LOCAL_IMAGE, LOCAL_MEASUREMENT, localKey } from "../../scripts/stack/operators.ts";
import { startChaosProxy } from "./chaos-proxy.ts";
import { localConfig, readConfigJson, silentLogger, writeConfig } from "./local-relayer.ts";

const BIN = fileURLToPath(new URL("../../relayer/bin/meantime.js", import.meta.url));
const TRANSACTION_GAS_LIMIT = 2 ** 24;
const DAY_SECONDS = 24 * 3600;
const REGISTRAR = localKey(17).privateKey as Hex;

describe("registering an enclave's key", () => {
  let stack: LocalStack;
  let rpc: Rpc;
  before(async () => {
    stack = await startLocalStack();
    rpc = connectRpc(stack.chain.url, 31_337, undefined, 120_000);
  });
  after(async () => {
    rpc.destroy();
    await stack.chain.close();
  });

  const now = () => stack.chain.now();
  const order = async (
    account: number,
    changes: Partial<RegistrationOrder> = {},
  ): Promise<RegistrationOrder> => ({
    rpc,
    chainId: 31_337,
    enclaveEvidence: (await stack.deployment.enclaveEvidence.getAddress()) as Hex,
    key: publicKeyOf(localKey(account)),
    measurement: LOCAL_MEASUREMENT,
    attestor: simulatedNitroAttestor({ image: LOCAL_IMAGE, nowSeconds: now }),
    registrarKey: REGISTRAR,
    ...changes,
  });

  it("is done by a document of the Nitro module, cold and warm, each transaction below the cap", async () => {
    const cold = await registerEnclave(await order(10));
    assert.deepEqual(
      cold.map(({ name }) => name),
      ["registerNitro"],
    );
    const warm = await registerEnclave(await order(11));
    for (const { gas } of [...cold, ...warm]) assert.ok(gas < TRANSACTION_GAS_LIMIT);
    assert.ok((warm[0]?.gas ?? 0) < (cold[0]?.gas ?? 0));
    const registry = stack.deployment.enclaveEvidence;
    const [measurement] = await registry.activeMeasurementOf(enclaveKeyId(publicKeyOf(localKey(11))));
    assert.equal(measurement, LOCAL_MEASUREMENT);
  });

  it("is done by a quote of a TDX domain, its collateral brought on chain once", async () => {
    await allow(SIMULATED_TDX_MEASUREMENT, ENCLAVE_PLATFORMS.tdx);
    const tdx = { measurement: SIMULATED_TDX_MEASUREMENT, attestor: simulatedTdxAttestor(now) };
    const cold = await registerEnclave(await order(12, tdx));
    assert.deepEqual(
      cold.map(({ name }) => name),
      [
        "enterCrl",
        "enterAuthority",
        "enterAuthority",
        "enterCrl",
        "enterTcbInfo",
        "enterQeIdentity",
        "registerIntel",
      ],
    );
    const warm = await registerEnclave(await order(13, tdx));
    assert.deepEqual(
      warm.map(({ name }) => name),
      ["registerIntel"],
    );
    for (const { gas } of [...cold, ...warm]) assert.ok(gas < TRANSACTION_GAS_LIMIT);
  });

  it("outlives nodes that drop its transaction, and ends where no block takes it", async () => {
    const proxy = await startChaosProxy(stack.chain.url, 1);
    let dropped = 0;
    const drop = (until: number) =>
      proxy.answer("eth_sendRawTransaction", ([bytes]) => {
        dropped += 1;
        if (dropped === until) proxy.answer("eth_sendRawTransaction", undefined);
        return keccak256(String(bytes));
      });
    const flaky = connectRpc(proxy.url, 31_337, undefined, 120_000);
    try {
      const often = { rpc: flaky, patience: { milliseconds: 200, waits: 1_000 } };
      drop(2);
      const sent = await registerEnclave(await order(16, often));
      assert.equal(dropped, 2);
      assert.equal((await rpc.getTransactionReceipt(sent[0]?.hash ?? ""))?.status, 1);
      drop(Number.POSITIVE_INFINITY);
      const twice = { rpc: flaky, patience: { milliseconds: 200, waits: 2 } };
      await assert.rejects(registerEnclave(await order(18, twice)), { code: "MT-ATT-021" });
    } finally {
      flaky.destroy();
      await proxy.close();
    }
  });

  it("is refused in words: another image, an old binding, debug mode's like", async () => {
    const otherImage = simulatedNitroAttestor({ image: "another image", nowSeconds: now });
    await refused("MeasurementWrong", await order(14, { attestor: otherImage }));
    await refused("MeasurementNotAllowed", await order(14, { measurement: `0x${"12".repeat(32)}` }));
    const unbound: Attestor = {
      name: "a replay",
      attest: (_, key) =>
        simulatedNitroAttestor({ image: LOCAL_IMAGE, nowSeconds: now }).attest(`0x${"00".repeat(32)}`, key),
    };
    await refused("NotBound", await order(14, { attestor: unbound }));
    const late = simulatedNitroAttestor({
      image: LOCAL_IMAGE,
      nowSeconds: async () => (await now()) - DAY_SECONDS,
    });
    await refused("ChainNotValid", await order(14, { attestor: late }));
    const standing = await standingOf(
      bindRegistry((await order(14)).enclaveEvidence, rpc),
      (await order(14)).key,
    );
    assert.equal(standing.number, 0);
  });

  it("is renewed before its end, and not before that is near", async () => {
    const clock = await chainClock();
    const renewal = createRenewal({
      order: await order(15),
      renewBeforeSeconds: 3600,
      clock,
      logger: silentLogger,
    });
    assert.deepEqual(renewal.facts(), {
      ...{ keyId: undefined, isActive: false, secondsLeft: undefined, failuresInARow: 0 },
    });
    await renewal.run();
    const registered = await keyStanding(15);
    assert.equal(renewal.facts().isActive, true);
    await renewal.run();
    assert.equal((await keyStanding(15)).expiresAt, registered.expiresAt);

    await stack.chain.moveTo(registered.expiresAt - 1800);
    clock.observe(await now());
    await renewal.run();
    const renewed = await keyStanding(15);
    assert.equal(renewed.number, registered.number);
    assert.ok(renewed.expiresAt > registered.expiresAt);
  });

  it("keeps trying while the platform does not answer, and says how long the key still attests", async () => {
    const warnings: unknown[] = [];
    const logger = { ...silentLogger, warn: (fields: unknown) => warnings.push(fields) };
    let isDown = true;
    const attestor: Attestor = {
      name: "an unsteady platform",
      attest: async (binding, key) => {
        if (isDown) throw new RelayerError("MT-ATT-011", "down", "Wait.");
        return simulatedNitroAttestor({ image: LOCAL_IMAGE, nowSeconds: now }).attest(binding, key);
      },
    };
    const renewal = createRenewal({
      order: await order(16, { attestor }),
      renewBeforeSeconds: 3600,
      clock: await chainClock(),
      logger: logger as unknown as typeof silentLogger,
    });
    for (const failures of [1, 2]) {
      await assert.rejects(renewal.run(), { code: "MT-ATT-011" });
      assert.equal(renewal.facts().failuresInARow, failures);
    }
    assert.equal((warnings[0] as { code: string }).code, "MT-ATT-023");
    isDown = false;
    await renewal.run();
    const { isActive, failuresInARow, secondsLeft = 0 } = renewal.facts();
    assert.deepEqual([isActive, failuresInARow], [true, 0]);
    assert.ok(secondsLeft > 3600 && secondsLeft <= 3 * 3600 + 60);
  });

  it("leaves a revoked key alone", async () => {
    const { enclaveEvidence } = stack.deployment;
    await registerEnclave(await order(10));
    await (await enclaveEvidence.revoke(enclaveKeyId(publicKeyOf(localKey(10))))).wait();
    const renewal = createRenewal({
      order: await order(10),
      renewBeforeSeconds: 3600,
      clock: await chainClock(),
      logger: silentLogger,
    });
    await renewal.run();
    assert.equal(renewal.facts().isActive, false);
  });

  it("has commands: doctor before, register once, doctor after", async () => {
    const file = await writeConfig(stack);
    const before = await run(["doctor", "--config", file, "--json"]);
    assert.equal(before.status, 0, before.stderr);
    assert.equal(JSON.parse(before.stdout).number, 0);

    const registered = await run(["register", "--config", file, "--json"]);
    assert.equal(registered.status, 0, registered.stderr);
    const { transactions, measurement, keyId } = JSON.parse(registered.stdout);
    assert.equal(measurement, LOCAL_MEASUREMENT);
    assert.equal(transactions.at(-1).name, "registerNitro");
    const [active] = await stack.deployment.enclaveEvidence.activeMeasurementOf(keyId);
    assert.equal(active, LOCAL_MEASUREMENT);

    const again = await run(["register", "--config", file, "--json"]);
    assert.deepEqual(JSON.parse(again.stdout).transactions, []);

    const json = await readConfigJson(file);
    const enclave = { ...(json.enclave as object), attestor: { kind: "simulated", image: "another image" } };
    writeFileSync(file, JSON.stringify({ ...json, enclave }));
    const refusedByDoctor = await run(["doctor", "--config", file, "--json"]);
    assert.equal(refusedByDoctor.status, 1);
    assert.match(JSON.parse(refusedByDoctor.stdout).reason, /^MeasurementWrong: .* Build the image/);
    const refusedOnChain = await run(["register", "--force", "--config", file, "--json"]);
    assert.equal(refusedOnChain.status, 1);
    assert.match(refusedOnChain.stderr, /"code":"MT-ATT-020"/);

    const { enclave: _, ...without } = json;
    writeFileSync(file, JSON.stringify(without));
    assert.equal((await run(["register", "--config", file])).status, 2);
  });

  it("is done by the relayer before it serves, and its facts say until when", async () => {
    const enclaveKey = localKey(9).privateKey as Hex;
    const config = await localConfig(stack, ({ operator }) => {
      operator.enclaveKey = enclaveKey;
    });
    const relayer = await startRelayer(config, { logger: silentLogger });
    try {
      const { keyId, isActive, secondsLeft = 0 } = relayer.enclaveKey() ?? {};
      assert.equal(keyId, enclaveKeyId(publicKeyOf({ privateKey: enclaveKey })));
      assert.equal(isActive, true);
      assert.ok(secondsLeft > (config.enclave?.renewBeforeSeconds ?? 0));
    } finally {
      await relayer.stop();
    }
  });

  async function keyStanding(account: number) {
    const { enclaveEvidence, key } = await order(account);
    return standingOf(bindRegistry(enclaveEvidence, rpc), key);
  }

  async function refused(check: string, wanted: RegistrationOrder): Promise<void> {
    assert.equal((await rehearse(wanted))?.check, check);
    await assert.rejects(registerEnclave(wanted), (error) => {
      assert.ok(error instanceof RelayerError);
      assert.equal(error.code, "MT-ATT-020");
      assert.equal(error.details.check, check);
      return true;
    });
  }

  async function allow(measurement: Hex, platform: number): Promise<void> {
    const { manager, enclaveEvidence } = stack.deployment;
    const terms = { statuses: 1, minEvaluationNumber: 0, maxBlockAge: 256, maxKeySeconds: 90 * DAY_SECONDS };
    const call = enclaveEvidence.interface.encodeFunctionData("allowMeasurement", [
      measurement,
      0,
      { platform, pcrs: 0, ...terms },
    ]);
    await (await manager.schedule(enclaveEvidence, call, 0)).wait();
    await stack.chain.moveTo((await now()) + DAY_SECONDS);
    await (await manager.execute(enclaveEvidence, call)).wait();
  }

  /** A clock that shows the chain's time as of the last look. */
  async function chainClock() {
    let seconds = await now();
    return {
      nowSeconds: () => seconds,
      observe: (timestamp: number) => {
        seconds = timestamp;
      },
    };
  }

  async function run(args: readonly string[]) {
    const child = spawn(process.execPath, [BIN, "enclave", ...args]);
    const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return { status: await ended, stdout, stderr };
  }
});
