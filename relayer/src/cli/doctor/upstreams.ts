// SPDX-License-Identifier: GPL-3.0-or-later

import type { RelayerConfig, UpstreamConfig } from "../../config/load.ts";
import { type Finding, fail, ok, warn } from "./check.ts";

const TIMEOUT_MILLISECONDS = 5_000;

/** Whether the servers that run models answer, take our key and list the model; they are asked for `GET /models`. */
export async function checkUpstreams({ models }: Pick<RelayerConfig, "models">): Promise<Finding[]> {
  const upstreams = models.flatMap((model) => ("upstream" in model && model.upstream ? [model] : []));
  return Promise.all(upstreams.map(({ name, upstream }) => judgeUpstream(name, upstream)));
}

async function judgeUpstream(name: string, upstream: UpstreamConfig | undefined): Promise<Finding> {
  if (!upstream) return ok(`${name} has no server`);
  const { host } = new URL(upstream.url);
  try {
    return await judgeAnswer(`${name} at ${host}`, upstream, await askForModels(upstream));
  } catch (error) {
    const reason =
      error instanceof Error ? ((error.cause as Error | undefined)?.message ?? error.message) : "";
    return fail(
      `${name}: ${host} does not answer: ${reason}`,
      "Start the model's server, or correct upstream.url.",
    );
  }
}

function askForModels({ url, apiKey }: UpstreamConfig): Promise<Response> {
  return fetch(`${url}/models`, {
    headers: apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` },
    redirect: "manual",
    signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS),
  });
}

async function judgeAnswer(what: string, { model }: UpstreamConfig, answer: Response): Promise<Finding> {
  if ([401, 402, 403].includes(answer.status)) {
    return fail(
      `${what} refuses the key (${answer.status})`,
      "Correct the variable that upstream.apiKey names.",
    );
  }
  if (!answer.ok) {
    return warn(`${what} lists no models (${answer.status})`, "Nothing, where the server has no such route.");
  }
  const listed = modelsIn(await answer.json());
  if (listed.includes(model)) return ok(`${what} has ${model}`);
  return warn(
    `${what} does not list ${model}`,
    `Correct upstream.model; it lists: ${listed.join(", ") || "none"}.`,
  );
}

function modelsIn(json: unknown): string[] {
  const { data } = (json ?? {}) as { data?: unknown };
  if (!Array.isArray(data)) return [];
  return data.flatMap((model: unknown) => {
    const { id } = (model ?? {}) as { id?: unknown };
    return typeof id === "string" ? [id] : [];
  });
}
