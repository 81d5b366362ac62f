// SPDX-License-Identifier: GPL-3.0-or-later

import { OpenAPIHono, type RouteConfig, z } from "@hono/zod-openapi";
import type { Hex } from "@meantime/sdk/hex";
import type { Context } from "hono";
import { HttpError } from "../http-error.ts";
import type { GatewayEnv } from "../state.ts";
import { errorSchema } from "./schemas.ts";

/** Routes of one topic. */
export type Routes = OpenAPIHono<GatewayEnv>;

/** Groups of routes in the document, in its order. */
export const TAGS = {
  inference: "Inference",
  claims: "Claims and receipts",
  operator: "The operator",
  health: "Health",
  documents: "Documents",
} as const;

/** An empty group of routes. What does not fit a route's parameters is refused with a code. */
export function createRoutes(): Routes {
  return new OpenAPIHono<GatewayEnv>({
    defaultHook: (result) => {
      if (!result.success) throw badParameter(result.target, result.error);
    },
  });
}

/** A route whose body the handler reads itself: parsed once, refused in its own words. */
export function documented(
  routes: Routes,
  route: RouteConfig,
  handler: (context: Context<GatewayEnv>) => Response | Promise<Response>,
): void {
  routes.openAPIRegistry.registerPath(route);
  routes.on(route.method.toUpperCase(), route.path.replaceAll(/\{(\w+)\}/g, ":$1"), handler);
}

/** The id of a claim or batch in a path, in lower case. */
export const idParams = z.object({
  id: z
    .string()
    .regex(/^0x[0-9a-fA-F]{64}$/, "is no id")
    .transform((id) => id.toLowerCase() as Hex)
    .openapi({ param: { name: "id", in: "path" }, example: `0x${"5d".repeat(32)}` }),
});

/** An answer in JSON. */
export function json<Schema extends z.ZodType>(schema: Schema, description: string) {
  return { description, content: { "application/json": { schema } } };
}

/** A refusal, in OpenAI's shape. @param codes those that this route refuses with, and what each says */
export function refusal(description: string, ...codes: string[]) {
  const listed =
    codes.length > 0 ? `${description}: ${codes.map((code) => `\`${code}\``).join(", ")}` : description;
  return { description: listed, content: { "application/json": { schema: errorSchema } } };
}

function badParameter(target: string, error: z.core.$ZodError): HttpError {
  const issue = error.issues[0];
  const param = issue?.path.join(".") || target;
  if (param === "id") {
    return new HttpError(
      400,
      "MT-GW-014",
      "this is not an id",
      "An id is 0x followed by 64 hex digits.",
      undefined,
      "id",
    );
  }
  return new HttpError(
    400,
    "MT-GW-040",
    `${param}: ${issue?.message ?? "is not valid"}`,
    "Correct the parameter; /openapi.json says what each takes.",
    undefined,
    param,
  );
}
