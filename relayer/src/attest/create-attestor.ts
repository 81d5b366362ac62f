// SPDX-License-Identifier: GPL-3.0-or-later

import type { EnclaveConfig } from "../config/enclave.ts";
import { INTEL_SERVICE } from "./collateral/fetch.ts";
import { dstackAttestor } from "./dstack/dstack.ts";
import { nitridingAttestor } from "./nitriding/nitriding.ts";
import type { Attestor } from "./platform.ts";
import { simulatedNitroAttestor } from "./simulated/nitro.ts";
import { simulatedTdxAttestor } from "./simulated/tdx.ts";

/** The attestor that the configuration names. @param nowSeconds the chain's time, for simulated platforms */
export function createAttestor(
  attestor: EnclaveConfig["attestor"],
  nowSeconds: () => Promise<number>,
): Attestor {
  switch (attestor.kind) {
    case "nitriding":
      return nitridingAttestor(attestor);
    case "dstack":
      return dstackAttestor({
        endpoint: attestor.endpoint,
        collateral:
          attestor.collateralUrl === undefined
            ? INTEL_SERVICE
            : { url: attestor.collateralUrl, rootCrlUrl: attestor.rootCrlUrl },
      });
    case "simulated":
      return attestor.platform === "tdx"
        ? simulatedTdxAttestor(nowSeconds)
        : simulatedNitroAttestor({ image: attestor.image, nowSeconds });
  }
}
