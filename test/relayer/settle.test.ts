// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { ClaimReport } from "@meantime/sdk/client";
import { type Hex, ZERO_ADDRESS } from "@meantime/sdk/hex";
import { type ModelAnswer, parseModelSpec, runModel } from "@meantime/sdk/model";
import type { StatusName } from "@meantime/sdk/status";
import { startRelayer } from "../../relayer/src/relayer.ts";
import { encryptKeystore } from "../../relayer/src/signers/keystore.ts";
import { digitModelUrl } from "../../scripts/chain/models.ts";
import { type LocalStack, startLocalStack } from "../../scripts/stack/local.ts";
import { enrolOperator, localOperator } from "../../scripts/stack/operators.ts";
import { CHALLENGE_WINDOW_SECONDS, PROVE_WINDOW_SECONDS } from "../../scripts/stack/policies.ts";
import { startRelayerProcess } from "../../scripts/stack/relayer.ts";
import {
  askFor,
  eventually,
  freshFolder,
  localConfig,
  postInfer,
  REQUESTER,
  readConfigJson,
  sampleInput,
  silentLogger,
  untilStatus,
  writeConfig,
} from "./local-relayer.ts";

const BIN = fileURLToPath(new URL("../../relayer/bin/meantime.js", import.meta.url));
const LIAR_ACCOUNT = 6;
const HONEST_ACCOUNT = 10;

describe("the daemon", () => {
  let stack: LocalStack;

  before(async () => {
    stack = await startLocalStack();
  });

  after(async () => {
    await stack?.chain.close();
  });

  it("R-57 settles every receipt it gave, although it is killed right after the answer", async () => {
    const configFile = await writeConfig(stack);
    const first = await startRelayerProcess(configFile);
    const claimIds: Hex[] = [];
    for (let seed = 0; seed < 3; seed++) claimIds.push(await askFor(first.url, seed, "window"));
    await first.kill();
    assert.equal(await batchesOf(stack.operator.owner.address), 0, "it was committed before the kill");

    const second = await startRelayerProcess(configFile);
    for (const claimId of claimIds) await untilOnChain(second.url, claimId, "Committed");
    assert.equal(await batchesOf(stack.operator.owner.address), 1);
    await second.stop();
  });

  it("lets the clock, an enclave and a proof each close a claim, and frees the bonds", async () => {
    const operator = localOperator(HONEST_ACCOUNT);
    await enrolOperator(stack, operator, 10n ** 18n);
    const config = await localConfig(
      stack,
      ({ commit }) => Object.assign(commit, { maxAgeSeconds: 1 }),
      operator,
    );
    const relayer = await startRelayer(config, { logger: silentLogger });
    try {
      const claims = {
        window: await askFor(relayer.url, 1, "window"),
        enclave: await askFor(relayer.url, 2, "enclave"),
        proof: await askFor(relayer.url, 3, "proof"),
      };
      await untilOnChain(relayer.url, claims.enclave, "Final");
      await untilOnChain(relayer.url, claims.proof, "Final");
      await untilOnChain(relayer.url, claims.window, "Committed");
      await stack.chain.moveTo((await stack.chain.now()) + CHALLENGE_WINDOW_SECONDS);
      await untilOnChain(relayer.url, claims.window, "Final");
      await eventually("every bond to be free", async () => {
        const { lockedWei } = await stack.deployment.settlement.operatorOf(
          operator.owner.address,
          ZERO_ADDRESS,
        );
        return lockedWei === 0n ? true : undefined;
      });
    } finally {
      await relayer.stop();
    }
  });

  it("answers a challenge against an honest claim, and wins the challenger's bond", async () => {
    const operator = localOperator(HONEST_ACCOUNT);
    const config = await localConfig(
      stack,
      ({ commit }) => Object.assign(commit, { maxAgeSeconds: 1 }),
      operator,
    );
    const relayer = await startRelayer(config, { logger: silentLogger });
    try {
      const claimId = await askFor(relayer.url, 4, "window");
      const { batch, claim } = await untilOnChain(relayer.url, claimId, "Committed");
      assert.ok(batch);
      const { settlement } = stack.deployment;
      const { challengeBondWei } = (await stack.deployment.policies.policyOf(stack.policyIds.window)).policy;
      const asStranger = settlement.connect(
        operator.challenger.connect(stack.chain.connection.ethers.provider),
      );
      const creditBeforeWei = await settlement.creditOf(operator.owner.address, ZERO_ADDRESS);
      await (
        await asStranger.challenge(batch.header, claim, batch.index, batch.proof, { value: challengeBondWei })
      ).wait();
      await untilOnChain(relayer.url, claimId, "Proven");
      const creditWei = await settlement.creditOf(operator.owner.address, ZERO_ADDRESS);
      assert.equal(creditWei - creditBeforeWei, challengeBondWei);
    } finally {
      await relayer.stop();
    }
  });

  it("finds another operator's lie, challenges it and no other claim, and collects when nobody answers", async () => {
    const liarOperator = localOperator(LIAR_ACCOUNT);
    await enrolOperator(stack, liarOperator, 10n ** 18n);
    const spec = parseModelSpec(JSON.parse(await readFile(digitModelUrl("spec"), "utf8")));
    const lying = (input: number[]): ModelAnswer => {
      const answer = runModel(spec, input);
      return input.join() === sampleInput(1).join() ? { ...answer, label: (answer.label + 1) % 10 } : answer;
    };
    const soon = ({ commit }: { commit: object }) => void Object.assign(commit, { maxAgeSeconds: 1 });
    const liar = await startRelayer(await localConfig(stack, soon, liarOperator), {
      runtimes: new Map([[spec.name, lying]]),
      logger: silentLogger,
    });
    const tower = await startRelayer(await localConfig(stack, soon, localOperator(HONEST_ACCOUNT), true), {
      logger: silentLogger,
    });
    try {
      const lie = await askFor(liar.url, 1, "window");
      const truth = await askFor(liar.url, 2, "window");
      // Not committed to, so the liar can serve anything for it: that must not keep its claims from being checked.
      await liar.ledger.transaction((tx) => tx.updateTable("receipts").set({ signature: "0x" }).execute());
      await untilOnChain(liar.url, lie, "Challenged");
      await untilOnChain(liar.url, truth, "Committed");
      // The liar's own prover finds that no proof of the lie exists: it must neither hang nor send a wrong one.
      await eventually("the liar to give up", () =>
        liar.ledger
          .selectFrom("unprovable")
          .select("id")
          .where("id", "=", lie)
          .where("code", "=", "MT-PRV-002")
          .executeTakeFirst(),
      );
      await stack.chain.moveTo((await stack.chain.now()) + PROVE_WINDOW_SECONDS);
      await untilOnChain(liar.url, lie, "Rejected");
      const status = (await (await fetch(new URL("/v1/status", tower.url))).json()) as {
        watch: { claimsWrong: number; claimsChecked: number };
      };
      assert.equal(status.watch.claimsWrong, 1);
      assert.ok(status.watch.claimsChecked >= 2);
    } finally {
      await Promise.all([liar.stop(), tower.stop()]);
    }
  });

  it("refuses to start when key, chain or ledger do not fit, with a code for each", async () => {
    const file = await writeConfig(stack);
    const json = await readConfigJson(file);
    const chain = json.chain as Record<string, unknown>;
    const [model] = json.models as Record<string, unknown>[];
    const spoiltKey = join(await freshFolder(), "key.json");
    const key = JSON.parse(await readFile(digitModelUrl("verificationKey"), "utf8")) as { IC: string[][] };
    await writeFile(spoiltKey, JSON.stringify({ ...key, IC: key.IC.toReversed() }));
    const cases: [string, number, Record<string, unknown>][] = [
      ["MT-CHAIN-001", 75, { chain: { ...chain, rpcUrl: "http://127.0.0.1:9" } }],
      [
        "MT-CHAIN-002",
        1,
        {
          chain: { ...chain, chainId: 1 },
          operator: { ...(json.operator as object), ...(await encryptedKeys()) },
          enclave: undefined,
        },
      ],
      ["MT-CHAIN-003", 1, { chain: { ...chain, settlement: REQUESTER } }],
      ["MT-CHAIN-007", 1, { chain: { ...chain, settlement: await stack.deployment.receipts.getAddress() } }],
      ["MT-CFG-008", 1, { models: [{ ...model, verificationKey: spoiltKey }] }],
      ["MT-CFG-010", 1, { policies: [{ name: "other", id: `0x${"05".repeat(32)}` }] }],
    ];
    for (const [code, exit, change] of cases) {
      await writeFile(file, JSON.stringify({ ...json, ...change }));
      const result = await runMeantime(["start", "--config", file, "--json"], {
        KEY: stack.operator.sender.privateKey,
        PASSWORD: "password",
      });
      assert.deepEqual([result.exit, result.error?.code], [exit, code], result.stderr);
      assert.equal(result.stdout, "");
    }
  });

  it("verifies a receipt offline", async () => {
    const configFile = await writeConfig(stack, localOperator(HONEST_ACCOUNT));
    const relayer = await startRelayerProcess(configFile);
    const answer = await (
      await postInfer(relayer.url, { input: sampleInput(9), requester: REQUESTER })
    ).text();
    await relayer.stop();
    const file = join(await freshFolder(), "answer.json");
    await writeFile(file, answer);
    const good = await runMeantime(["verify", file, "--config", configFile, "--json"]);
    assert.equal(good.exit, 0, good.stderr);
    assert.equal((JSON.parse(good.stdout) as { valid: boolean }).valid, true);
    await writeFile(
      file,
      answer.replace(/"servedAt":"(\d+)"/, (_, at: string) => `"servedAt":"${BigInt(at) - 1n}"`),
    );
    const bad = await runMeantime(["verify", file, "--config", configFile, "--json"]);
    assert.deepEqual([bad.exit, bad.error?.code], [1, "MT-SDK-110"]);
    const unknown = await runMeantime(["verify", file, "--json"]);
    assert.deepEqual([unknown.exit, unknown.error?.code], [1, "MT-CLI-002"]);
  });

  it("explains itself, and tells a wrong call from a wrong configuration", async () => {
    const help = await runMeantime(["--help"]);
    assert.equal(help.exit, 0);
    assert.match(help.stdout, /start .*relayer/);
    assert.equal(help.stderr, "", "a warning reached the terminal");
    const schema = await runMeantime(["config", "schema"]);
    assert.equal((JSON.parse(schema.stdout) as { type: string }).type, "object");
    assert.equal((await runMeantime(["start"])).exit, 2);
    assert.equal((await runMeantime(["dance"])).exit, 2);
    const missing = await runMeantime(["start", "--config", "/nowhere.json"]);
    assert.equal(missing.exit, 1);
    assert.match(missing.stderr, /MT-CFG-001/);
  });

  function untilOnChain(url: string, claimId: Hex, status: StatusName): Promise<ClaimReport> {
    return untilStatus(stack, url, claimId, status);
  }

  async function batchesOf(operator: string): Promise<number> {
    const { settlement } = stack.deployment;
    return (await settlement.queryFilter(settlement.filters.BatchCommitted(undefined, operator))).length;
  }
});

/** Keys as a chain that is no development chain wants them. */
async function encryptedKeys(): Promise<Record<string, unknown>> {
  const folder = await freshFolder();
  const { sender, receiptKey } = localOperator(HONEST_ACCOUNT);
  const keys = Object.entries({ senderKey: sender, receiptKey }).map(async ([name, { privateKey }]) => {
    const keystore = join(folder, `${name}.json`);
    await writeFile(keystore, await encryptKeystore(privateKey as Hex, "password", 1 << 12));
    return [name, { keystore, passwordEnv: "PASSWORD" }] as const;
  });
  return { ...Object.fromEntries(await Promise.all(keys)), enclaveKey: { env: "KEY" } };
}

async function runMeantime(parameters: string[], environment: Record<string, string> = {}) {
  const child = spawn(process.execPath, [BIN, ...parameters], {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr, [exit]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close"),
  ]);
  const lastLine = stderr.trim().split("\n").at(-1) ?? "";
  const error = lastLine.startsWith("{")
    ? (JSON.parse(lastLine) as { error?: { code: string } }).error
    : undefined;
  return { stdout, stderr, exit: exit as number, error };
}

async function text(stream: NodeJS.ReadableStream): Promise<string> {
  let all = "";
  for await (const chunk of stream) all += String(chunk);
  return all;
}
