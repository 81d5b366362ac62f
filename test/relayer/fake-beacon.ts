// SPDX-License-Identifier: MIT
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Transaction } from "ethers";

/** A beacon API over a development chain that keeps no blobs: it has those of transactions that its proxy passed on. */
export interface FakeBeacon {
  /** A node's JSON-RPC: what is sent here is passed on, and its blobs are kept. */
  rpcUrl: string;
  beaconUrl: string;
  /** Versioned hashes of what was sent. */
  readonly kept: ReadonlyMap<string, string>;
  /** As after 18 days. */
  prune(): void;
  /** Serves another blob than was sent. */
  corrupt(hash: string): void;
  /** From now on, the API of before Fulu: `blob_sidecars`. */
  age(): void;
  close(): Promise<void>;
}

const SECONDS_PER_SLOT = 12;

interface Call {
  method: string;
  params: unknown[];
}

/** Starts both on one free port, in front of the node at `target`. */
export async function startFakeBeacon(target: string): Promise<FakeBeacon> {
  const kept = new Map<string, string>();
  const sent = new Map<string, string[]>();
  let isOld = false;
  const genesisTime = Number((await ask("eth_getBlockByNumber", ["0x0", false])).timestamp);

  async function ask(method: string, params: unknown[]): Promise<Record<string, string>> {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
    const headers = { "content-type": "application/json" };
    const { result } = (await (await fetch(target, { method: "POST", headers, body })).json()) as {
      result: Record<string, string> | null;
    };
    return result ?? {};
  }

  function keep({ method, params }: Call): void {
    const [raw] = params;
    if (method !== "eth_sendRawTransaction" || typeof raw !== "string" || !raw.startsWith("0x03")) return;
    const transaction = Transaction.from(raw);
    const hashes = transaction.blobVersionedHashes ?? [];
    for (const [at, blob] of (transaction.blobs ?? []).entries())
      kept.set(hashes[at] ?? "", String(blob.data));
    sent.set(transaction.hash ?? "", hashes);
  }

  async function hashesInSlot(slot: number): Promise<string[]> {
    const found: string[] = [];
    for (const [transaction, hashes] of sent) {
      const { blockNumber } = await ask("eth_getTransactionReceipt", [transaction]);
      if (blockNumber === undefined) continue;
      const { timestamp } = await ask("eth_getBlockByNumber", [blockNumber, false]);
      if (Math.floor((Number(timestamp) - genesisTime) / SECONDS_PER_SLOT) === slot) found.push(...hashes);
    }
    return found;
  }

  async function beacon(url: URL): Promise<unknown> {
    if (url.pathname === "/eth/v1/config/spec")
      return { data: { SECONDS_PER_SLOT: String(SECONDS_PER_SLOT) } };
    if (url.pathname === "/eth/v1/beacon/genesis") return { data: { genesis_time: String(genesisTime) } };
    const [, kind, slot] = /^\/eth\/v1\/beacon\/(blobs|blob_sidecars)\/(\d+)$/.exec(url.pathname) ?? [];
    if (kind !== (isOld ? "blob_sidecars" : "blobs")) return undefined;
    const wanted = url.searchParams.getAll("versioned_hashes");
    const there = (await hashesInSlot(Number(slot))).filter((hash) => kept.has(hash));
    const asked = isOld || wanted.length === 0 ? there : there.filter((hash) => wanted.includes(hash));
    const blobs = asked.map((hash) => kept.get(hash));
    return { data: isOld ? blobs.map((blob, index) => ({ index: String(index), blob })) : blobs };
  }

  async function pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString("utf8");
    for (const call of [JSON.parse(body) as Call | Call[]].flat()) keep(call);
    const headers = { "content-type": "application/json" };
    const answer = await fetch(target, { method: "POST", headers, body });
    response.writeHead(answer.status, headers).end(await answer.text());
  }

  const server = createServer(async (request, response) => {
    try {
      if (request.method === "POST") return await pass(request, response);
      const answer = await beacon(new URL(request.url ?? "/", "http://localhost"));
      response
        .writeHead(answer === undefined ? 404 : 200, { "content-type": "application/json" })
        .end(JSON.stringify(answer ?? { code: 404 }));
    } catch (error) {
      response.writeHead(502).end(String(error));
    }
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    rpcUrl: url,
    beaconUrl: url,
    kept,
    prune: () => kept.clear(),
    corrupt(hash) {
      const blob = kept.get(hash) ?? "";
      // In the second byte: the first one of an element must be zero.
      kept.set(hash, `${blob.slice(0, 4)}${blob.startsWith("0x00ff") ? "00" : "ff"}${blob.slice(6)}`);
    },
    age() {
      isOld = true;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
