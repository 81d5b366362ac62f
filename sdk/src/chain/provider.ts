// SPDX-License-Identifier: MIT
import { MeantimeError } from "../errors.ts";
import { exchange, type Patience } from "../http.ts";
import { asRecord } from "../json.ts";

/** How a chain is asked: EIP-1193, as wallets and the providers of most libraries have it. */
export interface ChainProvider {
  request(call: { method: string; params?: readonly unknown[] }): Promise<unknown>;
}

const MAX_RESPONSE_TEXT = 200;

/**
 * A provider over JSON-RPC by HTTP. Its `request` throws MT-SDK-501, -504 and -505 as `exchange` does, MT-SDK-702 with the
 * node's code, message and data for a refusal, and for an answer that is no JSON-RPC.
 */
export function httpProvider(url: string | URL, patience: Patience = {}): ChainProvider {
  let nextId = 1;
  return {
    async request({ method, params = [] }) {
      const id = nextId++;
      const body = JSON.stringify({ jsonrpc: "2.0", id, method, params });
      const init = { method: "POST", headers: { "content-type": "application/json" }, body };
      const text = await exchange(url, init, patience, (response) => response.text());
      const answer = parseAnswer(method, text);
      if (isRefusal(answer.error)) throw refused(method, answer.error);
      if (answer.id !== id || !("result" in answer)) throw noRpc(method, text);
      return answer.result;
    },
  };
}

function parseAnswer(method: string, text: string): Record<string, unknown> {
  try {
    return asRecord(JSON.parse(text), "answer");
  } catch {
    throw noRpc(method, text);
  }
}

function isRefusal(error: unknown): error is { code?: unknown; message?: unknown; data?: unknown } {
  return typeof error === "object" && error !== null;
}

function refused(
  method: string,
  { code, message, data }: { code?: unknown; message?: unknown; data?: unknown },
) {
  return new MeantimeError("MT-SDK-702", `the node refused ${method}: ${String(message)}`, {
    hint: "Check the call, or ask another node.",
    details: { method, rpcCode: code, rpcData: data },
  });
}

function noRpc(method: string, text: string): MeantimeError {
  return new MeantimeError("MT-SDK-702", `the node answered ${method} with what is no JSON-RPC`, {
    hint: "Check the URL of the node.",
    details: { method, answer: text.slice(0, MAX_RESPONSE_TEXT) },
  });
}
