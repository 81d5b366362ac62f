// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import type { Address } from "@meantime/sdk/hex";
import { type Ledger, openLedger } from "../../relayer/src/ledger/ledger.ts";
import type { Task } from "../../relayer/src/ops/supervisor.ts";
import type { Prover } from "../../relayer/src/prove/prover.ts";
import { BatchCheckDuty } from "../../relayer/src/watch/check-batches.ts";
import { insertFinding } from "../../relayer/src/watch/findings.ts";
import type { WatchServices } from "../../relayer/src/watch/services.ts";
import { runAll, watchTasks } from "../../relayer/src/watch/watchtower.ts";
import { demandWithheld } from "../../relayer/src/watch/withheld.ts";
import {
  addressOf,
  type BuiltBatch,
  batchFile,
  buildBatch,
  commitOf,
  EPOCH,
  eventAt,
  follow,
  INDEX_DOMAIN,
  idOf,
  timeOf,
} from "./index-ledger.ts";
import { eventually, freshFolder, silentLogger } from "./local-relayer.ts";

const [SILENT, HONEST, TOWER] = [addressOf(1), addressOf(2), addressOf(3)];
const WINDOW_SECONDS = 3_600;
/** Nobody serves there. */
const NOWHERE = "http://127.0.0.1:9/";

describe("the tasks of a watchtower", () => {
  let ledger: Ledger;
  let server: Server;
  let url: string;
  let asked = 0;
  const silent = [1, 2, 3].map((nonce) => batchOf(SILENT, nonce));
  const honest = batchOf(HONEST, 4);

  before(async () => {
    server = createServer((request, response) => {
      // What is asked of the other operator is never answered.
      if (request.url?.startsWith("/silent")) asked += 1;
      else response.end(batchFile(honest));
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  after(() => {
    server.closeAllConnections();
    server.close();
  });

  beforeEach(async () => {
    ledger = await openLedger({ file: join(await freshFolder(), "ledger.sqlite") });
    await follow(ledger, [
      eventAt(1, 0, "EndpointAnnounced", { operator: SILENT, endpoint: `${url}/silent/` }),
      eventAt(1, 1, "EndpointAnnounced", { operator: HONEST, endpoint: `${url}/honest/` }),
      ...silent.map((built, at) => commitOf(built, 10, at, WINDOW_SECONDS)),
      commitOf(honest, 11, 0, WINDOW_SECONDS),
    ]);
  });

  it("check one operator's batches and challenge what was found while another never answers", async () => {
    const [first] = silent;
    const [claim] = first?.claims ?? [];
    assert.ok(first && claim);
    await ledger.transaction((tx) =>
      insertFinding(tx, { ...first, ...claim, index: 0, proof: [], reason: "a lie", lie: LIE }),
    );
    const stopping = new AbortController();
    const tasks = watchTasks(watching(), (name, run) => ({ name, everyMilliseconds: 1, run }), {} as Prover);
    await runOf(tasks, "watch-data")(stopping.signal);
    await runOf(tasks, "watch")(stopping.signal);
    await eventually("the silent one to be asked", () => asked > 0 || undefined);
    assert.equal(asked, 1, "its batches are asked for one after the other");
    assert.deepEqual(await challenges(), [`challenge:${first.batchId}:0:${claim.claimId}`]);
    await eventually("the honest operator's batch to be checked", async () => {
      const { state } = await ledger
        .selectFrom("watched")
        .select("state")
        .where("batch_id", "=", honest.batchId)
        .executeTakeFirstOrThrow();
      return state === "checked" ? true : undefined;
    });
    server.closeAllConnections();
    stopping.abort();
    await runOf(tasks, "watch-data")(stopping.signal);
  });

  it("demand what is withheld when they have asked for it in vain themselves, or little time is left", async () => {
    const [first] = silent;
    assert.ok(first);
    const finalAt = timeOf(10) + WINDOW_SECONDS;
    // As an earlier process left it.
    await ledger.transaction((tx) =>
      tx.insertInto("watched").values({ batch_id: first.batchId, tries: 1 }).execute(),
    );
    const demandsAt = async (seconds: number) => {
      await demandWithheld(watching(seconds));
      const rows = await ledger.selectFrom("watch_actions").select("kind").execute();
      return rows.map(({ kind }) => kind);
    };
    const inTheLastQuarter = finalAt - WINDOW_SECONDS / 5;
    assert.deepEqual(await demandsAt(inTheLastQuarter), [], "its operator may be back");
    assert.deepEqual(await demandsAt(finalAt - WINDOW_SECONDS / 10), ["demand"]);
    await ledger.transaction((tx) => tx.deleteFrom("watch_actions").execute());
    await follow(ledger, [eventAt(12, 0, "EndpointAnnounced", { operator: SILENT, endpoint: NOWHERE })]);
    await new BatchCheckDuty(watching(inTheLastQuarter)).step(new AbortController().signal);
    assert.deepEqual(await demandsAt(inTheLastQuarter), Array(silent.length).fill("demand"));
  });

  it("take every step although one before it fails, and say so", async () => {
    const taken: number[] = [];
    const lines: unknown[] = [];
    const logger = { warn: ({ step }: { step: string }) => lines.push(step) };
    await assert.rejects(
      runAll({ logger } as unknown as WatchServices, [
        async () => void taken.push(1),
        async function broken() {
          throw new Error("no folder");
        },
        async () => void taken.push(3),
      ]),
      /no folder/,
    );
    assert.deepEqual(taken, [1, 3]);
    assert.deepEqual(lines, ["broken"]);
  });

  afterEach(() => ledger.close());

  function watching(nowSeconds = EPOCH + 200): WatchServices {
    const addresses = { bondToken: TOWER, zkEvidence: TOWER, teeEvidence: TOWER, quorumEvidence: TOWER };
    const policy = { ...addresses, claimBondWei: 5n, challengeBondWei: 5n };
    const watch = { mode: "auto", maxOpenChallenges: 4, allowPrivateAddresses: true, disprove: false };
    // The chain is asked for the terms of a policy and for receipt keys alone.
    return {
      ...{ ledger, domain: INDEX_DOMAIN, logger: silentLogger, models: [], challengerAddress: TOWER },
      ...{ config: { chain: { chainId: 31_337 }, watch }, blobs: { sources: [] } },
      clock: { nowSeconds: () => nowSeconds, observe: () => undefined },
      contracts: {
        settlementAddress: TOWER,
        policies: { policyOf: async () => ({ policy, registeredAt: 1n }) },
        receipts: { receiptKeyOf: async () => ({ validFrom: 0n, validUntil: 0n }) },
      },
    } as unknown as WatchServices;
  }

  async function challenges(): Promise<string[]> {
    const rows = await ledger.selectFrom("intents").select("dedupe_key").execute();
    return rows.map(({ dedupe_key }) => dedupe_key);
  }
});

const LIE = { trueOutputHash: idOf(1), input: "0x01", salt: idOf(2) } as const;

function runOf(tasks: readonly Task[], name: string): Task["run"] {
  const task = tasks.find((each) => each.name === name);
  assert.ok(task);
  return task.run;
}

function batchOf(operator: Address, nonce: number): BuiltBatch {
  const served = [{ at: EPOCH, requester: addressOf(9) }];
  return buildBatch({ operator, policyId: idOf(1), modelId: idOf(2), nonce, served });
}
