// SPDX-License-Identifier: GPL-3.0-or-later
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** What a lying node makes of an answer of the chain's. What it throws is a refusal. */
export type Lie = (method: string, params: readonly unknown[], result: unknown) => unknown;

/** A node in front of another one that alters its answers. Close it when done. */
export async function startLyingNode(target: string, lie: Lie): Promise<{ url: string; close(): void }> {
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = Buffer.concat(parts).toString();
    const { method, params } = JSON.parse(body) as { method: string; params: unknown[] };
    const headers = { "content-type": "application/json" };
    const answer = (await (await fetch(target, { method: "POST", headers, body })).json()) as {
      result?: unknown;
      error?: unknown;
    };
    try {
      if ("result" in answer) answer.result = lie(method, params, answer.result);
    } catch (refusal) {
      delete answer.result;
      answer.error = { code: -32_602, message: String(refusal) };
    }
    response.end(JSON.stringify(answer));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
