// SPDX-License-Identifier: GPL-3.0-or-later

import { type RouteConfig, z } from "@hono/zod-openapi";
import type { OpenAiPath } from "@meantime/sdk/openai/content";
import { CLAIM_ID_HEADER, REQUEST_HEADERS } from "@meantime/sdk/openai/fetch";
import { NO_PROMISE_CODES } from "../capacity.ts";
import { refusal, TAGS } from "../openapi/route.ts";
import { address, hex32, receiptSchema } from "../openapi/schemas.ts";
import { RECEIPT_HEADER } from "./replies.ts";
import { IDEMPOTENCY_HEADER } from "./request.ts";

const NAMES: Record<OpenAiPath, { operationId: string; summary: string; list: "choices" | "data" }> = {
  "/v1/chat/completions": { operationId: "createChatCompletion", summary: "Chat", list: "choices" },
  "/v1/completions": { operationId: "createCompletion", summary: "Complete text", list: "choices" },
  "/v1/embeddings": { operationId: "createEmbedding", summary: "Embed text", list: "data" },
};

const bodySchema = z
  .looseObject({
    model: z.string().openapi({ description: "As `/v1/models` names one of the kind `upstream`." }),
    stream: z.boolean().optional().openapi({ description: "Chunks as they come; not for embeddings." }),
  })
  .openapi("OpenAiRequest", {
    description:
      "As OpenAI describes it. Every member goes to the model's server, and every member is hashed.",
  });

const travellingReceiptSchema = receiptSchema
  .extend({ salt: hex32("Opens both hashes; docs/HASHING.md says how.") })
  .openapi("SaltedReceipt");

const headersSchema = z.object({
  [REQUEST_HEADERS.requester]: address("Whom a rejection compensates.").optional(),
  [REQUEST_HEADERS.requestId]: hex32("Names the request: repeated, it gets the same answer.").optional(),
  [IDEMPOTENCY_HEADER]: z
    .string()
    .max(255)
    .optional()
    .openapi({ description: "Names the request, where it has no id, for its caller alone." }),
  [REQUEST_HEADERS.policy]: z.string().optional().openapi({ description: "Id or name of a policy." }),
  [REQUEST_HEADERS.salt]: hex32("Keeps both hashes from being guessed. Default: random.").optional(),
});

/** What the OpenAPI document says of one of the routes. */
export function operationOf(path: OpenAiPath): RouteConfig {
  const { list, ...names } = NAMES[path];
  const answer = z.looseObject({
    [list]: z.array(z.looseObject({ index: z.int() })),
    receipt: travellingReceiptSchema,
  });
  return {
    method: "post",
    path,
    ...names,
    description:
      "Takes and gives what OpenAI's route does. The receipt is on disk before the last byte leaves; in a stream it is the last chunk before `[DONE]`. docs/API.md says what happens when something fails.",
    tags: [TAGS.inference],
    request: {
      headers: headersSchema,
      body: { required: true, content: { "application/json": { schema: bodySchema } } },
    },
    responses: {
      200: {
        description: `The answer and its receipt. Whole answers have the headers \`${CLAIM_ID_HEADER}\` and, where it is short, \`${RECEIPT_HEADER}\` (base64url).`,
        content: {
          "application/json": { schema: answer },
          ...(list === "choices" ? { "text/event-stream": { schema: z.string() } } : {}),
        },
      },
      400: refusal("Not JSON with one meaning, or refused by the model's server", "MT-GW-001", "MT-GW-064"),
      404: refusal("No such model or policy here", "MT-GW-005", "MT-GW-006"),
      409: refusal(
        "Another request had this id or key, or too many streams of this payment have failed",
        ...["MT-GW-009", "MT-ACC-020"],
      ),
      413: refusal("Too large", "MT-GW-003"),
      415: refusal("Not declared as JSON", "MT-GW-002"),
      422: refusal("Not to be answered", "MT-GW-004", "MT-GW-008", "MT-GW-017", "MT-GW-020"),
      429: refusal(
        "The model's server is asked too often, or this caller has its share of it",
        ...["MT-GW-063", "MT-ACC-019"],
      ),
      502: refusal("The model's server failed", "MT-GW-061", "MT-GW-065", "MT-GW-066"),
      503: refusal(
        "No receipt can be promised now, or nobody can be asked",
        ...NO_PROMISE_CODES,
        ...["MT-GW-060", "MT-GW-061", "MT-GW-068"],
      ),
      504: refusal("The model's server took too long", "MT-GW-062"),
    },
  };
}
