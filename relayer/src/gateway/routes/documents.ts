// SPDX-License-Identifier: GPL-3.0-or-later

import { createRoute, z } from "@hono/zod-openapi";
import { docsPage } from "../openapi/docs-page.ts";
import { openApiDocument, operationsOf } from "../openapi/document.ts";
import { createRoutes, documented, type Routes, TAGS } from "../openapi/route.ts";

const tags = [TAGS.documents];

/** A page of text: no script, no image, nothing from elsewhere; its own style by its hash. */
const contentSecurityPolicy = (styleHash: string) =>
  `default-src 'none'; style-src '${styleHash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** The description of the gateway, as a document and as a page; `operations` lists its routes. */
export function documentRoutes(app: Routes): { routes: Routes; operations: () => string[] } {
  const routes = createRoutes();
  const document = once(() => openApiDocument(app));
  const operations = once(() => operationsOf(document()));
  const page = once(() => docsPage(document()));
  documented(
    routes,
    {
      method: "get",
      path: "/openapi.json",
      operationId: "getOpenApi",
      summary: "This description",
      tags,
      responses: {
        200: {
          description: "OpenAPI 3.1.",
          content: { "application/json": { schema: z.looseObject({ openapi: z.literal("3.1.0") }) } },
        },
      },
    },
    (context) => context.json(document()),
  );
  routes.openapi(
    createRoute({
      method: "get",
      path: "/docs",
      operationId: "getDocs",
      summary: "This description, for people",
      tags,
      responses: { 200: { description: "A page.", content: { "text/html": { schema: z.string() } } } },
    }),
    (context) => {
      const { html, styleHash } = page();
      return context.html(html, 200, {
        "content-security-policy": contentSecurityPolicy(styleHash),
        "referrer-policy": "no-referrer",
      });
    },
  );
  return { routes, operations };
}

/** Routes are complete when the first request comes; the document does not change after it. */
function once<Value>(make: () => Value): () => Value {
  let made: { value: Value } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
