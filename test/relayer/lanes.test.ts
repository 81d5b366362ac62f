// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import type { Hex } from "@meantime/sdk/hex";
import { connectRpc, type Rpc } from "../../relayer/src/chain/rpc.ts";
import { type Ledger, openLedger } from "../../relayer/src/ledger/ledger.ts";
import { MIGRATIONS } from "../../relayer/src/ledger/migrations.ts";
import { localSigner, type Signer } from "../../relayer/src/signers/signer.ts";
import { signAttempt, storeAttempt } from "../../relayer/src/tx/attempts.ts";
import type { Predicates } from "../../relayer/src/tx/context.ts";
import type { Intent, NewIntent } from "../../relayer/src/tx/intents.ts";
import { KINDS, LANES, type Lane } from "../../relayer/src/tx/kinds.ts";
import { createSenders, type Sender } from "../../relayer/src/tx/senders.ts";
import { type LocalChain, startChain } from "../../scripts/stack/chain.ts";
import { localKey, lowerCase } from "../../scripts/stack/operators.ts";
import { TEST_DATABASES } from "./databases.ts";
import { freshFolder } from "./local-relayer.ts";
import { writeOldLedger } from "./old-ledger.ts";
import { intentOf, OUTBOX_DEFAULTS, predicatesOf, queueIntent } from "./outbox-setup.ts";

const RECIPIENT = lowerCase(localKey(19).address);

describe("lanes", () => {
  let chain: LocalChain;
  let rpc: Rpc;
  let ledger: Ledger;
  let account = 2;

  before(async () => {
    chain = await startChain();
    rpc = connectRpc(chain.url, 31337);
  });

  after(async () => {
    rpc?.destroy();
    await chain?.close();
  });

  beforeEach(async () => {
    await rpc.send("evm_setAutomine", [true]);
    ledger = await openLedger({ file: join(await freshFolder(), "ledger.sqlite") });
    account += 3;
  });

  it("send by keys of their own, and those that share one share its nonces and its lease", async () => {
    const [shared, own] = [signerOf(account), signerOf(account + 1)];
    const senders = await open([
      ["answer", own],
      ["finalise", shared],
      ["commit", shared],
    ]);
    assert.deepEqual(
      senders.map(({ address, lanes }) => [address, lanes]),
      [
        [own.address, ["answer"]],
        [shared.address, ["finalise", "commit"]],
      ],
    );
    await rpc.send("evm_setAutomine", [false]);
    for (const kind of ["release", "commit", "answer"] as const) await queue(payment(kind));
    await step(senders);
    assert.deepEqual(await flight("answer"), [own.address, 0]);
    assert.deepEqual(await flight("commit"), [shared.address, 0], "the commit goes before the release");
    assert.deepEqual(await flight("release"), [shared.address, 1]);
    await ledger.close();
  });

  it("bring an answer into the next block past a commit of another key whose fee fell behind", async () => {
    const senders = await open([
      ["answer", signerOf(account)],
      ["commit", signerOf(account + 1)],
    ]);
    await rpc.send("evm_setAutomine", [false]);
    for (let at = 0; at < 12; at++) await queue(payment("commit", `commit ${at}`));
    await step(senders);
    // Congestion: the base fee has left the commits behind.
    await rpc.send("hardhat_setNextBlockBaseFeePerGas", [`0x${(10n ** 11n).toString(16)}`]);
    await rpc.send("evm_mine", []);
    await queue(payment("answer"));
    await step(senders);
    await rpc.send("hardhat_setNextBlockBaseFeePerGas", [`0x${(10n ** 11n).toString(16)}`]);
    await rpc.send("evm_mine", []);
    await step(senders);
    assert.equal((await intent("answer")).state, "confirmed");
    assert.equal((await intent("commit 0")).state, "broadcast", "the commits are still stuck");
    await rpc.send("hardhat_setNextBlockBaseFeePerGas", ["0x3b9aca00"]);
    await rpc.send("evm_mine", []);
    await ledger.close();
  });

  it("leave room for answers, however many transactions of a shared key are stuck", async () => {
    const senders = await open(LANES.map((lane) => [lane, signerOf(account)]));
    await rpc.send("evm_setAutomine", [false]);
    for (let at = 0; at < 20; at++) await queue(payment("commit", `commit ${at}`));
    await step(senders);
    const stuck = await inFlight();
    assert.ok(stuck < 16, `${stuck} of 16 are taken`);
    await queue(payment("answer"));
    await step(senders);
    assert.deepEqual(await flight("answer"), [signerOf(account).address, stuck]);
    assert.equal(await inFlight(), stuck + 1);
    await ledger.close();
  });

  it("settle what a key has in flight that left the configuration, and sign nothing with it", async () => {
    const [old, young] = [signerOf(account), signerOf(account + 1)];
    await rpc.send("evm_setAutomine", [false]);
    await queue(payment("commit", "first"));
    await queue(payment("commit", "second"));
    await step(await open([["commit", old]]));
    assert.deepEqual(await flight("second"), [old.address, 1]);

    const senders = await open([["commit", young]]);
    assert.deepEqual(
      senders.map(({ address, lanes }) => [address, lanes.length]),
      [
        [young.address, 1],
        [old.address, 0],
      ],
    );
    await queue(payment("commit", "third"));
    await step(senders);
    assert.deepEqual(await flight("third"), [young.address, 0]);
    await rpc.send("hardhat_mine", ["0x1"]);
    // The second time it gives the lease back, the third time it takes it again.
    await step(senders);
    assert.deepEqual(
      senders.map(({ lease }) => lease.holds()),
      [true, false],
    );
    await step(senders);
    // The third one has been looked at once more.
    for (const [key, state] of Object.entries({ first: "confirmed", second: "confirmed", third: "final" }))
      assert.equal((await intent(key)).state, state);
    await ledger.close();
  });

  it("are left to the worker that has the key by one that has not", async () => {
    const database = TEST_DATABASES.find(({ name }) => name === "PostgreSQL");
    if (!database || database.skip) return;
    await ledger.close();
    ledger = await openLedger(await database.fresh());
    try {
      const signer = signerOf(account);
      await rpc.send("evm_setAutomine", [false]);
      await queue(payment("commit"));
      const [first] = await open([["commit", signer]]);
      assert.ok(first);
      await step([first]);
      await first.lease.leave();
      const [, without] = await open([["commit", signerOf(account + 1)]]);
      const [withKey] = await open([["commit", signer]]);
      assert.ok(without && withKey);
      const held: boolean[] = [];
      for (let round = 0; round < 4; round++) {
        await without.lease.keep();
        await withKey.lease.keep();
        held.push(withKey.lease.holds());
      }
      assert.deepEqual(held, [false, true, true, true]);
      assert.ok(!without.lease.holds());
    } finally {
      await ledger.close();
      await database.stop();
    }
  });

  it("have one sender each, where two workers are configured differently", async () => {
    const senders = [
      ...(await open([["commit", signerOf(account)]])),
      ...(await open([["commit", signerOf(account + 1)]])),
    ];
    await rpc.send("evm_setAutomine", [false]);
    await queue(payment("commit"));
    for (const { lease } of senders) await lease.keep();
    // Both find it waiting; the slower one is refused by the row itself.
    await Promise.all(senders.map(({ outbox }) => outbox().step()));
    assert.equal((await ledger.selectFrom("attempts").select("raw").execute()).length, 1);
    await ledger.close();
  });

  it("send a commit although sixteen transactions of its key wait for their time", async () => {
    const shared = signerOf(account);
    const lanes = LANES.map((lane) => [lane, shared] as const);
    const senders = await open(lanes, { resolve: async () => "later" });
    for (let at = 0; at < 16; at++) await queue(payment("resolve", `resolve ${at}`));
    await queue(payment("commit"));
    await step(senders);
    assert.deepEqual(await flight("commit"), [shared.address, 0]);
    await ledger.close();
  });

  it("refuse bytes under a second nonce for what another worker has sent meanwhile", async () => {
    const signer = signerOf(account);
    const senders = await open([["commit", signer]]);
    await queue(payment("commit"));
    const before = await intent("commit");
    await step(senders);
    const attempt = await signAttempt(signer, before, {
      ...{ chainId: 31_337, nonce: 1, gasLimit: 21_000n, head: 1, cancels: false },
      fees: { maxFeeWei: 1n, tipWei: 1n },
    });
    const store = ledger.transaction((tx) =>
      storeAttempt(tx, before, attempt, { sender: signer.address, nonce: 1 }),
    );
    await assert.rejects(store, /not this sender's/);
    assert.deepEqual(await flight("commit"), [signer.address, 0]);
    await ledger.close();
  });

  function open(
    keys: readonly (readonly [Lane, Signer])[],
    others: Partial<Predicates> = {},
  ): Promise<Sender[]> {
    const predicates = { ...predicatesOf(async () => "needed"), ...others };
    return createSenders(keys, ledger, 15_000, { ...OUTBOX_DEFAULTS, rpc, predicates });
  }

  async function step(senders: readonly Sender[]): Promise<void> {
    for (const { lease, outbox } of senders) {
      await lease.keep();
      if (lease.holds()) await outbox().step();
    }
  }

  function queue(wanted: NewIntent): Promise<boolean> {
    return queueIntent(ledger, wanted);
  }

  function intent(key: string): Promise<Intent> {
    return intentOf(ledger, key);
  }

  async function flight(key: string) {
    const { sender, nonce } = await intent(key);
    return [sender, nonce];
  }

  async function inFlight(): Promise<number> {
    const rows = await ledger.selectFrom("intents").select("id").where("nonce", "is not", null).execute();
    return rows.length;
  }
});

describe("kinds of transactions", () => {
  const table = readFileSync(new URL("../../docs/OPERATING.md", import.meta.url), "utf8")
    .split("\n")
    .filter((line) => /^\| `[a-zA-Z]+`.*\|.*\|.*\|.*\|$/.test(line))
    .map((line) => line.split("|").map((cell) => cell.trim()));

  for (const [kind, { lane, stake, deadline, from }] of Object.entries(KINDS)) {
    it(`${kind}: docs/OPERATING.md says its lane, whether it has a stake and a deadline, and who sends it`, () => {
      const row = table.find(([, kinds = ""]) => kinds.split(", ").includes(`\`${kind}\``));
      assert.ok(row, "it is in the table");
      const [, , inLane, atStake, until, sender = ""] = row;
      assert.ok(inLane?.startsWith(kind === "fill" ? "the sender's" : lane), inLane);
      assert.equal(atStake === "nothing", stake === "nothing");
      assert.equal(until === "", deadline === "none");
      assert.equal(/^a sender/.test(sender), from === "sender");
    });
  }
});

describe("the lanes of a ledger that had two", () => {
  const old: [string, string, Lane][] = [
    ["operator", "answer", "answer"],
    ["operator", "reveal", "answer"],
    ["operator", "release", "finalise"],
    ["operator", "prove", "finalise"],
    ["operator", "commit", "commit"],
    ["operator", "announce", "commit"],
    ["watch", "challenge", "challenge"],
    ["watch", "resolve", "challenge"],
  ];

  for (const { name, fresh, stop, skip } of TEST_DATABASES) {
    it(`become four on ${name}, transaction by transaction`, { skip }, async () => {
      const source = await fresh();
      try {
        const { version } = MIGRATIONS.find(({ name }) => name === "lanes") ?? assert.fail();
        await writeOldLedger(source, version, old.map(inFlight));
        const ledger = await openLedger(source);
        const rows = await ledger
          .selectFrom("intents")
          .select(["kind", "lane", "nonce", "unwanted"])
          .orderBy("id")
          .execute();
        await ledger.close();
        assert.deepEqual(
          rows.map((row) => ({ ...row })),
          old.map(([, kind, lane], at) => ({ kind, lane, nonce: at, unwanted: 0 })),
        );
      } finally {
        await stop();
      }
    });
  }
});

/** A transaction in flight, as a row of a ledger that had two lanes. */
function inFlight([lane, name]: readonly string[], at: number): string {
  return `INSERT INTO intents (dedupe_key, lane, kind, priority, subject, to_address, data, value_wei, state, sender, nonce)
    VALUES ('${name} ${at}', '${lane}', '${name}', 0, '{}', '0x12', '0x', '0', 'signed', '0x34', ${at})`;
}

function signerOf(account: number): Signer {
  return localSigner(localKey(account).privateKey as Hex);
}

function payment(kind: NewIntent["kind"], dedupeKey: string = kind): NewIntent {
  return { ...{ dedupeKey, kind, subject: {} }, to: RECIPIENT, data: "0x", valueWei: 1n };
}
