// SPDX-License-Identifier: MIT
import { fileURLToPath } from "node:url";
import { parseWatchtowerConfig, type WatchtowerConfig } from "../../relayer/src/config/watch.ts";
import { digitModelUrl } from "../../scripts/chain/models.ts";
import type { LocalStack } from "../../scripts/stack/local.ts";
import { LOCAL_MEASUREMENT, localKey } from "../../scripts/stack/operators.ts";

/** A watchtower alone, of an account of the chain's, which can run and prove the digit classifier. @param watch of the file */
export function towerConfig(
  stack: LocalStack,
  folder: string,
  account: number,
  watch: Record<string, unknown>,
): WatchtowerConfig {
  const file = (what: "spec" | "wasm" | "zkey" | "verificationKey") => fileURLToPath(digitModelUrl(what));
  return parseWatchtowerConfig(
    {
      chain: {
        ...{ rpcUrl: stack.chain.url, chainId: 31_337, pollMilliseconds: 100 },
        settlement: stack.domain.settlement,
      },
      ledger: { file: "ledger.sqlite" },
      models: [
        {
          ...{ spec: file("spec"), verificationKey: file("verificationKey") },
          ...{ wasm: file("wasm"), zkey: file("zkey"), measurement: LOCAL_MEASUREMENT },
        },
      ],
      watch: {
        ...{ challengerKey: localKey(account).privateKey, maxOpenChallenges: 8, disprove: false },
        ...watch,
      },
      log: { level: "silent" },
    },
    folder,
  );
}
