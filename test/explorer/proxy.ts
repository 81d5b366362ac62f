// SPDX-License-Identifier: MIT
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What stands between a page and its operator, and may change what the operator's index says. */
export interface LyingProxy {
  url: string;
  /** Changes answers from now on; undefined: passes them on as they are. */
  tell(lie: Lie | undefined): void;
  close(): Promise<void>;
}

/** An answer of the index as it goes on, for a path such as `/claims/0x…`. */
export type Lie = (path: string, answer: Record<string, unknown>) => unknown;

const INDEX = "/index/v1";

/** Serves all that `target` serves; JSON answers of its index go through the lie. */
export async function startLyingProxy(target: string): Promise<LyingProxy> {
  let lie: Lie | undefined;
  const server = createServer((request, response) => {
    pass(target, request, response, lie).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    tell(next) {
      lie = next;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function pass(
  target: string,
  request: IncomingMessage,
  response: ServerResponse,
  lie: Lie | undefined,
) {
  const url = new URL(request.url ?? "/", target);
  const abort = new AbortController();
  response.once("close", () => abort.abort());
  const answer = await fetch(url, {
    headers: { accept: request.headers.accept ?? "*/*" },
    signal: abort.signal,
  });
  const headers = Object.fromEntries(
    [...answer.headers].filter(
      ([name]) => !["content-encoding", "content-length", "transfer-encoding"].includes(name),
    ),
  );
  response.writeHead(answer.status, headers);
  const isJson = answer.headers.get("content-type")?.startsWith("application/json") ?? false;
  if (lie !== undefined && isJson && url.pathname.startsWith(INDEX)) {
    const told = lie(url.pathname.slice(INDEX.length), (await answer.json()) as Record<string, unknown>);
    response.end(JSON.stringify(told));
    return;
  }
  for await (const part of answer.body ?? []) response.write(part);
  response.end();
}
