// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { type Hex, ZERO_ADDRESS } from "@meantime/sdk/hex";
import { SETTLEMENT_INTERFACE } from "../../relayer/src/chain/contracts.ts";
import { connectRpc, type Rpc } from "../../relayer/src/chain/rpc.ts";
import { type Ledger, openLedger } from "../../relayer/src/ledger/ledger.ts";
import { localSigner } from "../../relayer/src/signers/signer.ts";
import type { Verdict } from "../../relayer/src/tx/context.ts";
import type { Intent, NewIntent } from "../../relayer/src/tx/intents.ts";
import { LANES } from "../../relayer/src/tx/kinds.ts";
import { Outbox } from "../../relayer/src/tx/outbox.ts";
import type { LocalChain } from "../../scripts/stack/chain.ts";
import { startLocalStack } from "../../scripts/stack/local.ts";
import { localKey, lowerCase } from "../../scripts/stack/operators.ts";
import { freshFolder, silentLogger } from "./local-relayer.ts";
import {
  intentOf,
  OUTBOX_DEFAULTS,
  predicatesOf,
  queueIntent,
  sendingBy,
  signedFor,
  withoutBroadcast,
} from "./outbox-setup.ts";

const RECIPIENT = lowerCase(localKey(19).address);

describe("outbox", () => {
  let chain: LocalChain;
  let rpc: Rpc;
  let settlement: Hex;
  let ledger: Ledger;
  let file: string;
  let verdict: Verdict;
  let nowMilliseconds: number | undefined;
  let account = 5;

  before(async () => {
    const stack = await startLocalStack();
    chain = stack.chain;
    rpc = connectRpc(chain.url, 31337);
    settlement = stack.domain.settlement;
  });

  after(async () => {
    rpc?.destroy();
    await chain?.close();
  });

  // Each test has a sender of its own, so that none sees another's nonces.
  beforeEach(async () => {
    await rpc.send("evm_setAutomine", [true]);
    file = join(await freshFolder(), "ledger.sqlite");
    ledger = await openLedger({ file });
    verdict = "needed";
    account += 1;
    // Hardhat funds twenty accounts.
    await rpc.send("hardhat_setBalance", [localKey(account).address, "0xde0b6b3a7640000"]);
  });

  it("sends what is queued, once, and confirms it", async () => {
    const outbox = open();
    await queue(payment("a"));
    assert.equal(await queue(payment("a")), false);
    await outbox.step();
    await outbox.step();
    assert.equal((await intent("a")).state, "confirmed");
    await outbox.step();
    assert.equal(await nonceOf(outbox), 1);
    await ledger.close();
  });

  it("R-57 has nonce and signed bytes on disk before a node sees them, and sends the same bytes after a crash", async () => {
    const deaf = open(withoutBroadcast(rpc));
    await queue(payment("a"));
    await deaf.step();
    const signed = await intent("a");
    assert.equal(signed.state, "signed");
    assert.equal(signed.nonce, 0);
    assert.equal(await nonceOf(deaf), 0);

    await restart();
    const outbox = open();
    await outbox.step();
    await outbox.step();
    assert.equal((await intent("a")).state, "confirmed");
    assert.equal((await intent("a")).txHash, signed.txHash);
    assert.equal((await signedFor(ledger, "a")).length, 1);
    assert.equal(await nonceOf(outbox), 1);
    await ledger.close();
  });

  it("R-57 takes a transaction that landed without its answer for what it is", async () => {
    const outbox = open(answeringWithAnError(rpc));
    await queue(payment("a"));
    await outbox.step();
    assert.equal((await intent("a")).state, "signed");
    await restart();
    const after = open();
    await after.step();
    assert.equal((await intent("a")).state, "confirmed");
    assert.equal(await nonceOf(after), 1);
    await ledger.close();
  });

  it("R-57 does not send what the chain already has", async () => {
    verdict = "done";
    const outbox = open();
    await queue(payment("a"));
    await outbox.step();
    assert.equal((await intent("a")).state, "satisfied");
    verdict = "moot";
    await queue(payment("b"));
    await outbox.step();
    assert.equal((await intent("b")).state, "failed");
    assert.equal(await nonceOf(outbox), 0);
    await ledger.close();
  });

  it("waits with what the chain cannot take yet, without a nonce and without counting a try", async () => {
    verdict = "later";
    const outbox = open();
    await queue(payment("a"));
    await outbox.step();
    assert.deepEqual(
      [(await intent("a")).state, (await intent("a")).tries, (await intent("a")).nonce],
      ["queued", 0, undefined],
    );
    verdict = "needed";
    await outbox.step();
    assert.equal((await intent("a")).state, "queued", "it was tried again at once");
    await ledger.transaction((tx) =>
      tx.updateTable("intents").set({ next_try_at_milliseconds: 0 }).execute(),
    );
    await outbox.step();
    await outbox.step();
    assert.equal((await intent("a")).state, "confirmed");
    await ledger.close();
  });

  it("R-57 sends again after a restart what the chain cannot take yet: its bytes may be on their way", async () => {
    await queue(payment("a"));
    await open(withoutBroadcast(rpc)).step();
    await restart();
    verdict = "later";
    const outbox = open();
    await outbox.step();
    await outbox.step();
    assert.equal((await intent("a")).state, "confirmed");
    await ledger.close();
  });

  it("R-57 gives a nonce back when a restart finds its transaction done by others, and hands it to the next", async () => {
    await queue(payment("a"));
    await open(withoutBroadcast(rpc)).step();
    await restart();
    verdict = "done";
    const outbox = open();
    await outbox.step();
    assert.equal((await intent("a")).state, "satisfied");
    verdict = "needed";
    await queue(payment("b"));
    await outbox.step();
    assert.equal((await intent("b")).nonce, 0);
    await ledger.close();
  });

  it("R-57 cancels by a transfer to itself what is in the mempool and not needed any more", async () => {
    await rpc.send("evm_setAutomine", [false]);
    await queue(payment("a"));
    await open().step();
    assert.equal((await intent("a")).state, "broadcast");
    await restart();
    verdict = "done";
    const outbox = open();
    await outbox.step();
    assert.equal((await intent("a")).cancelling, true);
    await rpc.send("evm_mine", []);
    await outbox.step();
    assert.equal((await intent("a")).state, "satisfied");
    const mined = await rpc.getTransaction((await signedFor(ledger, "a"))[0]?.hash ?? "");
    assert.ok(mined?.blockNumber);
    assert.equal(mined?.to?.toLowerCase(), outbox.sender);
    assert.equal(mined?.value, 0n);
    assert.equal(await nonceOf(outbox), 1);
    await ledger.close();
  });

  it("R-57 offers a higher fee under the same nonce when blocks pass without it", async () => {
    const outbox = open(withoutBroadcast(rpc));
    await queue(payment("a"));
    await outbox.step();
    await rpc.send("hardhat_mine", ["0x6"]);
    await outbox.step();
    const [newer, older] = await signedFor(ledger, "a");
    assert.ok(newer && older);
    assert.equal(newer.nonce, older.nonce);
    assert.ok((newer.maxFeePerGas ?? 0n) * 1_000n >= (older.maxFeePerGas ?? 0n) * 1_125n);
    assert.ok((newer.maxPriorityFeePerGas ?? 0n) > (older.maxPriorityFeePerGas ?? 0n));
    await open().step();
    await open().step();
    assert.equal((await intent("a")).state, "confirmed");
    assert.equal(await nonceOf(outbox), 1);
    await ledger.close();
  });

  it("takes no nonce for a call that would revert, names the custom error and tries again later", async () => {
    const lines: Record<string, unknown>[] = [];
    const logger = { ...silentLogger, warn: (line: Record<string, unknown>) => lines.push(line) } as never;
    const outbox = open(rpc, logger);
    const data = SETTLEMENT_INTERFACE.encodeFunctionData("withdraw", [ZERO_ADDRESS, RECIPIENT]) as Hex;
    await queue({ ...payment("a"), to: settlement, data, valueWei: 0n });
    await outbox.step();
    assert.equal((await intent("a")).state, "queued");
    assert.equal((await intent("a")).tries, 1);
    assert.equal(lines[0]?.code, "MT-TX-001");
    assert.match(
      String(lines[0]?.reason).toLowerCase(),
      new RegExp(`nothingtowithdraw\\(${outbox.sender}\\)`),
    );
    await outbox.step();
    assert.equal((await intent("a")).tries, 1, "it was tried again at once");
    await queue(payment("b"));
    await outbox.step();
    assert.equal((await intent("b")).nonce, 0);
    await ledger.close();
  });

  it("R-57 moves on when its key was used elsewhere", async () => {
    const outbox = open(withoutBroadcast(rpc));
    await queue(payment("a"));
    await outbox.step();
    const elsewhere = localKey(account).connect(chain.connection.ethers.provider);
    await (await elsewhere.sendTransaction({ to: RECIPIENT, value: 7n })).wait();
    const after = open();
    await after.step();
    await after.step();
    assert.equal((await intent("a")).state, "confirmed");
    assert.equal((await intent("a")).nonce, 1);
    await ledger.close();
  });

  it("does not let one transaction that cannot be tried hold up the others", async () => {
    const outbox = open(rpc);
    await queue({ ...payment("bad"), kind: "answer", to: "0x12" });
    await queue(payment("good"));
    await outbox.step();
    await outbox.step();
    assert.equal((await intent("bad")).state, "queued");
    assert.equal((await intent("good")).state, "confirmed");
    await ledger.close();
  });

  it("sends the urgent first", async () => {
    await rpc.send("evm_setAutomine", [false]);
    const outbox = open();
    await queue({ ...payment("late"), kind: "release" });
    await queue({ ...payment("urgent"), kind: "answer" });
    await outbox.step();
    assert.equal((await intent("urgent")).nonce, 0);
    assert.equal((await intent("late")).nonce, 1);
    await rpc.send("evm_mine", []);
    await ledger.close();
  });

  it("R-57 sends again what a reorg took out of its block", async () => {
    const outbox = open(rpc, silentLogger, 3);
    await queue(payment("a"));
    const snapshot = await rpc.send("evm_snapshot", []);
    await outbox.step();
    await outbox.step();
    assert.equal((await intent("a")).state, "mined");
    const { txHash } = await intent("a");
    await rpc.send("evm_revert", [snapshot]);
    await rpc.send("hardhat_mine", ["0x1"]);
    await outbox.step();
    await rpc.send("hardhat_mine", ["0x3"]);
    for (let round = 0; round < 3 && (await intent("a")).state !== "confirmed"; round++) {
      await outbox.step();
      await rpc.send("hardhat_mine", ["0x3"]);
    }
    assert.equal((await intent("a")).state, "confirmed");
    assert.equal((await intent("a")).txHash, txHash);
    await ledger.close();
  });

  it("offers a higher fee at once when the operator bumps", async () => {
    await rpc.send("evm_setAutomine", [false]);
    const outbox = open();
    await queue(payment("a"));
    await outbox.step();
    const { id } = await intent("a");
    assert.equal(await outbox.ask(id + 1, "bump", false), undefined);
    assert.ok(await outbox.ask(id, "bump", false));
    await outbox.step();
    const [bumped, first] = await signedFor(ledger, "a");
    assert.equal(bumped?.nonce, first?.nonce);
    assert.ok((bumped?.maxFeePerGas ?? 0n) >= ((first?.maxFeePerGas ?? 0n) * 1_125n) / 1_000n);
    await outbox.step();
    assert.equal((await signedFor(ledger, "a")).length, 2);
    await ledger.close();
  });

  it("gives up what the operator cancels: its nonce goes to a transfer to oneself, and it is not sent again", async () => {
    await rpc.send("evm_setAutomine", [false]);
    const outbox = open();
    await queue({ ...payment("a"), kind: "release" });
    await outbox.step();
    const { id } = await intent("a");
    assert.ok(await outbox.ask(id, "cancel", false));
    await outbox.step();
    assert.equal((await signedFor(ledger, "a"))[0]?.to?.toLowerCase(), outbox.sender);
    await rpc.send("hardhat_mine", ["0x1"]);
    await outbox.step();
    await outbox.step();
    assert.equal((await intent("a")).state, "failed");
    assert.equal(await nonceOf(outbox), 1);
    await ledger.close();
  });

  it("remembers over a restart what the operator cancelled, whatever the chain needs", async () => {
    await rpc.send("evm_setAutomine", [false]);
    await queue({ ...payment("a"), kind: "release" });
    const before = open();
    await before.step();
    const { id } = await intent("a");
    assert.ok(await before.ask(id, "cancel", false));
    await restart();
    await open().step();
    assert.equal((await intent("a")).cancelling, true);
    await restart();
    const after = open();
    await rpc.send("hardhat_mine", ["0x1"]);
    await after.step();
    assert.deepEqual([(await intent("a")).state, (await intent("a")).error], ["failed", "MT-TX-011"]);
    await after.step();
    assert.equal(await nonceOf(after), 1, "it was sent after all");
    await ledger.close();
  });

  it("pauses longer and longer with a cancel that cannot be paid for, and cancels when there is ether again", async () => {
    await rpc.send("evm_setAutomine", [false]);
    let offers = 0;
    const counting = sendingBy(rpc, (parameters) => {
      offers += 1;
      return rpc.send("eth_sendRawTransaction", parameters);
    });
    nowMilliseconds = 1_000_000;
    const outbox = open(counting);
    await queue({ ...payment("a"), kind: "release" });
    await outbox.step();
    const setBalance = (wei: string) => rpc.send("hardhat_setBalance", [outbox.sender, wei]);
    await setBalance("0x1");
    offers = 0;
    assert.ok(await outbox.ask((await intent("a")).id, "cancel", false));
    for (let second = 0; second < 60; second++) {
      await outbox.step();
      nowMilliseconds += 1_000;
    }
    assert.equal((await intent("a")).error, "MT-TX-004");
    assert.ok(offers > 3 && offers < 10, `${offers} offers in a minute of steps`);

    await setBalance("0xde0b6b3a7640000");
    nowMilliseconds += 30_000;
    await outbox.step();
    await rpc.send("hardhat_mine", ["0x1"]);
    await outbox.step();
    assert.deepEqual([(await intent("a")).state, (await intent("a")).error], ["failed", "MT-TX-011"]);
    nowMilliseconds = undefined;
    await ledger.close();
  });

  it("holds to a cancel that comes while the transaction is being signed", async () => {
    let signing = () => undefined as unknown;
    const isSigning = new Promise((resolve) => {
      signing = () => resolve(undefined);
    });
    let release = () => undefined as unknown;
    const isReleased = new Promise((resolve) => {
      release = () => resolve(undefined);
    });
    const own = localSigner(localKey(account).privateKey as Hex);
    const outbox = open(rpc, silentLogger, 1, {
      address: own.address,
      async sign(message) {
        signing();
        await isReleased;
        return own.sign(message);
      },
    });
    await queue({ ...payment("a"), kind: "release" });
    const stepping = outbox.step();
    await isSigning;
    const answer = await outbox.ask((await intent("a")).id, "cancel", false);
    assert.equal(answer?.done, "cancelled");
    release();
    await stepping;
    assert.deepEqual([(await intent("a")).state, (await intent("a")).error], ["failed", "MT-TX-011"]);
    assert.equal((await signedFor(ledger, "a")).length, 0);
    assert.equal(await nonceOf(outbox), 0);
    await ledger.close();
  });

  it("does not send again what was cancelled when another program takes its nonce", async () => {
    await queue({ ...payment("a"), kind: "release" });
    const outbox = open(withoutBroadcast(rpc));
    await outbox.step();
    assert.ok(await outbox.ask((await intent("a")).id, "cancel", false));
    const elsewhere = localKey(account).connect(chain.connection.ethers.provider);
    await (await elsewhere.sendTransaction({ to: RECIPIENT, value: 7n })).wait();
    await open().step();
    assert.equal((await intent("a")).state, "failed");
    await ledger.close();
  });

  it("cancels what keeps a promise only by force, and what is in a block not at all", async () => {
    const outbox = open();
    verdict = "later";
    await queue(payment("a"));
    await queue(payment("b"));
    const { id } = await intent("a");
    await assert.rejects(outbox.ask(id, "cancel", false), { code: "MT-OPS-006" });
    await assert.rejects(outbox.ask(id, "bump", false), { code: "MT-OPS-007" });
    assert.deepEqual(await outbox.ask(id, "cancel", true), { lane: "commit", done: "cancelled" });
    assert.equal((await intent("a")).state, "failed");
    await ledger.close();
  });

  function open(
    through: Rpc = rpc,
    logger = silentLogger,
    confirmations = 1,
    signer = localSigner(localKey(account).privateKey as Hex),
  ): Outbox {
    const predicates = predicatesOf(async () => verdict);
    const rest = { lanes: LANES, signer, confirmations, ledger, rpc: through, predicates, logger };
    return new Outbox({ ...OUTBOX_DEFAULTS, ...rest, nowMilliseconds: () => nowMilliseconds ?? Date.now() });
  }

  async function restart(): Promise<void> {
    await ledger.close();
    ledger = await openLedger({ file });
  }

  function queue(wanted: NewIntent): Promise<boolean> {
    return queueIntent(ledger, wanted);
  }

  function intent(key: string): Promise<Intent> {
    return intentOf(ledger, key);
  }

  function nonceOf(outbox: Outbox): Promise<number> {
    return rpc.getTransactionCount(outbox.sender, "latest");
  }
});

function payment(key: string): NewIntent {
  return {
    dedupeKey: key,

    kind: "commit",
    subject: {},
    to: RECIPIENT,
    data: "0x",
    valueWei: 1n,
  };
}

/** A node that takes the transaction and dies before it says so. */
function answeringWithAnError(rpc: Rpc): Rpc {
  return sendingBy(rpc, async (parameters) => {
    await rpc.send("eth_sendRawTransaction", parameters);
    throw new Error("socket hang up");
  });
}
