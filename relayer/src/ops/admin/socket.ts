// SPDX-License-Identifier: GPL-3.0-or-later

import { chmodSync, rmSync } from "node:fs";
import type { Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import type { Hono } from "hono";
import { describeError } from "../../errors.ts";
import { cutOffStalled, PATIENCE, timeoutsOf } from "../../gateway/patience.ts";
import type { Logger } from "../logger.ts";

/**
 * Serves on a Unix socket that only this user can open. The process holds the ledger's lock, so a socket that is there
 * already was left by a kill.
 *
 * @returns stops serving. A socket that cannot be made costs the operator's commands, not the daemon: `MT-OPS-004`
 */
export async function listenLocally(app: Hono, path: string, logger: Logger): Promise<() => void> {
  const serverOptions = timeoutsOf(PATIENCE);
  const server = createAdaptorServer({ fetch: app.fetch, serverOptions }) as Server;
  cutOffStalled(server, PATIENCE);
  rmSync(path, { force: true });
  const umask = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(path, resolve);
    });
    chmodSync(path, 0o600);
  } catch (error) {
    logger.error(
      { code: "MT-OPS-004", path, message: describeError(error).message },
      "the socket for the operator's commands cannot be made; the daemon runs without it",
    );
  } finally {
    process.umask(umask);
  }
  return () => {
    server.close();
    server.closeAllConnections();
  };
}
