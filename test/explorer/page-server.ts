// SPDX-License-Identifier: MIT
import { Hono } from "hono";
import { servePage } from "../../relayer/src/gateway/page.ts";
import { type GatewayServer, listen } from "../../relayer/src/gateway/server.ts";
import { buildExplorerIfStale } from "../../scripts/explorer/build.ts";

/** Builds the page and serves it as a relayer does, without anything behind it. */
export async function servePageAlone(): Promise<GatewayServer> {
  await buildExplorerIfStale();
  const app = new Hono();
  servePage(app);
  return listen(app, "127.0.0.1", 0);
}
