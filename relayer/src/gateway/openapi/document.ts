// SPDX-License-Identifier: GPL-3.0-or-later

import { VERSION } from "../../ops/version.ts";
import { describeAccess } from "./access.ts";
import { type Routes, TAGS } from "./route.ts";

/** The OpenAPI 3.1 document of everything that the gateway serves. */
export type OpenApiDocument = ReturnType<Routes["getOpenAPI31Document"]>;

const DESCRIPTION = `Answers from models with receipts: each is the operator's signed promise, backed by its stake, to put the claim
on chain, where anybody can challenge it. Verify receipts before using answers; nothing else that a gateway says is proof.
docs/API.md explains the routes, docs/HASHING.md what is hashed, docs/ERRORS.md each code.`;

/** Makes the document of a gateway's routes. */
export function openApiDocument(routes: Routes): OpenApiDocument {
  const document = routes.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "Meantime gateway",
      version: VERSION,
      description: DESCRIPTION.replaceAll("\n", " "),
      license: { name: "GPL-3.0-or-later" },
    },
    servers: [{ url: "/", description: "This gateway" }],
    tags: Object.values(TAGS).map((name) => ({ name })),
    // Of reading; what asks for answers says otherwise.
    security: [{}],
  });
  describeAccess(document);
  return document;
}

/** Method and path of every operation of a document, sorted. */
export function operationsOf({ paths = {} }: OpenApiDocument): string[] {
  return Object.entries(paths)
    .flatMap(([path, item]) => Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`))
    .sort();
}
