// SPDX-License-Identifier: GPL-3.0-or-later

import { createTransport } from "../../chain/endpoints/transport.ts";
import type { RelayerConfig } from "../../config/load.ts";
import { redactUrl } from "../../config/redact.ts";
import { median, quantile, tenths } from "./samples.ts";

const REQUESTS = 20;
const TIMEOUT_MILLISECONDS = 10_000;

/** How long each endpoint takes to answer, one request after the other; its error where it does not. */
export async function timeRpc({ rpcUrls }: RelayerConfig["chain"]): Promise<Record<string, unknown>> {
  const figures: Record<string, unknown> = {};
  for (const url of rpcUrls) figures[redactUrl(url)] = await timeEndpoint(url);
  return figures;
}

async function timeEndpoint(url: string): Promise<object> {
  const request = createTransport(url, TIMEOUT_MILLISECONDS);
  const milliseconds: number[] = [];
  try {
    // The first opens the connection.
    await request("eth_blockNumber", []);
    for (let sent = 0; sent < REQUESTS; sent++) {
      const start = performance.now();
      await request("eth_blockNumber", []);
      milliseconds.push(performance.now() - start);
    }
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
  return {
    p50Milliseconds: tenths(median(milliseconds)),
    p99Milliseconds: tenths(quantile(milliseconds, 0.99)),
  };
}
