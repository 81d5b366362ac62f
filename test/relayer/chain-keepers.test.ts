// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Address, type Hex, keccak256Text } from "@meantime/sdk/hex";
import fc from "fast-check";
import { bloomOf, mayContain } from "../../relayer/src/chain/endpoints/bloom.ts";
import type { Endpoint } from "../../relayer/src/chain/endpoints/endpoint.ts";
import { createHeadKeeper, type RawBlock } from "../../relayer/src/chain/endpoints/head.ts";
import { createLogReader, type RawLog } from "../../relayer/src/chain/endpoints/logs.ts";
import { createNonceFloor } from "../../relayer/src/chain/endpoints/nonce-floor.ts";
import { RequestFailure } from "../../relayer/src/chain/endpoints/transport.ts";
import { silentLogger } from "./local-relayer.ts";

const OURS: Address = `0x${"0a".repeat(20)}`;
const PATIENCE_MILLISECONDS = 1_000;
const NO_BLOOM: Hex = `0x${"00".repeat(256)}`;
/** Deeper than this below the head, blocks are read in ranges. */
const DEEP_BLOCKS = 20_000;

describe("the bloom filter of a block", () => {
  it("has no false negatives, and knows an address that is not there", () => {
    const bytes = (length: number) =>
      fc
        .uint8Array({ minLength: length, maxLength: length })
        .map((array): Hex => `0x${Buffer.from(array).toString("hex")}`);
    const log = fc.record({ address: bytes(20), topics: fc.array(bytes(32), { maxLength: 4 }) });
    fc.assert(
      fc.property(fc.array(log, { minLength: 1, maxLength: 8 }), (logs) => {
        const bloom = bloomOf(logs);
        assert.ok(logs.every(({ address }) => mayContain(bloom, address)));
        assert.equal(bloomOf([...logs].reverse()), bloom, "the order does not matter");
      }),
    );
    assert.equal(mayContain(bloomOf([]), OURS), false);
  });

  it("is Ethereum's: the bits of the zero address", () => {
    // keccak256 of twenty zero bytes begins 5380 c7b7 ae81: the bits 0x380, 0x7b7 and 0x681.
    const bloom = BigInt(bloomOf([{ address: `0x${"00".repeat(20)}`, topics: [] }]));
    assert.equal(bloom, (1n << 0x380n) | (1n << 0x7b7n) | (1n << 0x681n));
  });
});

describe("the head that was seen", () => {
  it("moves up, also over gaps", () => {
    const heads = createHeadKeeper(PATIENCE_MILLISECONDS, silentLogger);
    assert.equal(heads.observe(block(5)), "advanced");
    assert.equal(heads.observe(block(5)), "same");
    assert.equal(heads.observe(block(9)), "advanced");
    assert.equal(Number(heads.seen?.number), 9);
  });

  it("does not move down for a block it has seen, until nobody has shown the higher one for long", () => {
    let now = 0;
    const heads = createHeadKeeper(PATIENCE_MILLISECONDS, silentLogger, () => now);
    for (const number of [4, 5, 6]) heads.observe(block(number));
    now = PATIENCE_MILLISECONDS - 1;
    assert.equal(heads.observe(block(5)), "lagging");
    assert.equal(heads.observe(block(6)), "same");
    now += PATIENCE_MILLISECONDS - 1;
    assert.equal(heads.observe(block(5)), "lagging", "somebody has shown it since");
    assert.equal(Number(heads.seen?.number), 6);
    now += 1;
    assert.equal(heads.observe(block(5)), "advanced");
    assert.equal(Number(heads.seen?.number), 5);
  });

  it("moves down at once for another block at a height it has seen", () => {
    const heads = createHeadKeeper(PATIENCE_MILLISECONDS, silentLogger, () => 0);
    for (const number of [4, 5, 6]) heads.observe(block(number));
    assert.equal(heads.observe(block(5, "other")), "advanced");
    assert.equal(heads.seen?.hash, block(5, "other").hash);
  });

  it("knows the ancestors of the head, and nothing of another branch or across a gap", () => {
    const heads = createHeadKeeper(PATIENCE_MILLISECONDS, silentLogger, () => 0);
    for (const number of [4, 5, 6]) heads.observe(block(number));
    assert.equal(heads.hashAt(5), block(5).hash);
    // Block 7 of a branch on which 5 and 6 are others as well.
    heads.observe(block(7, "other"));
    assert.equal(heads.hashAt(5), undefined);
    assert.equal(heads.hashAt(6), undefined);
    assert.equal(heads.hashAt(7), block(7, "other").hash);
  });
});

describe("the floor under a transaction count", () => {
  it("rises, and gives way only when its block is gone", () => {
    const floor = createNonceFloor();
    assert.ok(floor.isPlausible(OURS, 0));
    floor.raise(OURS, { count: 3, blockNumber: 7, blockHash: block(7).hash });
    floor.raise(OURS, { count: 2, blockNumber: 8, blockHash: block(8).hash });
    assert.deepEqual([floor.isPlausible(OURS, 2), floor.isPlausible(OURS, 3)], [false, true]);
    assert.equal(floor.standsOn(OURS)?.blockNumber, 7);
    floor.drop(OURS);
    assert.ok(floor.isPlausible(OURS, 0));
  });
});

describe("reading old logs in ranges", () => {
  for (const [name, refusal] of [
    [
      "says that they are too many",
      new RequestFailure("tooManyResults", "query returned more than 50 results"),
    ],
    ["takes too long", new RequestFailure("timeout", "no answer")],
  ] as const) {
    it(`halves a range for which the node ${name}, and reads every log once`, async () => {
      const logs = Array.from({ length: 400 }, (_, at) => logOf(at * 3));
      const ranges: number[] = [];
      const read = readerOf((from, to) => {
        ranges.push(to - from + 1);
        const found = inRange(logs, from, to);
        if (found.length > 50) throw refusal;
        return found;
      });
      assert.deepEqual(await read([OURS], 0, 1_300), logs);
      assert.ok(Math.max(...ranges) === 500 && Math.min(...ranges) < 200);
    });
  }

  it("does not take a round number of logs for all there are", async () => {
    const logs = Array.from({ length: 2_500 }, (_, at) => logOf(Math.floor(at / 10)));
    const read = readerOf((from, to) => inRange(logs, from, to).slice(0, 1_000));
    assert.deepEqual(await read([OURS], 0, 600), logs);
  });

  it("gives a refusal on that no smaller range can help", async () => {
    const read = readerOf(() => {
      throw new RequestFailure("tooManyResults", "never");
    });
    await assert.rejects(read([OURS], 0, 3), { kind: "tooManyResults" });
  });
});

function readerOf(answer: (from: number, to: number) => RawLog[]) {
  const unused = () => assert.fail("recent blocks are not asked about");
  return createLogReader({
    agreedBlock: unused,
    block: unused,
    headNumber: () => DEEP_BLOCKS + 10_000,
    logger: silentLogger,
    inTurn: (_, ask) =>
      ask({
        request: async (_method: string, [filter]: { fromBlock: Hex; toBlock: Hex }[]) =>
          answer(Number(filter?.fromBlock), Number(filter?.toBlock)),
      } as unknown as Endpoint),
  });
}

function inRange(logs: readonly RawLog[], from: number, to: number): RawLog[] {
  return logs.filter(({ blockNumber }) => Number(blockNumber) >= from && Number(blockNumber) <= to);
}

function logOf(number: number): RawLog {
  const { hash, number: blockNumber } = block(number);
  return { address: OURS, topics: [], blockNumber, blockHash: hash, logIndex: "0x0" };
}

function block(number: number, branch = "main"): RawBlock {
  const hashOf = (height: number) => keccak256Text(`${branch} ${height}`);
  return {
    number: `0x${number.toString(16)}`,
    hash: hashOf(number),
    parentHash: hashOf(number - 1),
    timestamp: "0x0",
    logsBloom: NO_BLOOM,
  };
}
