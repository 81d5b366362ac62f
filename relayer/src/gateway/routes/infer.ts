// SPDX-License-Identifier: GPL-3.0-or-later

import { keccak256Text } from "@meantime/sdk/hex";
import type { Context } from "hono";
import type { Services } from "../../services.ts";
import { NO_PROMISE_CODES } from "../capacity.ts";
import { HttpError } from "../http-error.ts";
import { infer, requestSchema, requireModel } from "../infer.ts";
import { createRoutes, documented, json, type Routes, refusal, TAGS } from "../openapi/route.ts";
import { inferAnswerSchema } from "../openapi/schemas.ts";
import type { Caller, GatewayEnv, GatewayState } from "../state.ts";

/** `POST /v1/infer/{model}`: the built-in provable models. */
export function inferRoutes(services: Services, state: GatewayState): Routes {
  const routes = createRoutes();
  routes.openAPIRegistry.register("InferenceRequest", requestSchema);
  documented(
    routes,
    {
      method: "post",
      path: "/v1/infer/{model}",
      operationId: "infer",
      summary: "Ask a provable model",
      description:
        "The receipt is on disk before the answer leaves. The same requestId with the same input, policy and salt gives the same answer and receipt.",
      tags: [TAGS.inference],
      parameters: [
        {
          name: "model",
          in: "path",
          required: true,
          schema: { type: "string" },
          description: "As `/v1/models` names it.",
        },
      ],
      request: {
        body: {
          required: true,
          content: {
            "application/json": { schema: { $ref: "#/components/schemas/InferenceRequest" } },
          },
        },
      },
      responses: {
        200: json(inferAnswerSchema, "The answer and its receipt."),
        400: refusal("Not JSON", "MT-GW-001"),
        404: refusal("No such model or policy here", "MT-GW-005", "MT-GW-006"),
        409: refusal("Another request had this requestId", "MT-GW-009"),
        413: refusal("Too large", "MT-GW-003"),
        415: refusal("Not declared as JSON", "MT-GW-002"),
        422: refusal("Not to be answered", "MT-GW-004", "MT-GW-007", "MT-GW-008", "MT-GW-017", "MT-GW-020"),
        503: refusal("No receipt can be promised now", ...NO_PROMISE_CODES),
      },
    },
    async (context) => {
      if (state.draining()) throw stopping();
      const model = requireModel(services, context.req.param("model") ?? "");
      const answer = await infer(services, model, named(await readJson(context), context.get("caller")));
      state.onReceipt(answer.policy);
      return context.json(answer);
    },
  );
  return routes;
}

/** A request that a payment names is one under that name: paid once, answered once. */
function named(body: unknown, { idempotencyKey }: Caller): unknown {
  if (idempotencyKey === undefined || typeof body !== "object" || body === null || "requestId" in body)
    return body;
  return { ...body, requestId: keccak256Text(idempotencyKey) };
}

/** The body of a request. @throws HttpError 400 or 415 */
export async function readJson(context: Context<GatewayEnv>): Promise<unknown> {
  const type = context.req.header("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (type !== "application/json") {
    throw new HttpError(
      415,
      "MT-GW-002",
      "the body is not declared as JSON",
      "Send content-type: application/json.",
    );
  }
  try {
    return JSON.parse(await context.req.text());
  } catch (error) {
    // A body that is too large shows only while it is read.
    if (!(error instanceof SyntaxError)) throw error;
    throw new HttpError(400, "MT-GW-001", `the body is not JSON: ${error.message}`, "Send one JSON object.");
  }
}

/** @returns the refusal of new work while the process stops */
export function stopping(): HttpError {
  return new HttpError(
    503,
    "MT-GW-016",
    "the relayer is stopping",
    "Try again later; no receipt was given.",
    5,
  );
}
