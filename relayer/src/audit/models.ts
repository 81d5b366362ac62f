// SPDX-License-Identifier: GPL-3.0-or-later

import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Hex } from "@meantime/sdk/hex";
import { type ModelSpec, parseModelSpec, specHash } from "@meantime/sdk/model";
import { BadInputError } from "../cli/enclave/bad-input.ts";
import { readJson } from "../cli/read-json.ts";
import type { NetworkModel } from "../services.ts";
import { INTERFACES, lower } from "./events.ts";
import type { PinnedChain } from "./pinned-chain.ts";
import type { ChainRecord } from "./record.ts";

/** A model that can be run again. */
export interface AuditModel {
  spec: ModelSpec;
  specHash: Hex;
}

const BUILT_IN = fileURLToPath(new URL("../../../circuits/models", import.meta.url));

/** The models of this repository and those of a folder of specifications. Throws BadInputError `MT-AUDIT-005`. */
export function loadAuditModels(folder: string | undefined): AuditModel[] {
  const all = [...specsIn(BUILT_IN, true), ...(folder === undefined ? [] : specsIn(folder, false))];
  return [...new Map(all.map((model) => [model.specHash, model])).values()];
}

/** Finds the specifications of models on the chain. */
export interface ModelBook {
  /** Those of these models whose specification is at hand. */
  of(modelIds: Iterable<Hex>): Promise<RunnableModel[]>;
  /** All that were found, by id. */
  found(): Hex[];
}

/** A model as `checkClaim` runs it. */
export type RunnableModel = Pick<NetworkModel, "id" | "kind" | "spec">;

/** A model's id names its specification by hash, in the registry's entry alone: it is read for each model once. */
export function createModelBook(
  chain: PinnedChain,
  record: ChainRecord,
  models: readonly AuditModel[],
): ModelBook {
  const specs = new Map(models.map((model) => [model.specHash, model.spec]));
  const known = new Map<Hex, RunnableModel | undefined>();
  const find = async (id: Hex): Promise<RunnableModel | undefined> => {
    const registry = record.models.get(id)?.registry;
    if (registry === undefined || specs.size === 0) return undefined;
    const call = lower(INTERFACES.models.encodeFunctionData("modelOf", [id]));
    const [entry] = INTERFACES.models.decodeFunctionResult("modelOf", await chain.call(registry, call));
    const spec = specs.get(lower(entry.specHash));
    return spec && { id, kind: "network", spec };
  };
  return {
    async of(modelIds) {
      const ids = [...new Set(modelIds)];
      for (const id of ids) if (!known.has(id)) known.set(id, await find(id));
      return ids.flatMap((id) => known.get(id) ?? []);
    },
    found: () => [...known.values()].flatMap((model) => model?.id ?? []).sort(),
  };
}

function specsIn(folder: string, isMixed: boolean): AuditModel[] {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    if (isMixed) return [];
    throw unusable(`${folder} is no folder`);
  }
  return readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .sort()
    .flatMap((name) => {
      const file = join(folder, name);
      try {
        const spec = parseModelSpec(readJson(file, "MT-AUDIT-005", "Name a folder of model specifications."));
        return [{ spec, specHash: specHash(spec) }];
      } catch (error) {
        // Beside the built-in models lie their weights before quantisation.
        if (isMixed) return [];
        throw unusable(`${file}: ${error instanceof Error ? error.message : String(error)}`);
      }
    });
}

function unusable(why: string): BadInputError {
  return new BadInputError("MT-AUDIT-005", why, "Name a folder of model specifications (JSON).");
}
