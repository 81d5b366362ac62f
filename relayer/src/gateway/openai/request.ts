// SPDX-License-Identifier: GPL-3.0-or-later

import { MAX_OPENING_BYTES } from "@meantime/sdk/batch";
import { canonicalJson, isJsonObject, type JsonObject, parseJson } from "@meantime/sdk/canonical-json";
import { MeantimeError } from "@meantime/sdk/errors";
import {
  type Address,
  asAddress,
  asHex32,
  type Hex,
  keccak256Text,
  randomBytes32,
  ZERO_ADDRESS,
} from "@meantime/sdk/hex";
import type { OpenAiPath } from "@meantime/sdk/openai/content";
import { REQUEST_HEADERS } from "@meantime/sdk/openai/fetch";
import { isAnswerable } from "@meantime/sdk/policy";
import type { UpstreamConfig } from "../../config/load.ts";
import type { ServedPolicy, Services, UpstreamModel } from "../../services.ts";
import { HttpError } from "../http-error.ts";
import type { Caller } from "../state.ts";

/** OpenAI's header for requests that may be repeated. */
export const IDEMPOTENCY_HEADER = "idempotency-key";

/** A request as it came. */
export interface ReceivedRequest {
  path: OpenAiPath;
  text: string;
  header(name: string): string | undefined;
  caller: Caller | undefined;
}

/** A request that was understood: what is asked of whom, and what its claim will say. */
export interface OpenAiCall {
  path: OpenAiPath;
  model: UpstreamModel & { upstream: UpstreamConfig };
  policy: ServedPolicy;
  requester: Address;
  requestId: Hex;
  /** Whether the client named the request, so that it can be repeated. */
  isNamed: boolean;
  /** The client's; undefined: one is chosen. */
  salt: Hex | undefined;
  /** The claim's input: the canonical request with its path. */
  input: Uint8Array;
  /** What the upstream is sent. */
  upstreamText: string;
  isStream: boolean;
  /** Tells the terms and the caller of a request from those of another under the same id. */
  digest: Hex;
}

const MAX_IDEMPOTENCY_KEY = 255;

/**
 * Reads a request by the rules of `docs/HASHING.md`.
 *
 * @throws HttpError 400, 404 or 422
 */
export function readCall(
  services: Pick<Services, "models" | "policies" | "config">,
  request: ReceivedRequest,
): OpenAiCall {
  const { path, caller } = request;
  const body = parseBody(request.text);
  const model = requireModel(services, body.model);
  const policy = requirePolicy(services, model, request.header(REQUEST_HEADERS.policy));
  const canonical = canonicalOf(body, path);
  const input = Buffer.from(canonical);
  requireShowable(model, policy, input.length);
  const requester = headerAs(request, REQUEST_HEADERS.requester, asAddress);
  const salt = headerAs(request, REQUEST_HEADERS.salt, asHex32);
  const scope = caller?.key ?? caller?.address ?? "";
  const named = nameOf(request, scope);
  return {
    ...{ path, model, policy, input, salt },
    requester: requester ?? caller?.address ?? services.config.gateway.requester ?? ZERO_ADDRESS,
    requestId: named ?? randomBytes32(),
    isNamed: named !== undefined,
    upstreamText: upstreamText(model, body, canonical, path),
    isStream: body.stream === true && path !== "/v1/embeddings",
    digest: keccak256Text(JSON.stringify(["openai", scope, policy.id])),
  };
}

/** @throws HttpError 422 `MT-GW-020` when what opens the claim does not fit on chain, where anybody may demand to see it */
export function requireShowable(
  { name }: Pick<UpstreamModel, "name">,
  policy: ServedPolicy,
  bytes: number,
): void {
  if (!policy.terms.publicData || bytes <= MAX_OPENING_BYTES) return;
  throw new HttpError(
    422,
    "MT-GW-020",
    `what ${name} is asked and answers is too large to be shown on chain, as the policy ${policy.name} demands`,
    `Choose a policy of private data, or ask for less: public data are at most ${MAX_OPENING_BYTES} bytes a claim.`,
  );
}

function parseBody(text: string): JsonObject {
  try {
    const body = parseJson(text);
    if (isJsonObject(body)) return body;
  } catch (error) {
    if (!(error instanceof MeantimeError)) throw error;
    throw new HttpError(400, "MT-GW-001", `the body: ${error.message}`, error.hint);
  }
  throw new HttpError(400, "MT-GW-001", "the body is no JSON object", "Send one JSON object.");
}

function requireModel({ models }: Pick<Services, "models">, name: unknown): OpenAiCall["model"] {
  const served = models.filter(
    (model): model is OpenAiCall["model"] => model.kind === "upstream" && model.upstream !== undefined,
  );
  const model = served.find((one) => one.name === name);
  if (model) return model;
  throw new HttpError(
    404,
    "MT-GW-005",
    "there is no such model here",
    `Name one in \`model\`; behind this route are: ${served.map((one) => one.name).join(", ") || "none"}.`,
    undefined,
    "model",
  );
}

function requirePolicy(
  { policies }: Pick<Services, "policies">,
  model: UpstreamModel,
  wanted: string | undefined,
): ServedPolicy {
  const named = policies.filter(
    ({ name, id }) => wanted === undefined || name === wanted || id === wanted.toLowerCase(),
  );
  if (named.length === 0) {
    throw new HttpError(
      404,
      "MT-GW-006",
      "there is no such policy here",
      `This relayer settles under: ${policies.map(({ name }) => name).join(", ")}.`,
      undefined,
      REQUEST_HEADERS.policy,
    );
  }
  const policy = named.find(({ id }) => isAnswerable(model.id, id));
  if (policy) return policy;
  throw new HttpError(
    422,
    "MT-GW-008",
    `nothing that proves ${model.name} answers a challenge under ${wanted === undefined ? "any policy here" : "this policy"}`,
    "Choose another policy: such a claim could never settle.",
    undefined,
    REQUEST_HEADERS.policy,
  );
}

function canonicalOf(body: JsonObject, path: OpenAiPath): string {
  try {
    return canonicalJson({ body, path });
  } catch (error) {
    if (!(error instanceof MeantimeError)) throw error;
    throw new HttpError(400, "MT-GW-001", `the body: ${error.message}`, error.hint);
  }
}

/** The canonical body, cut out of the input; only the model's name may be another one upstream. */
function upstreamText(
  { name, upstream }: OpenAiCall["model"],
  body: JsonObject,
  canonical: string,
  path: OpenAiPath,
): string {
  if (upstream.model !== name) return canonicalJson({ ...body, model: upstream.model });
  return canonical.slice('{"body":'.length, -`,"path":${JSON.stringify(path)}}`.length);
}

/** A request's own id goes before a key, which is made an id for its caller alone. */
function nameOf(request: ReceivedRequest, scope: string): Hex | undefined {
  const id = headerAs(request, REQUEST_HEADERS.requestId, asHex32);
  if (id !== undefined) return id;
  const key = request.header(IDEMPOTENCY_HEADER) ?? request.caller?.idempotencyKey;
  if (key === undefined) return undefined;
  if (key === "" || key.length > MAX_IDEMPOTENCY_KEY) {
    throw badHeader(IDEMPOTENCY_HEADER, `is not 1 to ${MAX_IDEMPOTENCY_KEY} characters long`);
  }
  return keccak256Text(JSON.stringify(["meantime.request.idempotency-key.v1", scope, key]));
}

function headerAs(
  request: ReceivedRequest,
  name: string,
  parse: (value: unknown, what: string) => Hex,
): Hex | undefined {
  const value = request.header(name);
  if (value === undefined) return undefined;
  try {
    return parse(value, name);
  } catch (error) {
    if (error instanceof MeantimeError) throw badHeader(name, "has another form");
    throw error;
  }
}

function badHeader(name: string, what: string): HttpError {
  return new HttpError(
    422,
    "MT-GW-004",
    `the header ${name} ${what}`,
    "See docs/HASHING.md for the headers, or leave it out.",
    undefined,
    name,
  );
}
