// SPDX-License-Identifier: GPL-3.0-or-later

import { inputLength, type ModelSpec } from "@meantime/sdk/model";
import type { ProverConfig } from "../config/load.ts";
import { RelayerError } from "../errors.ts";
import { type ProofJob, Prover, type ProverOptions } from "./prover.ts";
import { findRapidsnark } from "./rapidsnark.ts";

/** Where the operator is told that the external prover is not used. */
export type FaultReport = (error: RelayerError) => void;

type ExternalProver = NonNullable<ProverConfig["rapidsnark"]>;

/** A model with everything that proves it. */
export type ProvableModel = { spec: ModelSpec } & Omit<ProofJob, "signals">;

/**
 * The prover that the configuration asks for. An external binary is used only after it has shown what it is and has made a
 * proof that verifies; otherwise `onFault` is told, and snarkjs proves.
 *
 * @param model what the test proof is of; without one the binary is not used
 * @throws RelayerError those of `Prover.prove`, where not even snarkjs proves the model
 */
export async function createProver(
  { rapidsnark: external, ...limits }: ProverConfig,
  model: ProvableModel | undefined,
  onFault: FaultReport,
  onEnd: NonNullable<ProverOptions["onEnd"]> = () => undefined,
): Promise<Prover> {
  if (!external || !model) return new Prover({ ...limits, onEnd });
  const rapidsnark = await trusted(external, onFault);
  if (!rapidsnark) return new Prover({ ...limits, onEnd });
  const prover = new Prover({ ...limits, rapidsnark, onFault, onEnd });
  try {
    await prover.prove({ ...model, signals: signalsOfZeros(model.spec) });
  } catch (error) {
    prover.close();
    throw error;
  }
  return prover;
}

async function trusted({ path, sha256 }: ExternalProver, onFault: FaultReport) {
  try {
    return await findRapidsnark(path, sha256);
  } catch (error) {
    if (!(error instanceof RelayerError)) throw error;
    onFault(error);
    return undefined;
  }
}

function signalsOfZeros(spec: ModelSpec): ProofJob["signals"] {
  return { x: new Array<string>(inputLength(spec)).fill("0"), salt: "1", ctx: "1" };
}
