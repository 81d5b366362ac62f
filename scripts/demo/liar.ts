// SPDX-License-Identifier: MIT
import { readFile } from "node:fs/promises";
import { type ModelAnswer, parseModelSpec, runModel } from "@meantime/sdk/model";
import { loadConfig } from "../../relayer/src/config/load.ts";
import { type RunningRelayer, startRelayer } from "../../relayer/src/relayer.ts";
import { DIGIT_MODEL, digitModelUrl } from "../chain/models.ts";

/**
 * Starts a relayer of an operator that lies: its model answers one input with the wrong label. The relayer itself has
 * no lying mode, so the model is swapped under it.
 */
export async function startLiar(configFile: string, lieAbout: number[]): Promise<RunningRelayer> {
  const spec = parseModelSpec(JSON.parse(await readFile(digitModelUrl("spec"), "utf8")));
  const victim = lieAbout.join();
  const lyingModel = (input: number[]): ModelAnswer => {
    const answer = runModel(spec, input);
    return input.join() === victim ? { ...answer, label: (answer.label + 1) % spec.classes } : answer;
  };
  return startRelayer(loadConfig(configFile), { runtimes: new Map([[DIGIT_MODEL.name, lyingModel]]) });
}
