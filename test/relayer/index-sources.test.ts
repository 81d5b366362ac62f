// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { EVIDENCE_KINDS } from "@meantime/sdk/policy";
import { eventSources } from "../../relayer/src/chain/event-sources.ts";
import { advance } from "../../relayer/src/ledger/chain-facts.ts";
import { openLedger } from "../../relayer/src/ledger/ledger.ts";
import { addressOf, hashOfBlock, timeOf } from "./index-ledger.ts";
import { registryLog, startDuty } from "./index-node.ts";
import { freshFolder } from "./local-relayer.ts";

const EVIDENCE = addressOf(0xa3);
/** The registry is read 2,000 blocks at a time. */
const LAST_BLOCK = 5_000;
const LATE_BLOCK = 3_000;

describe("contracts of evidence", () => {
  it("are followed that a registry names in blocks which were read without it", async () => {
    const ledger = await openLedger({ file: join(await freshFolder(), "ledger.sqlite") });
    await advance(ledger, [], { number: LAST_BLOCK, hash: hashOfBlock(LAST_BLOCK) });
    const log = registryLog(LATE_BLOCK, "EvidenceSet", [EVIDENCE_KINDS.tee, EVIDENCE, true]);
    const duty = startDuty(ledger, [log], timeOf(LAST_BLOCK));
    // Three for the registry and, side by side, two and one for what it names.
    for (let turn = 0; turn < 5; turn++) await duty.step();
    const sources = await eventSources(ledger);
    assert.deepEqual(
      sources.map(({ name, read_up_to }) => [name, read_up_to]),
      [
        ["PolicyRegistry", LAST_BLOCK],
        ["AccessManager", LAST_BLOCK],
        ["EnclaveEvidence", LAST_BLOCK],
      ],
    );
    await ledger.close();
  });
});
