// SPDX-License-Identifier: GPL-3.0-or-later

import type { Address } from "@meantime/sdk/hex";
import type { RelayerConfig } from "../config/load.ts";
import type { Services } from "../services.ts";

/** What a watchtower works with, beside an operator or alone. */
export interface WatchServices
  extends Pick<
    Services,
    "blobs" | "domain" | "ledger" | "rpc" | "contracts" | "clock" | "logger" | "models" | "challengerAddress"
  > {
  config: {
    chain: Pick<RelayerConfig["chain"], "chainId">;
    watch: RelayerConfig["watch"];
    /** Whose claims are not watched. */
    operator?: { address: Address };
  };
}
