// SPDX-License-Identifier: GPL-3.0-or-later

import type { Task } from "../ops/supervisor.ts";
import type { Services } from "../services.ts";
import { BatchDataDuty } from "./batch-data.ts";
import { IndexDuty } from "./duty.ts";
import type { IndexServices } from "./services.ts";

/** The tasks that keep the index in a relayer, beside the one that reads the chain. */
export function indexTasks(services: Services, task: (name: string, run: Task["run"]) => Task): Task[] {
  const { chain, index } = services.config;
  return dutiesOf(
    {
      ...services,
      startBlock: chain.startBlock,
      inferenceRequests: chain.inferenceRequests,
      allowPrivateAddresses: index.allowPrivateAddresses,
    },
    task,
  );
}

/** The same for services of any kind. */
export function dutiesOf(services: IndexServices, task: (name: string, run: Task["run"]) => Task): Task[] {
  const index = new IndexDuty(services);
  const data = new BatchDataDuty(services);
  return [task("index", () => index.step()), task("index-data", (signal) => data.step(signal))];
}
