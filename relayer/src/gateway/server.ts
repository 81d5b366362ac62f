// SPDX-License-Identifier: GPL-3.0-or-later

import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { RelayerError } from "../errors.ts";
import type { Routes } from "./openapi/route.ts";

/** A listening gateway. */
export interface GatewayServer {
  /** The bound address. */
  url: string;
  /** Stops listening and waits for running requests, at most `drainMilliseconds`. */
  close(drainMilliseconds: number): Promise<void>;
}

/**
 * Listens.
 *
 * @param port 0 for any free one
 * @throws RelayerError `MT-CFG-011` the address cannot be bound
 */
export async function listen(app: Pick<Routes, "fetch">, host: string, port: number): Promise<GatewayServer> {
  const server = createAdaptorServer({ fetch: app.fetch });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: Error) =>
      reject(
        new RelayerError(
          "MT-CFG-011",
          `gateway.port: cannot listen on ${host}:${port}: ${error.message}`,
          "Choose a free port, or 0 for any.",
          { path: "gateway.port" },
        ),
      ),
    );
    server.listen(port, host, resolve);
  });
  const bound = server.address() as AddressInfo;
  const name = bound.family === "IPv6" ? `[${bound.address}]` : bound.address;
  return {
    url: `http://${name}:${bound.port}`,
    close: (drainMilliseconds) =>
      new Promise((resolve) => {
        const force = setTimeout(
          () => "closeAllConnections" in server && server.closeAllConnections(),
          drainMilliseconds,
        );
        server.close(() => {
          clearTimeout(force);
          resolve();
        });
        if ("closeIdleConnections" in server) server.closeIdleConnections();
      }),
  };
}
