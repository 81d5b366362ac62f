// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type ClaimReport, getClaim } from "@meantime/sdk/client";
import type { Hex } from "@meantime/sdk/hex";
import { type Policy, policyId } from "@meantime/sdk/policy";
import { parseReceipt } from "@meantime/sdk/receipt";
import { STATUS, type StatusName } from "@meantime/sdk/status";
import { pino } from "pino";
import { loadConfig, type RelayerConfig } from "../../relayer/src/config/load.ts";
import { readPolicy } from "../../relayer/src/registry/policies.ts";
import type { LocalStack } from "../../scripts/stack/local.ts";
import type { LocalOperator } from "../../scripts/stack/operators.ts";
import { writeRelayerConfig } from "../../scripts/stack/relayer.ts";

/** Registers the stack's window policy with other terms. @returns its id */
export async function registerVariant({ deployment, policyIds }: LocalStack, change: Partial<Policy>) {
  const { terms } = await readPolicy(deployment, policyIds.window);
  const policy: Policy = { ...terms, ...change };
  await (await deployment.policies.register(policy)).wait();
  return policyId(policy);
}

/** Says nothing: failures of a test speak for themselves. */
export const silentLogger = pino({ level: "silent" });

/** Whom the claims of tests are for. */
export const REQUESTER: Hex = `0x${"c0".repeat(20)}`;

/** An image that the digit model can read; `seed` tells one from another. */
export function sampleInput(seed: number): number[] {
  return Array.from({ length: 196 }, (_, place) => (place * 7 + seed * 13) % 16);
}

/** An empty folder for one test. */
export function freshFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), "meantime-test-"));
}

/** The configuration file of an operator of the stack, in a fresh folder. */
export async function writeConfig(
  stack: LocalStack,
  operator: LocalOperator = stack.operator,
  watches = false,
): Promise<string> {
  return writeRelayerConfig({
    folder: await freshFolder(),
    rpcUrl: stack.chain.url,
    settlement: await stack.deployment.settlement.getAddress(),
    enclaveEvidence: await stack.deployment.enclaveEvidence.getAddress(),
    operator,
    enclaveKey: stack.enclaveKey,
    policyIds: stack.policyIds,
    watches,
  });
}

/** The same, loaded; `change` may alter it. */
export async function localConfig(
  stack: LocalStack,
  change: (config: RelayerConfig) => void = () => undefined,
  operator: LocalOperator = stack.operator,
  watches = false,
): Promise<RelayerConfig> {
  const config = loadConfig(await writeConfig(stack, operator, watches));
  change(config);
  return config;
}

/** A configuration file as JSON, to be spoilt by a test. */
export async function readConfigJson(file: string): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(file, "utf8")) as Record<string, unknown>;
}

/** Asks for an inference. */
export async function postInfer(url: string, body: unknown, model = "tiny_mlp"): Promise<Response> {
  return fetch(new URL(`/v1/infer/${model}`, url), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

/** Asks for an inference and returns the claim it was answered with. */
export async function askFor(url: string, seed: number, policy: string): Promise<Hex> {
  const response = await postInfer(url, { input: sampleInput(seed), requester: REQUESTER, policy });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return parseReceipt((JSON.parse(text) as { receipt: unknown }).receipt).claimId;
}

/** Waits until the contract gives the claim this status and the gateway says the same. */
export function untilStatus(
  { deployment }: LocalStack,
  url: string,
  claimId: Hex,
  status: StatusName,
): Promise<ClaimReport> {
  return eventually(`${claimId} to be ${status}`, async () => {
    const report = await getClaim({ baseUrl: url }, claimId);
    if (!report.batch || report.status !== status) return undefined;
    const { header, index, proof } = report.batch;
    const onChain = await deployment.settlement.statusOf(header, report.claim, index, proof);
    return Number(onChain) === STATUS[status] ? report : undefined;
  });
}

/** Waits until `check` returns something else than undefined; rejects, naming what was awaited. */
export async function eventually<Result>(
  what: string,
  check: () => Result | undefined | Promise<Result | undefined>,
  seconds = 20,
): Promise<Result> {
  const end = performance.now() + seconds * 1_000;
  while (performance.now() < end) {
    const result = await check();
    if (result !== undefined) return result;
    await delay(20);
  }
  throw new Error(`waited ${seconds} s in vain for ${what}`);
}
