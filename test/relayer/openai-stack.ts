// SPDX-License-Identifier: MIT
import type { Hex } from "@meantime/sdk/hex";
import { modelId } from "@meantime/sdk/model";
import { type OpenAiModel, openAiModelEntry } from "@meantime/sdk/openai/model";
import { EVIDENCE_KINDS, EVIDENCE_RULES } from "@meantime/sdk/policy";
import type { RelayerConfig } from "../../relayer/src/config/load.ts";
import { type RunningRelayer, startRelayer } from "../../relayer/src/relayer.ts";
import { type LocalStack, startLocalStack } from "../../scripts/stack/local.ts";
import { LOCAL_MEASUREMENT, type LocalOperator } from "../../scripts/stack/operators.ts";
import { localConfig, registerVariant, silentLogger } from "./local-relayer.ts";
import { CHAT_MODEL, startUpstream, type Upstream } from "./openai-upstream.ts";

/** A local stack on which a model behind an upstream can be served. */
export interface OpenAiStack extends LocalStack {
  chatId: Hex;
  /** An enclave answers challenges under all three, and attests batches under the last. */
  chatPolicies: Record<"private" | "public" | "attested", Hex>;
}

/** What is registered of the model. */
export const CHAT_ENTRY: OpenAiModel = {
  ...{ name: CHAT_MODEL, version: 1, weights: "sha256:0123", measurement: LOCAL_MEASUREMENT },
  reexecutable: false,
};

/** Starts it, with the stack's operator bound under both policies. */
export async function startOpenAiStack(): Promise<OpenAiStack> {
  const stack = await startLocalStack();
  const entry = openAiModelEntry(CHAT_ENTRY);
  await (await stack.deployment.models.register(entry)).wait();
  const answerKinds = EVIDENCE_KINDS.tee;
  const chatPolicies = {
    private: await registerVariant(stack, { answerKinds, publicData: false }),
    public: await registerVariant(stack, { answerKinds }),
    attested: await registerVariant(stack, { answerKinds, rule: EVIDENCE_RULES.tee }),
  };
  const served = { ...stack, chatId: modelId(entry), chatPolicies };
  await bindUnder(served, stack.operator);
  return served;
}

/** Lets an operator's relayer serve under the chat policies. */
export async function bindUnder(
  { chain, deployment, chatPolicies }: OpenAiStack,
  operator: LocalOperator,
): Promise<void> {
  const owner = operator.owner.connect(chain.connection.ethers.provider);
  const ids = Object.values(chatPolicies);
  await (await deployment.settlement.connect(owner).setSender(operator.sender.address, ids, true)).wait();
  await (await deployment.receipts.connect(owner).acceptPolicies(ids)).wait();
}

/** A relayer's configuration that serves the chat model, first under the policy of private data. */
export function chatConfig(
  stack: OpenAiStack,
  upstreamUrl: string,
  change: (config: RelayerConfig) => void = () => undefined,
  operator: LocalOperator = stack.operator,
): Promise<RelayerConfig> {
  return localConfig(
    stack,
    (config) => {
      config.models.push({ ...CHAT_ENTRY, upstream: { url: upstreamUrl, model: CHAT_MODEL } });
      config.policies.push(
        { name: "chat-private", id: stack.chatPolicies.private, prove: "never" },
        { name: "chat-public", id: stack.chatPolicies.public, prove: "never" },
        { name: "chat-attested", id: stack.chatPolicies.attested, prove: "never" },
      );
      config.commit.maxAgeSeconds = 1;
      change(config);
    },
    operator,
  );
}

/** A stack, an upstream and a relayer between them. */
export interface OpenAiWorld {
  stack: OpenAiStack;
  upstream: Upstream;
  relayer: RunningRelayer;
  /** Posts JSON to a route as plain clients do. */
  post(
    path: string,
    body: unknown,
    init?: { headers?: Record<string, string>; signal?: AbortSignal },
  ): Promise<Response>;
  close(): Promise<void>;
}

/** Starts all three. */
export async function startOpenAiWorld(change?: (config: RelayerConfig) => void): Promise<OpenAiWorld> {
  const stack = await startOpenAiStack();
  const upstream = await startUpstream();
  const relayer = await startRelayer(await chatConfig(stack, upstream.url, change), { logger: silentLogger });
  return {
    ...{ stack, upstream, relayer },
    post: (path, body, init) => postJson(new URL(path, relayer.url), body, init),
    async close() {
      await relayer.stop();
      upstream.close();
      await stack.chain.close();
    },
  };
}

/** Posts JSON. */
export function postJson(
  url: URL,
  body: unknown,
  { headers = {}, ...init }: { headers?: Record<string, string>; signal?: AbortSignal } = {},
): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
    ...init,
  });
}

/** A chat request. */
export function question(content: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return { model: CHAT_MODEL, messages: [{ role: "user", content }], ...more };
}
