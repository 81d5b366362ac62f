// SPDX-License-Identifier: MIT
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { infer } from "@meantime/sdk/client";
import { MeantimeError } from "@meantime/sdk/errors";
import { parseModelSpec } from "@meantime/sdk/model";
import type { Receipt } from "@meantime/sdk/receipt";
import { digitModelUrl } from "../chain/models.ts";
import type { LocalStack } from "../stack/local.ts";
import { localKey, lowerCase } from "../stack/operators.ts";

/** Clients that ask for inferences for as long as they are let. */
export interface Load {
  /** Every receipt that a client got and verified: what the operator has promised. */
  readonly acknowledged: readonly Receipt[];
  /** What was answered instead of a receipt, and how often. */
  readonly refusals: Readonly<Record<string, number>>;
  stop(): Promise<void>;
}

const CLIENTS = 3;
const PAUSE_MILLISECONDS = 120;
const REQUESTER_ACCOUNT = 12;
const PIXELS = 196;
const PIXEL_VALUES = 16;

/**
 * Starts the clients. `url` says where the daemon listens now; while it is down they ask in vain. They pause at `most`
 * receipts, as it is then.
 */
export async function applyLoad(
  stack: LocalStack,
  url: () => string | undefined,
  most: () => number,
): Promise<Load> {
  const spec = parseModelSpec(JSON.parse(await readFile(digitModelUrl("spec"), "utf8")));
  const model = { name: spec.name, id: stack.modelId, inputBits: spec.inputBits, classes: spec.classes };
  const requester = lowerCase(localKey(REQUESTER_ACCOUNT).address);
  const acknowledged: Receipt[] = [];
  const refusals: Record<string, number> = {};
  let asked = 0;
  let stopping = false;

  async function ask(baseUrl: string, number: number): Promise<void> {
    const { receipt } = await infer(
      {
        baseUrl,
        trust: { domain: stack.domain, receiptKeys: [lowerCase(stack.operator.receiptKey.address)] },
      },
      {
        model,
        requester,
        policyId: stack.policyIds[number % 2 === 0 ? "window" : "enclave"],
        operator: lowerCase(stack.operator.owner.address),
        input: Array.from({ length: PIXELS }, (_, place) => (place * 7 + number * 13) % PIXEL_VALUES),
      },
    );
    acknowledged.push(receipt);
  }

  function noteRefusal(error: unknown): void {
    const { serverCode } = error instanceof MeantimeError ? error.details : {};
    const name = String(serverCode ?? (error instanceof MeantimeError ? error.code : error));
    refusals[name] = (refusals[name] ?? 0) + 1;
  }

  const clients = Array.from({ length: CLIENTS }, async () => {
    while (!stopping) {
      const baseUrl = url();
      // Killed in the middle of an answer, or not up: no receipt, no promise.
      if (baseUrl && acknowledged.length < most()) await ask(baseUrl, asked++).catch(noteRefusal);
      await delay(PAUSE_MILLISECONDS);
    }
  });
  return {
    acknowledged,
    refusals,
    async stop() {
      stopping = true;
      await Promise.all(clients);
    },
  };
}
