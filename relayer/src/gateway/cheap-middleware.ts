// SPDX-License-Identifier: GPL-3.0-or-later

import type { MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { cors } from "hono/cors";

/**
 * What Hono's middleware does, without its detours: it touches bodies and finished answers, and each touch turns a text that
 * could be read or written at once into a stream of the web platform. On a short answer that takes longer than all else.
 */

/** Sets headers on every answer, before the answer is made where that can be. */
export function answerHeaders(headers: Readonly<Record<string, string>>): MiddlewareHandler {
  const entries = Object.entries(headers);
  return async (context, next) => {
    for (const [name, value] of entries) context.header(name, value);
    await next();
    // An answer that was made without the context knows nothing of its headers.
    for (const [name, value] of entries) if (!context.res.headers.has(name)) context.header(name, value);
  };
}

/** Lets pages of every origin ask. */
export function anyOrigin(options: {
  allowMethods?: string[];
  allowHeaders?: string[];
  exposeHeaders?: string[];
}): MiddlewareHandler {
  const preflight = cors({ origin: "*", ...options });
  const answer = answerHeaders({
    "access-control-allow-origin": "*",
    ...(options.exposeHeaders ? { "access-control-expose-headers": options.exposeHeaders.join(",") } : {}),
  });
  return (context, next) =>
    context.req.method === "OPTIONS" ? preflight(context, next) : answer(context, next);
}

/**
 * Refuses bodies that are longer. HTTP/1.1 holds a client to the length that it declares; only what declares none is counted.
 *
 * @param refuse throws
 */
export function limitBytes(maxBytes: number, refuse: () => never): MiddlewareHandler {
  const count = bodyLimit({ maxSize: maxBytes, onError: refuse });
  return async (context, next) => {
    const declared = context.req.header("content-length");
    const isCounted = declared === undefined || context.req.header("transfer-encoding") !== undefined;
    if (isCounted) return count(context, next);
    if (Number(declared) > maxBytes) refuse();
    await next();
  };
}
