// SPDX-License-Identifier: MIT
import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { pino } from "pino";
import { loadConfig, type RelayerConfig } from "../../relayer/src/config/load.ts";
import type { LocalStack } from "../../scripts/stack/local.ts";
import type { LocalOperator } from "../../scripts/stack/operators.ts";
import { writeRelayerConfig } from "../../scripts/stack/relayer.ts";

/** Says nothing: failures of a test speak for themselves. */
export const silentLogger = pino({ level: "silent" });

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
