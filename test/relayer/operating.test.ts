// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { Hex } from "@meantime/sdk/hex";
import { loadConfig } from "../../relayer/src/config/load.ts";
import { createLogger } from "../../relayer/src/ops/logger.ts";
import { type RunningRelayer, startRelayer } from "../../relayer/src/relayer.ts";
import { encryptKeystore } from "../../relayer/src/signers/keystore.ts";
import { type LocalStack, startLocalStack } from "../../scripts/stack/local.ts";
import { enrolOperator, localOperator } from "../../scripts/stack/operators.ts";
import {
  askFor,
  eventually,
  postInfer,
  REQUESTER,
  readConfigJson,
  sampleInput,
  untilStatus,
  writeConfig,
} from "./local-relayer.ts";

const BIN = fileURLToPath(new URL("../../relayer/bin/meantime.js", import.meta.url));
const CHEAP = 1 << 12;

interface Check {
  name: string;
  status: string;
  detail: string;
  todo?: string;
  code?: string;
}

interface Spoilt {
  chain: Record<string, unknown>;
  operator: Record<string, unknown>;
  gateway: Record<string, unknown>;
  policies: unknown;
  enclave?: unknown;
}

/** Keys that are allowed on any chain. */
const keystores: Record<string, unknown> = {};

describe("operating a relayer", () => {
  let stack: LocalStack;
  let file: string;
  let relayer: RunningRelayer;
  const codes = new Set<string>();

  before(async () => {
    stack = await startLocalStack();
    file = await writeConfig(stack);
    const folder = dirname(file);
    writeFileSync(join(folder, "password"), "right");
    const { sender, receiptKey } = localOperator(13);
    for (const [name, { privateKey }] of Object.entries({ senderKey: sender, receiptKey })) {
      const keystore = join(folder, `${name}.json`);
      writeFileSync(keystore, await encryptKeystore(privateKey as Hex, "right", CHEAP));
      keystores[name] = { keystore, passwordFile: join(folder, "password") };
    }
    const nowhere = { write: () => undefined };
    const logger = createLogger("info", nowhere, (code) => codes.add(code));
    relayer = await startRelayer(loadConfig(file), { logger });
  });

  after(async () => {
    await relayer?.stop();
    await stack?.chain.close();
  });

  it("measures what it does: requests, receipts, margins, the trust gap", async () => {
    const claimId = await askFor(relayer.url, 1, "proof");
    assert.equal((await postInfer(relayer.url, { input: [1] })).status, 422);
    const served = await metrics();
    assert.equal(served.get('meantime_receipts_total{policy="proof"}'), 1);
    assert.equal(served.get('meantime_gateway_refusals_total{code="MT-GW-004"}'), 1);
    assert.equal(served.get('meantime_gateway_requests_total{route="/v1/infer/:model",status="200"}'), 1);
    await untilStatus(stack, relayer.url, claimId, "Final");
    const final = await eventually("the gap to be measured", async () => {
      const all = await metrics();
      const count = all.get('meantime_trust_gap_seconds_count{phase="final",policy="proof"}');
      return count === 1 ? all : undefined;
    });
    for (const phase of ["committed", "evidence"]) {
      assert.equal(final.get(`meantime_trust_gap_seconds_count{phase="${phase}",policy="proof"}`), 1);
    }
    assert.equal(final.get('meantime_claims{status="Final"}'), 1);
    assert.equal(final.get('meantime_proofs_total{outcome="ok"}'), 1);
    assert.equal(final.get('meantime_ready{policy="proof"}'), 1);
    assert.ok((final.get('meantime_sender_balance_transactions{lane="commit"}') ?? 0) > 100);
    assert.ok((final.get("meantime_enclave_key_expiry_seconds") ?? 0) > 600);
    assert.ok((final.get("meantime_ledger_size_bytes") ?? 0) > 0);
  });

  it("answers the operator's commands on a socket that only its user can open", async () => {
    assert.equal(statSync(`${file.replace("relayer.json", "ledger.sqlite")}.sock`).mode & 0o777, 0o600);
    const status = await succeeds("status");
    assert.equal(status.operator, stack.operator.owner.address.toLowerCase());
    assert.equal((status.breaker as { openSince: unknown }).openSince, null);
    const { claims } = (await succeeds("claims")) as { claims: { claimId: string }[] };
    const [claim] = claims;
    assert.equal((await succeeds("claims", claim?.claimId ?? "")).claimId, claim?.claimId);
    const { transactions } = (await succeeds("tx", "list", "--all")) as { transactions: { kind: string }[] };
    assert.ok(transactions.some(({ kind }) => kind === "commit"));
  });

  it("tells errors of the operator from what may pass by exit codes", async () => {
    assert.deepEqual(await fails("tx", "bump", "999999"), { exit: 1, code: "MT-OPS-005" });
    assert.deepEqual(await fails("tx", "bump", "first"), { exit: 1, code: "MT-CLI-002" });
    assert.deepEqual(await fails("claims", `0x${"00".repeat(32)}`), { exit: 1, code: "MT-GW-012" });
    assert.deepEqual(await fails("challenge", `0x${"00".repeat(32)}`, "0"), {
      exit: 1,
      code: "MT-WATCH-007",
    });
    const other = await writeConfig(stack, localOperator(5));
    assert.deepEqual(await failsWith(other, "status"), { exit: 75, code: "MT-OPS-008" });
    assert.equal((await run(["tx", "bump"])).exit, 2);
  });

  it("R8 goes on when its sender is topped up, without a restart", async () => {
    const { address } = stack.operator.sender;
    const provider = stack.chain.connection.ethers.provider;
    const balance = await provider.getBalance(address);
    await provider.send("hardhat_setBalance", [address, "0x0"]);
    const claimId = await askFor(relayer.url, 2, "window");
    await eventually("the sender to be out of ether", () => codes.has("MT-TX-004") || undefined);
    await eventually("new work to be refused", async () => {
      const { status } = await postInfer(relayer.url, { input: sampleInput(4), requester: REQUESTER });
      return (status === 503 && codes.has("MT-TX-017")) || undefined;
    });
    const report = (await (await fetch(`${relayer.url}/readyz`)).json()) as { policies: { code?: string }[] };
    assert.ok(report.policies.every(({ code }) => code === "MT-GW-022"));
    assert.equal((await metrics()).get('meantime_sender_poor{lane="commit"}'), 1);
    await provider.send("hardhat_setBalance", [address, `0x${balance.toString(16)}`]);
    await untilStatus(stack, relayer.url, claimId, "Committed");
    await eventually(
      "new work to be taken",
      async () => (await fetch(`${relayer.url}/readyz`)).ok || undefined,
    );
    assert.equal((await metrics()).get('meantime_sender_poor{lane="commit"}'), 0);
  });

  it("R10 takes no new work while the breaker is open, and again when the operator resumes", async () => {
    await relayer.ledger.transaction((tx) =>
      tx
        .insertInto("facts")
        .values({ name: "breaker", value: JSON.stringify({ openSince: 1, acknowledgedAt: 0 }) })
        .execute(),
    );
    const body = { input: sampleInput(3), requester: REQUESTER, policy: "window" };
    await eventually("the breaker to be seen", async () => {
      const response = await fetch(`${relayer.url}/readyz`);
      const { policies } = (await response.json()) as { policies: { code?: string }[] };
      return (response.status === 503 && policies.every(({ code }) => code === "MT-GW-021")) || undefined;
    });
    const refused = await postInfer(relayer.url, body);
    assert.equal(refused.status, 503);
    assert.ok(refused.headers.get("retry-after"));
    assert.equal((await metrics()).get("meantime_breaker_open"), 1);
    assert.equal((await fetch(`${relayer.url}/healthz`)).status, 200);
    assert.equal((await succeeds("resume")).resumed, true);
    assert.equal((await postInfer(relayer.url, body)).status, 200);
  });

  it("is fine by its doctor, check by check", async () => {
    const { health, checks } = (await succeeds("doctor")) as { health: string; checks: Check[] };
    assert.equal(health, "ok");
    const names = new Set(checks.map(({ name }) => name));
    const machine = ["node", "config", "files", "artefacts", "disk", "ledger"];
    const chain = ["rpc", "clock", "policies", "models", "keys", "authority", "balances", "stake", "enclave"];
    assert.deepEqual([...names], [...machine, ...chain]);
    // A local chain runs a day ahead; the ledger is in use by this very process.
    const warned = checks.filter(({ status }) => status !== "ok").map(({ name }) => name);
    assert.deepEqual(warned, ["ledger", "clock"]);
  });

  it("hears from its doctor what is wrong, and what to do", async () => {
    const unstaked = localOperator(9);
    const poor = await writeConfig(stack, unstaked);
    const provider = stack.chain.connection.ethers.provider;
    await provider.send("hardhat_setBalance", [unstaked.sender.address, "0x0"]);
    const before = await examined(poor);
    assert.equal(before.exit, 1);
    for (const name of ["authority", "balances", "stake"]) {
      const failed = before.checks.filter((check) => check.name === name && check.status === "fail");
      assert.ok(failed.length > 0 && failed.every(({ todo }) => todo), name);
    }
    await provider.send("hardhat_setBalance", [unstaked.sender.address, "0xde0b6b3a7640000"]);
    await enrolOperator(stack, unstaked, 10n ** 19n);
    assert.equal((await examined(poor)).exit, 0);
  });

  const wrong: [string, string, number, string, (json: Spoilt) => void][] = [
    [
      "another chain",
      "rpc",
      1,
      "MT-CHAIN-002",
      (json) => {
        json.chain.chainId = 5;
        json.operator = { address: json.operator.address, ...keystores };
        json.enclave = undefined;
      },
    ],
    ["a contract without code", "rpc", 1, "MT-CHAIN-003", (json) => (json.chain.settlement = REQUESTER)],
    [
      "a contract of another kind",
      "rpc",
      1,
      "MT-CHAIN-007",
      (json) => (json.chain.settlement = json.chain.enclaveEvidence),
    ],
    ["a node that is down", "rpc", 75, "MT-CHAIN-001", (json) => (json.chain.rpcUrl = "http://127.0.0.1:9")],
    [
      "a policy that is not registered",
      "policies",
      1,
      "MT-CFG-010",
      (json) => (json.policies = [{ name: "window", id: `0x${"07".repeat(32)}` }]),
    ],
    [
      "a key in two roles",
      "keys",
      1,
      "MT-KEY-005",
      (json) => (json.operator.receiptKey = json.operator.senderKey),
    ],
    ["an unknown setting", "config", 1, "MT-CFG-003", (json) => (json.gateway.prot = 1)],
  ];
  for (const [what, name, exit, code, spoil] of wrong) {
    it(`finds ${what} in its doctor and refuses to start with the same code`, async () => {
      const spoilt = await spoiltConfig(spoil);
      const report = await examined(spoilt);
      assert.equal(report.exit, exit);
      assert.ok(
        report.checks.some((check) => check.name === name && check.status === "fail" && check.code === code),
        JSON.stringify(report.checks),
      );
      assert.deepEqual(await failsWith(spoilt, "start"), { exit, code });
    });
  }

  it("starts with keystores, and says which file its password does not open", async () => {
    const folder = dirname(file);
    const { sender } = stack.operator;
    writeFileSync(join(folder, "s.json"), await encryptKeystore(sender.privateKey as Hex, "right", CHEAP));
    writeFileSync(join(folder, "s.password"), "wrong\n");
    const spoilt = await spoiltConfig((json) => {
      json.operator.senderKey = {
        keystore: join(folder, "s.json"),
        passwordFile: join(folder, "s.password"),
      };
    });
    assert.deepEqual(await failsWith(spoilt, "start"), { exit: 1, code: "MT-KEY-002" });
    writeFileSync(join(folder, "s.password"), "right\n");
    const { checks } = await examined(spoilt);
    assert.equal(checks.find(({ name }) => name === "keys")?.status, "ok");
  });

  it("takes the owner's key for one deposit, and none from the daemon", async () => {
    const operator = stack.operator.owner.address;
    const token = `0x${"00".repeat(20)}`;
    const stake = async () => (await stack.deployment.settlement.operatorOf(operator, token)).stakeWei;
    const earlier = await stake();
    assert.deepEqual(await fails("bond", "deposit", "--amount", "7"), { exit: 1, code: "MT-CLI-006" });
    assert.deepEqual(await fails("bond", "deposit", "--amount", "0"), { exit: 1, code: "MT-CLI-002" });
    const environment = { MEANTIME_OWNER_KEY: stack.operator.owner.privateKey };
    const sent = await run(["bond", "deposit", "--amount", "7", "--config", file, "--json"], environment);
    assert.equal(sent.exit, 0, sent.stderr);
    assert.equal(await stake(), earlier + 7n);
    const announced = await run(
      ["bond", "withdraw", "--amount", "7", "--config", file, "--json"],
      environment,
    );
    assert.equal(announced.exit, 0, announced.stderr);
    const early = await run(["bond", "withdraw", "--complete", "--config", file, "--json"], environment);
    assert.equal(early.exit, 1);
    assert.equal(JSON.parse(early.stderr).error.code, "MT-CLI-007");
  });

  it("leaves no socket that answers when it has stopped", async () => {
    await relayer.stop();
    assert.deepEqual(await fails("status"), { exit: 75, code: "MT-OPS-008" });
    assert.ok(!existsSync(`${file.replace("relayer.json", "ledger.sqlite")}.sock`));
  });

  async function metrics(): Promise<Map<string, number>> {
    const response = await fetch(`${relayer.url}/metrics`);
    assert.equal(response.status, 200);
    const lines = (await response.text()).split("\n").filter((line) => line && !line.startsWith("#"));
    return new Map(
      lines.map((line) => {
        const space = line.lastIndexOf(" ");
        return [line.slice(0, space), Number(line.slice(space + 1))];
      }),
    );
  }

  async function spoiltConfig(spoil: (json: Spoilt) => void): Promise<string> {
    const path = await writeConfig(stack, localOperator(13));
    const json = (await readConfigJson(path)) as unknown as Spoilt;
    spoil(json);
    writeFileSync(path, JSON.stringify(json));
    return path;
  }

  async function examined(path: string): Promise<{ exit: number; checks: Check[] }> {
    const { exit, stdout } = await run(["doctor", "--config", path, "--json"]);
    return { exit, checks: (JSON.parse(stdout) as { checks: Check[] }).checks };
  }

  async function succeeds(...parameters: string[]): Promise<Record<string, unknown>> {
    const { exit, stdout, stderr } = await run([...parameters, "--config", file, "--json"]);
    assert.equal(exit, 0, stdout + stderr);
    return JSON.parse(stdout) as Record<string, unknown>;
  }

  function fails(...parameters: string[]) {
    return failsWith(file, ...parameters);
  }

  async function failsWith(path: string, ...parameters: string[]): Promise<{ exit: number; code: string }> {
    const { exit, stderr } = await run([...parameters, "--config", path, "--json"]);
    const last = stderr.trim().split("\n").at(-1) ?? "";
    return { exit, code: (JSON.parse(last) as { error: { code: string } }).error.code };
  }
});

async function run(parameters: string[], environment: Record<string, string> = {}) {
  const child = spawn(process.execPath, [BIN, ...parameters], {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = new Promise<number>((resolve) => child.once("exit", (code) => resolve(code ?? -1)));
  const [stdout, stderr, exit] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  return { stdout, stderr, exit };
}
