// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, it } from "node:test";
import type { ClaimReport } from "@meantime/sdk/client";
import { type Hex, ZERO_ADDRESS } from "@meantime/sdk/hex";
import { parseModelSpec, runModel } from "@meantime/sdk/model";
import { STATUS } from "@meantime/sdk/status";
import type { RelayerConfig } from "../../relayer/src/config/load.ts";
import { type RunningRelayer, startRelayer } from "../../relayer/src/relayer.ts";
import { digitModelUrl } from "../../scripts/chain/models.ts";
import { type LocalStack, startLocalStack } from "../../scripts/stack/local.ts";
import { enrolOperator, type LocalOperator, localOperator } from "../../scripts/stack/operators.ts";
import { CHALLENGE_WINDOW_SECONDS, PROVE_WINDOW_SECONDS } from "../../scripts/stack/policies.ts";
import { askFor, eventually, localConfig, silentLogger, untilStatus } from "./local-relayer.ts";

const LIAR_ACCOUNT = 6;
const TOWER_ACCOUNT = 10;
/** Nobody serves there. */
const NOWHERE = "http://127.0.0.1:9/";

describe("a watchtower whose operators withhold their data", () => {
  let stack: LocalStack;
  let operator: LocalOperator;

  before(async () => {
    stack = await startLocalStack();
    operator = localOperator(LIAR_ACCOUNT);
    await enrolOperator(stack, operator, 10n ** 18n);
  });

  after(async () => {
    await stack?.chain.close();
  });

  it("demands to see a claim near the end of the window, and challenges the lie that is revealed after it", async () => {
    const spec = parseModelSpec(JSON.parse(await readFile(digitModelUrl("spec"), "utf8")));
    const lying = (input: number[]) => {
      const answer = runModel(spec, input);
      return { ...answer, label: (answer.label + 1) % 10 };
    };
    // Two lies in one batch: whichever is demanded has a way to the root that is not empty.
    const config = await withholding({ maxAgeSeconds: 300, maxClaims: 2 });
    const startLiar = () =>
      startRelayer(config, { runtimes: new Map([[spec.name, lying]]), logger: silentLogger });
    let liar = await startLiar();
    const tower = await startTower(4);
    try {
      const lies = [await askFor(liar.url, 1, "window"), await askFor(liar.url, 2, "window")];
      const report = await untilStatus(stack, liar.url, lies[0] as Hex, "Committed");
      assert.equal(report.batch?.header.count, 2);
      await untilTried(tower, report);
      await untilRounds(tower, 5);
      assert.equal(await demands(), 0, "it demanded although there was time to fetch");
      await liar.stop();
      const finalAt = await nearTheEnd(report);
      await eventually("the demand", async () => ((await demands()) === 1 ? true : undefined));
      await stack.chain.moveTo(finalAt + 1);
      liar = await startLiar();
      const { settlement } = stack.deployment;
      const lie = await eventually("the tower to challenge what it saw", async () => {
        const challenges = await settlement.queryFilter(settlement.filters.ClaimChallenged());
        return lies.find((claimId) => challenges.some(({ args }) => args.claimId === claimId));
      });
      assert.equal(await demands(), 1);
      await stack.chain.moveTo((await stack.chain.now()) + PROVE_WINDOW_SECONDS);
      await untilStatus(stack, liar.url, lie, "Rejected");
    } finally {
      await Promise.all([liar.stop(), tower.stop()]);
    }
    const { settlement } = stack.deployment;
    await (await settlement.connect(ownerOf(operator)).resume(ZERO_ADDRESS)).wait();
  });

  it("R-58 collects the bond of a claim that nobody reveals, and demands no more at once than its budget allows", async () => {
    const silent = await startRelayer(await withholding(), { logger: silentLogger });
    const reports: ClaimReport[] = [];
    for (const seed of [2, 3]) {
      const claimId = await askFor(silent.url, seed, "window");
      reports.push(await untilStatus(stack, silent.url, claimId, "Committed"));
    }
    await silent.stop();
    const [first, second] = reports;
    assert.ok(first?.batch && second?.batch && first.batch.batchId !== second.batch.batchId);
    const before = await demands();
    const tower = await startTower(1);
    try {
      for (const report of reports) await untilTried(tower, report);
      await nearTheEnd(second);
      const status = async ({ claim, batch }: ClaimReport) =>
        batch &&
        Number(await stack.deployment.settlement.statusOf(batch.header, claim, batch.index, batch.proof));
      await eventually("the demand", async () =>
        (await status(first)) === STATUS.Challenged ? true : undefined,
      );
      await untilRounds(tower, 5);
      assert.equal(await demands(), before + 1);
      await stack.chain.moveTo((await stack.chain.now()) + PROVE_WINDOW_SECONDS);
      await eventually("the bond to be collected", async () =>
        (await status(first)) === STATUS.Rejected ? true : undefined,
      );
      assert.equal(await status(second), STATUS.Final, "it was beyond the budget");
    } finally {
      await tower.stop();
    }
  });

  /** The configuration of an operator that announces where nobody serves its data. */
  function withholding(
    limits: Partial<RelayerConfig["commit"]> = { maxAgeSeconds: 1 },
  ): Promise<RelayerConfig> {
    return localConfig(
      stack,
      ({ commit, gateway }) => {
        Object.assign(commit, limits);
        Object.assign(gateway, { publicUrl: NOWHERE });
      },
      operator,
    );
  }

  async function startTower(maxOpenChallenges: number): Promise<RunningRelayer> {
    const config = await localConfig(
      stack,
      ({ watch }) => Object.assign(watch, { maxOpenChallenges }),
      localOperator(TOWER_ACCOUNT),
      true,
    );
    return startRelayer(config, { logger: silentLogger });
  }

  /** @returns when the window ends */
  async function nearTheEnd({ batch }: ClaimReport): Promise<number> {
    assert.ok(batch);
    const finalAt = Number(await stack.deployment.settlement.finalAt(batch.batchId));
    await stack.chain.moveTo(finalAt - CHALLENGE_WINDOW_SECONDS / 6);
    return finalAt;
  }

  async function demands(): Promise<number> {
    const { settlement } = stack.deployment;
    return (await settlement.queryFilter(settlement.filters.RevealDemanded())).length;
  }

  function untilTried({ ledger }: RunningRelayer, { batch }: ClaimReport): Promise<true> {
    return eventually("the tower to ask in vain", async () => {
      const tried = await ledger
        .selectFrom("watched")
        .select("tries")
        .where("batch_id", "=", batch?.batchId as Hex)
        .where("tries", ">", 0)
        .where("error", "=", "MT-WATCH-001")
        .executeTakeFirst();
      return tried ? true : undefined;
    });
  }

  function ownerOf({ owner }: LocalOperator) {
    return owner.connect(stack.chain.connection.ethers.provider);
  }
});

/** Waits until the tower has watched, and its outbox has sent, that many times more. */
async function untilRounds(tower: RunningRelayer, rounds: number): Promise<void> {
  const runs = async () => {
    const status = (await (await fetch(new URL("/v1/status", tower.url))).json()) as {
      tasks: { name: string; runs: number }[];
    };
    const counts = status.tasks.flatMap((task) =>
      /^(watch|outbox-challenge)$/.test(task.name) ? [task.runs] : [],
    );
    assert.equal(counts.length, 2);
    return Math.min(...counts);
  };
  const first = await runs();
  await eventually("the tower to look again", async () =>
    (await runs()) >= first + rounds ? true : undefined,
  );
}
