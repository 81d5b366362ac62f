// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { type Address, type Hex, keccak256Text } from "@meantime/sdk/hex";
import { sealDueBatches } from "../../relayer/src/commit/committer.ts";
import { type Ledger, openLedger } from "../../relayer/src/ledger/ledger.ts";
import { insertReceipt } from "../../relayer/src/ledger/receipts.ts";
import type { Services } from "../../relayer/src/services.ts";
import { freshFolder } from "./local-relayer.ts";
import { storedReceipt } from "./receipts.ts";

const SETTLEMENT: Address = `0x${"5e".repeat(20)}`;
/** Of stored receipts. */
const OPERATOR: Address = `0x${"0a".repeat(20)}`;
const NOW = 10_000;
/** A batch goes without blobs when two fifths of this are left to its `commitBy`, and is sealed when half of it is. */
const HORIZON_SECONDS = 10;
const LONG_UNTIL = NOW + 1_000;
const MAX_CLAIMS = 2;

describe("batches whose blobs are never sealed", { timeout: 30_000 }, () => {
  let ledger: Ledger;

  beforeEach(async () => {
    ledger = await openLedger({ file: join(await freshFolder(), "ledger.sqlite") });
  });

  afterEach(() => ledger.close());

  it("are committed without them, before they are late", async () => {
    await wait("a", NOW + 5);
    const codes = await sealAll();
    assert.deepEqual(await commits(), [{ policy: "a", hasBlobs: false }]);
    assert.deepEqual(codes, [{ code: "MT-DA-004", cause: "MT-DA-003" }]);
  });

  it("hold up no other that is due before them", async () => {
    await wait("a", LONG_UNTIL);
    await wait("a", LONG_UNTIL);
    // Not due yet, and would be before the first one's time is over.
    await wait("b", NOW + 6);
    await sealAll();
    assert.deepEqual(await commits(), [{ policy: "a", hasBlobs: false }]);
  });

  it("hold up no rest of a group that is late already, and get their time when that is sealed", async () => {
    for (let claims = 0; claims < MAX_CLAIMS + 1; claims++) await wait("a", NOW + 1);
    for (let claims = 0; claims < MAX_CLAIMS; claims++) await wait("b", NOW + 5);
    assert.deepEqual(await sealAll(), [], "no blobs were waited for");
    assert.deepEqual(await commits(), [{ policy: "a", hasBlobs: false }]);
    assert.deepEqual(await sealAll(), [{ code: "MT-DA-004", cause: "MT-DA-003" }]);
    assert.deepEqual(
      (await commits()).map(({ policy }) => policy),
      ["a", "a", "b"],
    );
  });

  it("are late for nobody when the rest of a group is not", async () => {
    for (let claims = 0; claims < MAX_CLAIMS; claims++) await wait("a", NOW + 1);
    await wait("a", LONG_UNTIL);
    await wait("b", NOW + 5);
    assert.deepEqual(await sealAll(), [{ code: "MT-DA-004", cause: "MT-DA-003" }], "blobs of b alone");
    assert.deepEqual(
      (await commits()).map(({ policy }) => policy),
      ["a", "b"],
    );
  });

  let seed = 0;

  async function wait(policy: string, commitBy: number): Promise<void> {
    const stored = storedReceipt(seed++);
    Object.assign(stored.receipt.claim, {
      ...{ policyId: policyOf(policy), servedAt: BigInt(NOW), commitBy: BigInt(commitBy) },
    });
    await insertReceipt(ledger, stored);
  }

  /** @returns the codes of what was logged */
  async function sealAll(): Promise<unknown[]> {
    const codes: unknown[] = [];
    const blobs = { maxBlobs: 1, proofs: "cell" };
    const commit = {
      ...{ commitHorizonSeconds: HORIZON_SECONDS, maxClaims: MAX_CLAIMS, maxAgeSeconds: 100 },
      ...{ availability: "blob", blobs },
    };
    const logger = {
      info: () => undefined,
      error: ({ code, cause }: Record<string, unknown>) => codes.push({ code, cause }),
    };
    // Nothing here asks the chain.
    const services = {
      ...{ ledger, logger, policies: [], view: () => undefined },
      ...{ clock: { nowSeconds: () => NOW }, domain: { chainId: 1n, settlement: SETTLEMENT } },
      ...{ contracts: { settlementAddress: SETTLEMENT } },
      ...{ config: { commit, operator: { address: OPERATOR } } },
      ...{ blobs: { kzg: { seal: () => new Promise(() => undefined) } } },
    };
    await sealDueBatches(services as unknown as Services);
    return codes;
  }

  async function commits() {
    const rows = await ledger
      .selectFrom("batches as b")
      .innerJoin("intents as i", "i.batch_id", "b.batch_id")
      .leftJoin("sidecars as s", "s.dedupe_key", "i.dedupe_key")
      .select(["b.policy_id", "s.dedupe_key"])
      .where("i.kind", "=", "commit")
      .orderBy("i.id")
      .execute();
    return rows.map(({ policy_id, dedupe_key }) => ({
      policy: ["a", "b"].find((name) => policyOf(name) === policy_id),
      hasBlobs: dedupe_key !== null,
    }));
  }
});

function policyOf(name: string): Hex {
  return keccak256Text(name);
}
