// SPDX-License-Identifier: GPL-3.0-or-later

import type { Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { RelayerError } from "../errors.ts";
import { errorBody, HttpError } from "./http-error.ts";
import type { Routes } from "./openapi/route.ts";
import { cutOffStalled, PATIENCE, type Patience, timeoutsOf } from "./patience.ts";

/** A listening gateway. */
export interface GatewayServer {
  /** The bound address. */
  url: string;
  /** Stops listening and waits for running requests, at most `drainMilliseconds`. */
  close(drainMilliseconds: number): Promise<void>;
}

/** A payment is about two kilobytes of them. */
const MAX_HEADER_BYTES = 16_384;

/**
 * Listens.
 *
 * @param port 0 for any free one
 * @param onRefused told of requests that were refused before they reached the app
 * @param patience with slow clients
 * @throws RelayerError `MT-CFG-011` the address cannot be bound
 */
export async function listen(
  app: Pick<Routes, "fetch">,
  host: string,
  port: number,
  onRefused: (code: string) => void = () => undefined,
  patience: Patience = PATIENCE,
): Promise<GatewayServer> {
  const server = createAdaptorServer({
    fetch: app.fetch,
    serverOptions: { maxHeaderSize: MAX_HEADER_BYTES, ...timeoutsOf(patience) },
  }) as Server;
  cutOffStalled(server, patience);
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
    const refusal = refusalOf(error.code);
    // A peer that has hung up hears nothing.
    if (!refusal || !socket.writable) return void socket.destroy();
    onRefused(refusal.code);
    socket.end(plainAnswer(refusal));
    // A peer that does not hang up in turn would keep its half of the connection.
    socket.setTimeout(patience.idleMilliseconds, () => socket.destroy());
  });
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
        const force = setTimeout(() => server.closeAllConnections(), drainMilliseconds);
        server.close(() => {
          clearTimeout(force);
          resolve();
        });
        server.closeIdleConnections();
      }),
  };
}

/** What Node's parser refuses; undefined: the connection is gone. */
function refusalOf(code: string | undefined): HttpError | undefined {
  switch (code) {
    case "ECONNRESET":
      return undefined;
    case "HPE_HEADER_OVERFLOW":
      return new HttpError(
        431,
        "MT-ACC-013",
        `the headers are larger than ${MAX_HEADER_BYTES} bytes`,
        "Send fewer or shorter headers.",
      );
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new HttpError(
        408,
        "MT-ACC-014",
        "the request did not arrive in time",
        "Send headers within 15 seconds and the whole request within 60.",
      );
    default:
      return new HttpError(400, "MT-ACC-015", "this is not HTTP", "Send requests by HTTP/1.1.");
  }
}

function plainAnswer(refusal: HttpError): string {
  const body = JSON.stringify(errorBody(refusal));
  return [
    `HTTP/1.1 ${refusal.status} Refused`,
    "content-type: application/json",
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
    "",
    body,
  ].join("\r\n");
}
