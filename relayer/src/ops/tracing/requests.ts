// SPDX-License-Identifier: GPL-3.0-or-later

import type { MiddlewareHandler } from "hono";
import { routePath } from "hono/route";
import { isTracing, traced } from "./trace.ts";

/** One span for each request, under the span that its client names. */
export const traceRequests: MiddlewareHandler = async (context, next) => {
  if (!isTracing()) return next();
  await traced(
    "request",
    { "http.request.method": context.req.method },
    async (note) => {
      await next();
      note({ "http.route": routePath(context, -1), "http.response.status_code": context.res.status });
    },
    context.req.header("traceparent"),
  );
};
