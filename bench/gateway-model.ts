// SPDX-License-Identifier: MIT
import { openAiModelEntry } from "@meantime/sdk/openai/model";
import type { Deployment } from "../scripts/chain/deployment.ts";
import { LOCAL_MEASUREMENT } from "../scripts/stack/operators.ts";

/** What requests name the model of the gateway's benchmark. */
export const BENCH_MODEL = "bench-model";

/** Registers it. @returns its entry in a relayer's configuration */
export async function registerBenchModel({ models }: Deployment, upstreamUrl: string) {
  const model = {
    ...{ name: BENCH_MODEL, version: 1, weights: "sha256:0", measurement: LOCAL_MEASUREMENT },
    reexecutable: false,
  };
  await (await models.register(openAiModelEntry(model))).wait();
  return { ...model, upstream: { url: upstreamUrl } };
}
