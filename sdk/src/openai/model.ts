// SPDX-License-Identifier: MIT
import { canonicalJson } from "../canonical-json.ts";
import { type Hex, keccak256Text, ZERO_HASH } from "../hex.ts";
import type { ModelEntry } from "../model.ts";
import { OUTPUT_KECCAK } from "../request.ts";
import { OPENAI_INPUT_SCHEME } from "./commitment.ts";

/** What an operator declares of a model that it serves behind the OpenAI-shaped routes. */
export interface OpenAiModel {
  /** As requests name it in `model`. */
  name: string;
  version: number;
  /** What names the weights for good, such as `sha256:…` of their files. Whoever is to run the same model needs it. */
  weights: string;
  /** Of the enclave image that runs it. */
  measurement?: Hex | undefined;
  /** Whether running it again gives the same answer, byte for byte. */
  reexecutable: boolean;
}

/** The registry entry of such a model: its specification is the canonical JSON of interface, name, version and weights. */
export function openAiModelEntry({
  name,
  version,
  weights,
  measurement,
  reexecutable,
}: OpenAiModel): ModelEntry {
  return {
    ...{ name, version, reexecutable },
    specHash: keccak256Text(canonicalJson({ interface: "openai", name, version, weights })),
    inputScheme: OPENAI_INPUT_SCHEME,
    outputScheme: OUTPUT_KECCAK,
    verificationKeyId: ZERO_HASH,
    measurement: measurement ?? ZERO_HASH,
  };
}
