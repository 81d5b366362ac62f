// SPDX-License-Identifier: MIT
import type { Hex } from "@meantime/sdk/hex";
import { signal } from "@preact/signals";
import { ask, listed } from "../api/client.ts";
import { modelRow } from "../api/rows.ts";

/** Names of models by id, as the index says them: for people, and never for what is checked. */
export const modelNames = signal<ReadonlyMap<Hex, string>>(new Map());

const MOST_MODELS = "500";

let isAsked = false;

/** Asks for the names, once. */
export async function wantModelNames(): Promise<void> {
  if (isAsked) return;
  isAsked = true;
  try {
    const never = new AbortController().signal;
    const { items } = await ask("/models", listed(modelRow), { limit: MOST_MODELS }, never);
    modelNames.value = new Map(items.map(({ modelId, name, version }) => [modelId, `${name} v${version}`]));
  } catch {
    // Ids do as well, and whoever needs a name next asks again.
    isAsked = false;
  }
}
