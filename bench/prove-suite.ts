// SPDX-License-Identifier: MIT
import { benchProve, inProcess } from "./prove.ts";
import { type BatchRootProof, benchProveGas } from "./prove-gas.ts";

/** Proving off chain, and what judging proofs costs on chain, without settlement. */
export async function benchProveSuite(): Promise<Record<string, unknown>> {
  const figures = await benchProve();
  const batchRoot = await inProcess<BatchRootProof>("proof", "batch_root");
  return { ...figures, ...(await benchProveGas(batchRoot)) };
}
