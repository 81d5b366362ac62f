// SPDX-License-Identifier: GPL-3.0-or-later

import { loadConfig } from "../config/load.ts";
import { stopRequested } from "../ops/shutdown.ts";
import { startRelayer } from "../relayer.ts";
import type { ConfigFlags } from "./config/show.ts";

/** `meantime start`: runs until SIGTERM or SIGINT, then drains. Prints one line when ready; the log goes to stderr. */
export async function start({ config, set, json }: ConfigFlags & { json?: true }): Promise<void> {
  const stop = stopRequested();
  const loaded = loadConfig(config, { flags: set ?? [] });
  const relayer = await startRelayer(loaded);
  const { url } = relayer;
  process.stdout.write(
    json
      ? `${JSON.stringify({ url, operator: loaded.operator.address, pid: process.pid })}\n`
      : `Meantime relayer of ${loaded.operator.address} at ${url}\n`,
  );
  await stop;
  await relayer.stop();
}
