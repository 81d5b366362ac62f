// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { join } from "node:path";
import { beforeEach, describe, it } from "node:test";
import type { Hex } from "@meantime/sdk/hex";
import { Transaction } from "ethers";
import fc from "fast-check";
import type { Rpc } from "../../relayer/src/chain/rpc.ts";
import { feeLimits, feesSchema } from "../../relayer/src/config/fees.ts";
import { type Ledger, openLedger } from "../../relayer/src/ledger/ledger.ts";
import { localSigner } from "../../relayer/src/signers/signer.ts";
import { type AtStake, elapsedPart, feeCap } from "../../relayer/src/tx/fee-caps.ts";
import { cappedFees, type Market, replacementFees } from "../../relayer/src/tx/fees.ts";
import type { Intent } from "../../relayer/src/tx/intents.ts";
import { type IntentKind, KINDS, LANES } from "../../relayer/src/tx/kinds.ts";
import { Outbox } from "../../relayer/src/tx/outbox.ts";
import type { StakeOf } from "../../relayer/src/tx/stakes.ts";
import { FakeChain } from "./fake-chain.ts";
import { DEFAULT_SPENDING } from "./fee-limits.ts";
import { freshFolder, silentLogger } from "./local-relayer.ts";
import { intentOf, OUTBOX_DEFAULTS, predicatesOf, queueIntent } from "./outbox-setup.ts";

const GWEI = 10n ** 9n;
const ETHER = 10n ** 18n;
const GAS = 100_000n;
const LIMITS = DEFAULT_SPENDING.limits;
const OPENED_AT = 1_000;
const DEADLINE = 2_000;

describe("what may be spent on a transaction", () => {
  it("is a quarter of the share of the bond at once, and all of it at the deadline", () => {
    const capAt = (seconds: number) => feeCap("answer", bond(ETHER / 100n), GAS, marketAt(seconds), LIMITS);
    assert.equal(capAt(OPENED_AT), 25n * GWEI);
    assert.equal(capAt((OPENED_AT + DEADLINE) / 2), 25n * GWEI + 75n * GWEI - (75n * GWEI * 3n) / 4n);
    assert.equal(capAt(DEADLINE), 100n * GWEI);
    assert.equal(capAt(DEADLINE + 500), 100n * GWEI);
    assert.equal(capAt(0), 25n * GWEI, "a block from before it began");
  });

  it("never falls while time goes on, and never exceeds the share, the ceiling or ten times the market", () => {
    const kinds = Object.keys(KINDS) as IntentKind[];
    fc.assert(
      fc.property(
        fc.constantFrom(...kinds),
        fc.bigInt(0n, 1_000n * ETHER),
        fc.tuple(fc.nat(3_000), fc.nat(3_000)),
        (kind, wei, moments) => {
          const [early, late] = moments
            .toSorted((a, b) => a - b)
            .map((seconds) => feeCap(kind, bond(wei), GAS, marketAt(seconds), LIMITS));
          assert.ok(early !== undefined && late !== undefined && early <= late);
          assert.ok(late <= LIMITS.maxFeeWei && late <= 10n * marketAt(0).maxFeeWei);
          const { stake } = KINDS[kind];
          if (stake !== "nothing" && stake !== "unpriced")
            assert.ok(late * GAS <= wei, "more than is at stake");
        },
      ),
    );
  });

  it("is less for a commit than for an answer, and what the operator configures", () => {
    const cap = (kind: IntentKind, change = {}) =>
      feeCap(kind, bond(ETHER / 1_000n), GAS, marketAt(DEADLINE), feeLimits(feesSchema().parse(change)));
    assert.equal(cap("answer"), 10n * GWEI);
    assert.equal(cap("commit"), 5n * GWEI);
    assert.equal(cap("commit", { commitShare: 0.1 }), GWEI);
    assert.equal(cap("challenge", { challengeShare: 2 }), 20n * GWEI);
  });

  it("is what is cheap where nothing is at stake, and ten times that at the end", () => {
    const cap = (atStake: AtStake | undefined, seconds: number) =>
      feeCap("attest", atStake, GAS, marketAt(seconds), LIMITS);
    assert.equal(cap(undefined, DEADLINE), 30n * GWEI);
    assert.equal(cap(bond(undefined), OPENED_AT), 30n * GWEI);
    assert.equal(cap(bond(undefined), DEADLINE), 300n * GWEI);
  });

  it("is all that any market justifies for what has no price", () => {
    for (const kind of ["announce", "fill"] as const) {
      assert.equal(feeCap(kind, undefined, GAS, marketAt(0), LIMITS), 900n * GWEI);
    }
    const inToken = feeCap("answer", bond(undefined), GAS, marketAt(OPENED_AT), LIMITS);
    assert.equal(inToken, 900n * GWEI);
    const modest = feeLimits(feesSchema().parse({ maxFeeGwei: 70 }));
    assert.equal(feeCap("announce", undefined, GAS, marketAt(0), modest), 70n * GWEI);
  });

  it("goes by the time of blocks", () => {
    assert.equal(elapsedPart(bond(1n), marketAt(1_250)), 0.25);
    assert.equal(elapsedPart({ wei: 1n, openedAt: 5, deadline: 5 }, marketAt(5)), 0);
    assert.equal(elapsedPart({ wei: 1n, openedAt: 5, deadline: 5 }, marketAt(6)), 1);
  });
});

describe("what is offered", () => {
  const market = marketAt(0);

  it("is the market's within the cap, and nothing where no block would take it", () => {
    assert.deepEqual(cappedFees(market, 10n ** 15n), { maxFeeWei: 90n * GWEI, tipWei: 10n * GWEI });
    assert.deepEqual(cappedFees(market, 50n * GWEI), { maxFeeWei: 50n * GWEI, tipWei: 10n * GWEI });
    assert.equal(cappedFees(market, 40n * GWEI), undefined);
  });

  it("rises in both fees by more than the tenth that nodes want, or by all that one demands", () => {
    const previous = { maxFeeWei: 100n * GWEI + 1n, tipWei: 20n * GWEI };
    const bumped = replacementFees(previous, market, 10n ** 15n);
    assert.deepEqual(bumped, { maxFeeWei: 112_500_000_002n, tipWei: 22_500_000_000n });
    assert.deepEqual(replacementFees(previous, market, 10n ** 15n, true), {
      ...{ maxFeeWei: 200n * GWEI + 2n, tipWei: 40n * GWEI },
    });
    assert.equal(replacementFees(previous, market, 112n * GWEI), undefined);
  });
});

describe("an outbox that may not spend everything", () => {
  let chain: FakeChain;
  let ledger: Ledger;
  let stakes: Map<string, AtStake>;
  let codes: (string | undefined)[];
  let nowMilliseconds = 0;
  const signer = localSigner(`0x${"42".repeat(32)}`);

  beforeEach(async () => {
    chain = new FakeChain(signer.address);
    ledger = await openLedger({ file: join(await freshFolder(), "ledger.sqlite") });
    stakes = new Map();
    codes = [];
  });

  it("waits without a nonce while the market is dearer than the stake allows, and sends as the deadline nears", async () => {
    chain.moveBaseFee(500);
    chain.mine();
    await queue("answer", "a", { wei: ETHER / 100n, ...window(40) });
    const outbox = open();
    await step(outbox);
    assert.deepEqual(await told("a"), { state: "queued", nonce: undefined, error: "MT-TX-014" });
    assert.equal((await intent("a")).tries, 0, "nothing is wrong with it");
    await mineUntil("a", "confirmed", outbox, 40);
    const [sent] = await attempts();
    assert.ok((sent?.maxFeePerGas ?? 0n) * (sent?.gasLimit ?? 0n) <= ETHER / 100n);
    assert.equal(codes.filter((code) => code === "MT-TX-014").length, 1, "it is said once");
    await ledger.close();
  });

  it("sends what can wait when it is cheap, and takes no nonce for it before", async () => {
    chain.moveBaseFee(300);
    chain.mine();
    await queue("release", "r");
    const outbox = open();
    await step(outbox);
    assert.equal((await told("r")).error, "MT-TX-014");
    chain.moveBaseFee(30);
    chain.mine();
    await step(outbox);
    assert.equal((await told("r")).nonce, 0);
    await ledger.close();
  });

  it("keeps the same bytes in the pool at the cap, says so with every block, and bumps beyond it when told to", async () => {
    await queue("commit", "c", { wei: ETHER / 100n, ...window(10_000) });
    const outbox = open();
    await step(outbox);
    assert.equal((await told("c")).state, "broadcast");
    chain.moveBaseFee(400);
    for (let block = 0; block < 9; block++) {
      chain.mine();
      chain.evict(0);
      await step(outbox);
      await step(outbox);
    }
    assert.equal((await attempts()).length, 1, "there was nothing dearer to offer");
    assert.equal((await told("c")).error, "MT-TX-015");
    assert.equal(
      codes.filter((code) => code === "MT-TX-015").length,
      5,
      "from the fifth block on, once each",
    );
    assert.equal(chain.pool.length, 1, "it is in the pool again");
    assert.ok(await outbox.ask((await intent("c")).id, "bump", false));
    await step(outbox);
    chain.mine();
    await mineUntil("c", "confirmed", outbox, 3);
    await ledger.close();
  });

  it("gets an answer through by its deadline past a commit of the same key that is stuck at its cap", async () => {
    await queue("commit", "c", { wei: ETHER / 100n, ...window(10_000) });
    const outbox = open();
    await step(outbox);
    chain.moveBaseFee(400);
    for (let block = 0; block < 7; block++) {
      chain.mine();
      await step(outbox);
    }
    assert.equal((await told("c")).error, "MT-TX-015", "the commit alone is worth no more");
    const { deadline, openedAt } = window(25);
    await queue("answer", "a", { wei: ETHER, openedAt, deadline });
    const done = await mineUntil("a", "confirmed", outbox, 25);
    assert.ok(done.timestamp < deadline, "too late");
    assert.equal((await told("c")).state, "confirmed");
    const [answer, commit] = [await intent("a"), await intent("c")];
    assert.ok((commit.nonce ?? 0) < (answer.nonce ?? 0));
    await ledger.close();
  });

  it("offers at once what a node demands, and stops at the cap", async () => {
    await queue("answer", "a", { wei: ETHER, ...window(10_000) });
    const demanding = open(
      refusingBelow(
        chain.rpc(async () => undefined),
        60n * GWEI,
      ),
    );
    await step(demanding);
    const fees = (await attempts()).map(({ maxFeePerGas }) => maxFeePerGas);
    assert.deepEqual(fees, [84n * GWEI, 42n * GWEI, 21n * GWEI], "doubled until it was taken");
    assert.equal((await told("a")).state, "broadcast");

    await queue("commit", "c", { wei: ETHER / 50n, ...window(10_000) });
    const poorer = open(
      refusingBelow(
        chain.rpc(async () => undefined),
        60n * GWEI,
      ),
    );
    await step(poorer);
    assert.equal((await attempts()).length, 4, "twice its fee is beyond its cap of 25 gwei");
    await ledger.close();
  });

  it("bumps every other block when half of its time is over", async () => {
    const bumpedAfter = async (dedupeKey: string, blocks: number, left: number) => {
      const { deadline } = window(left);
      await queue("answer", dedupeKey, { wei: ETHER, openedAt: deadline - 1_200, deadline });
      const outbox = open();
      await step(outbox);
      const before = (await attempts()).length;
      for (let block = 0; block < blocks; block++) chain.congest(1);
      await step(outbox);
      const after = (await attempts()).length;
      await mineUntil(dedupeKey, "confirmed", outbox, 9);
      return after > before;
    };
    assert.equal(await bumpedAfter("early", 2, 90), false);
    assert.equal(await bumpedAfter("early too", 5, 90), true);
    assert.equal(await bumpedAfter("late", 2, 40), true);
    await ledger.close();
  });

  it("lets what can wait wait while its sender is poor, and goes on when it has ether again", async () => {
    let isPoor = true;
    await queue("release", "r");
    await queue("commit", "c", { wei: ETHER, ...window(100) });
    const outbox = open(undefined, () => isPoor);
    await step(outbox);
    assert.equal((await told("r")).error, "MT-TX-017");
    assert.equal((await told("c")).state, "broadcast", "a promise is kept as long as there is ether at all");
    isPoor = false;
    await step(outbox);
    assert.equal((await told("r")).state, "broadcast");
    await ledger.close();
  });

  function open(rpc: Rpc = chain.rpc(async () => undefined), isPoor = () => false): Outbox {
    const note = ({ code }: { code?: string }) => void codes.push(code);
    const stakeOf: StakeOf = async ({ subject }) => stakes.get(subject.key ?? "");
    return new Outbox({
      ...OUTBOX_DEFAULTS,
      ...{ lanes: LANES, signer, ledger, rpc, stakeOf, isPoor },
      logger: { ...silentLogger, info: () => undefined, warn: note, error: note } as never,
      predicates: predicatesOf(async () => "needed"),
      nowMilliseconds: () => nowMilliseconds,
    });
  }

  async function step(outbox: Outbox): Promise<void> {
    nowMilliseconds += 60_000;
    await outbox.step();
  }

  async function mineUntil(key: string, state: Intent["state"], outbox: Outbox, blocks: number) {
    for (let block = 0; block < blocks; block++) {
      chain.mine();
      await step(outbox);
      if ((await told(key)).state === state) return { timestamp: chain.head * 12 };
    }
    return assert.fail(`${key} is ${JSON.stringify(await told(key))} after ${blocks} blocks`);
  }

  async function queue(kind: IntentKind, dedupeKey: string, atStake?: AtStake): Promise<void> {
    const data: Hex = `0x${Buffer.from(dedupeKey).toString("hex")}`;
    if (atStake) stakes.set(dedupeKey, atStake);
    const call = { to: signer.address, data, valueWei: 0n };
    await queueIntent(ledger, { dedupeKey, kind, subject: { key: dedupeKey }, ...call });
  }

  /** So many blocks from now. */
  function window(blocks: number): Omit<AtStake, "wei"> {
    return { openedAt: chain.head * 12, deadline: (chain.head + blocks) * 12 };
  }

  function intent(key: string): Promise<Intent> {
    return intentOf(ledger, key);
  }

  async function told(key: string) {
    const { state, nonce, error } = await intent(key);
    return { state, nonce, error };
  }

  async function attempts(): Promise<Transaction[]> {
    const rows = await ledger.selectFrom("attempts").select("raw").orderBy("sequence", "desc").execute();
    return rows.map(({ raw }) => Transaction.from(raw));
  }
});

/** A pool that takes nothing cheaper. */
function refusingBelow(rpc: Rpc, leastWei: bigint): Rpc {
  const send = (method: string, parameters: unknown[]) => {
    if (method !== "eth_sendRawTransaction") return rpc.send(method, parameters);
    const { maxFeePerGas } = Transaction.from(String(parameters[0]));
    if ((maxFeePerGas ?? 0n) < leastWei) throw new Error("replacement transaction underpriced");
    return rpc.send(method, parameters);
  };
  return { ...rpc, send } as Rpc;
}

function bond(wei: bigint | undefined): AtStake {
  return { wei, openedAt: OPENED_AT, deadline: DEADLINE };
}

function marketAt(timestampSeconds: number): Market {
  return { baseFeeWei: 40n * GWEI, tipWei: 10n * GWEI, maxFeeWei: 90n * GWEI, timestampSeconds };
}
