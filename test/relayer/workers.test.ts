// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Hex } from "@meantime/sdk/hex";
import { openLedger } from "../../relayer/src/ledger/ledger.ts";
import { type RunningRelayer, startRelayer } from "../../relayer/src/relayer.ts";
import { type LocalStack, startLocalStack } from "../../scripts/stack/local.ts";
import { TEST_DATABASES } from "./databases.ts";
import { askFor, localConfig, silentLogger, untilStatus } from "./local-relayer.ts";

const postgres = TEST_DATABASES.find(({ name }) => name === "PostgreSQL");

describe("two relayers on one PostgreSQL database", { skip: postgres?.skip ?? true }, () => {
  let stack: LocalStack;

  before(async () => {
    stack = await startLocalStack();
  });

  after(async () => {
    await postgres?.stop();
    await stack?.chain.close();
  });

  it("R-57 serve side by side, one of them sends, and the other takes over when it ends", async () => {
    const source = await postgres?.fresh();
    assert.ok(source);
    const config = await localConfig(stack, (loaded) => {
      loaded.ledger = source;
      loaded.gateway.publicUrl = "http://relayers.example";
      Object.assign(loaded.commit, { maxAgeSeconds: 1 });
    });
    const workers: RunningRelayer[] = [];
    try {
      for (let worker = 0; worker < 2; worker++) {
        workers.push(await startRelayer(config, { logger: silentLogger }));
      }
      const [first, second] = workers as [RunningRelayer, RunningRelayer];
      const asked: Hex[] = [];
      for (let seed = 0; seed < 4; seed++) {
        asked.push(await askFor((seed % 2 ? first : second).url, seed, "window"));
      }
      for (const claimId of asked) {
        await untilStatus(stack, first.url, claimId, "Committed");
        await untilStatus(stack, second.url, claimId, "Committed");
      }
      await first.stop();
      const later = await askFor(second.url, 10, "window");
      await untilStatus(stack, second.url, later, "Committed");
    } finally {
      await Promise.all(workers.map((worker) => worker.stop()));
    }
    const ledger = await openLedger(source);
    const intents = await ledger.selectFrom("intents").select(["kind", "state", "sender", "tries"]).execute();
    await ledger.close();
    assert.deepEqual(
      intents.filter(({ state, tries }) => state === "failed" || tries > 0),
      [],
      "nothing was sent in vain",
    );
    assert.equal(intents.filter(({ kind }) => kind === "announce").length, 1);
    assert.equal(new Set(intents.map(({ sender }) => sender)).size, 1);
  });
});
