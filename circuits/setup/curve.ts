// SPDX-License-Identifier: GPL-3.0-or-later
import { type Curve, getCurveFromName } from "ffjavascript";

let curve: Promise<Curve> | undefined;

/** BN254 on this thread, built once: building its WebAssembly takes longer than most of what it is used for. */
export function bn254(): Promise<Curve> {
  curve ??= getCurveFromName("bn128", true);
  return curve;
}
