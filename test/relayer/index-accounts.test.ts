// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { ZERO_ADDRESS } from "@meantime/sdk/hex";
import { IndexDuty } from "../../relayer/src/indexer/duty.ts";
import type { IndexServices } from "../../relayer/src/indexer/services.ts";
import { openLedger } from "../../relayer/src/ledger/ledger.ts";
import { addressOf, eventAt, follow, INDEX_DOMAIN, indexApi, timeOf } from "./index-ledger.ts";
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
});
