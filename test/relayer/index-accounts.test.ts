// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { ZERO_ADDRESS } from "@meantime/sdk/hex";
import { createIndexApi } from "../../relayer/src/indexer/api/app.ts";
import { IndexDuty } from "../../relayer/src/indexer/duty.ts";
import type { IndexServices } from "../../relayer/src/indexer/services.ts";
import { openLedger } from "../../relayer/src/ledger/ledger.ts";
import { addressOf, eventAt, follow, INDEX_DOMAIN, idOf, indexApi, timeOf } from "./index-ledger.ts";
import { freshFolder, silentLogger } from "./local-relayer.ts";

const OPERATOR = addressOf(1);
const STAKE_WEI = 20n * 10n ** 18n;

describe("operators' accounts in the index", () => {
  it("are in the gap before contracts that are found late have been read", async () => {
    const ledger = await openLedger({ file: join(await freshFolder(), "ledger.sqlite") });
    const staked = { operator: OPERATOR, token: ZERO_ADDRESS, amountWei: String(STAKE_WEI) };
    await follow(ledger, [eventAt(1, 0, "Staked", staked)]);
    const account = { stakeWei: STAKE_WEI, lockedWei: 0n, unbondingWei: 0n, lockableBps: 8_000n };
    const settlement = {
      operatorOf: async () => ({ ...account, suspended: false }),
      authority: async () => {
        throw new Error("the node does not name further contracts");
      },
    };
    const services = {
      ...{ ledger, domain: INDEX_DOMAIN, logger: silentLogger, startBlock: 0 },
      contracts: { settlement },
    } as unknown as IndexServices;

    await assert.rejects(new IndexDuty(services).step(), /further contracts/);

    const { byOperator } = await indexApi(ledger, { seconds: timeOf(2) }).ask<{ byOperator: object[] }>(
      "/gap",
    );
    assert.deepEqual(byOperator, [
      {
        ...{ operator: OPERATOR, token: ZERO_ADDRESS, openClaims: 0, exposureWei: "0" },
        ...{ stakeWei: String(STAKE_WEI), lockedWei: "0", oldestServedAt: null },
      },
    ]);
    await ledger.close();
  });

  it("are not said to be synchronised before it is known which contracts there are", async () => {
    const ledger = await openLedger({ file: join(await freshFolder(), "ledger.sqlite") });
    const head = { number: 5, hash: idOf(5), timestampSeconds: timeOf(5) };
    const api = createIndexApi(
      {
        ...{ ledger, domain: INDEX_DOMAIN, startBlock: 0 },
        clock: { nowSeconds: () => timeOf(5), observe: () => undefined },
        view: () => ({ head, readUpTo: 5 }),
      },
      { streamsPerAddress: 32, trustedProxies: [] },
    );
    const isSynced = async () => ((await (await api.request("/")).json()) as { synced: boolean }).synced;
    assert.equal(await isSynced(), false);
    const source = { address: addressOf(9), name: "PolicyRegistry", read_up_to: 5 };
    await ledger.transaction((tx) => tx.insertInto("index_sources").values(source).execute());
    assert.equal(await isSynced(), true);
    await ledger.close();
  });
});
