// SPDX-License-Identifier: GPL-3.0-or-later

import { request } from "node:http";
import { text } from "node:stream/consumers";
import { loadConfig } from "../../config/load.ts";
import { RelayerError, TemporaryError } from "../../errors.ts";
import type { ConfigFlags } from "../config/show.ts";

const TIMEOUT_MILLISECONDS = 15_000;

interface DaemonError {
  error?: { code: string; message: string; hint?: string };
}

/**
 * Asks the running daemon on its socket.
 *
 * @throws TemporaryError `MT-OPS-008` none runs with this configuration; RelayerError what it answered
 */
export async function askDaemon(
  { config, set }: ConfigFlags,
  method: "GET" | "POST",
  path: string,
): Promise<Record<string, unknown>> {
  const { socket } = loadConfig(config, { flags: set ?? [] }).admin;
  if (socket === undefined) {
    throw new RelayerError(
      "MT-OPS-008",
      "the configuration names no socket for the operator's commands",
      "Set admin.socket and restart the relayer.",
    );
  }
  const { status, body } = await exchange(socket, method, path);
  const answer = JSON.parse(body) as Record<string, unknown> & DaemonError;
  if (status < 400) return answer;
  const { code = "MT-OPS-001", message = `HTTP ${status}`, hint = "Look into its log." } = answer.error ?? {};
  throw status >= 500 ? new TemporaryError(code, message, hint) : new RelayerError(code, message, hint);
}

function exchange(
  socketPath: string,
  method: string,
  path: string,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const away = (error: Error) =>
      reject(
        new TemporaryError(
          "MT-OPS-008",
          `no relayer answers on ${socketPath}: ${error.message}`,
          "Start it with `meantime start`; this command asks the running one.",
        ),
      );
    const outgoing = request({ socketPath, method, path, timeout: TIMEOUT_MILLISECONDS }, (response) => {
      text(response).then((body) => resolve({ status: response.statusCode ?? 500, body }), away);
    });
    outgoing.once("timeout", () => outgoing.destroy(new Error("no answer in time")));
    outgoing.once("error", away);
    outgoing.end();
  });
}
