// SPDX-License-Identifier: MIT
import { type GatewayClient, infer } from "@meantime/sdk/client";
import type { Address, Hex } from "@meantime/sdk/hex";
import type { Receipt } from "@meantime/sdk/receipt";
import type { DigitImage } from "./images.ts";
import { progress } from "./progress.ts";

/** An answer that a user of the demo holds, and what the image really shows. */
export interface Served {
  receipt: Receipt;
  label: number;
  truth: number;
}

/** What one user asks for, again and again. */
export interface Asking {
  gateway: GatewayClient;
  model: { name: string; id: Hex; inputBits: number; classes: number };
  policyId: Hex;
  operator: Address;
  requester: Address;
}

const CONCURRENCY = 4;

/** Sends images to a gateway over HTTP and keeps the verified receipts, in the order of the images. */
export async function serveImages(title: string, asking: Asking, images: DigitImage[]): Promise<Served[]> {
  const bar = progress(title, images.length);
  const served: Served[] = new Array(images.length);
  let next = 0;
  let answered = 0;
  const ask = async () => {
    for (let at = next++; at < images.length; at = next++) {
      const image = images[at];
      if (!image) return;
      const { gateway, model, policyId, operator, requester } = asking;
      const { label, receipt } = await infer(gateway, {
        model,
        policyId,
        operator,
        requester,
        input: image.pixels,
      });
      served[at] = { receipt, label, truth: image.label };
      bar.at(++answered);
    }
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: CONCURRENCY }, ask));
  const perSecond = images.length / ((performance.now() - started) / 1000);
  bar.done(`${images.length} answers, ${perSecond.toFixed(0)}/s, each receipt verified`);
  return served;
}
