// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import type { Hex } from "@meantime/sdk/hex";
import { Transaction } from "ethers";
import { packBlobs, roomIn } from "../../relayer/src/availability/blob-packing.ts";
import { Kzg } from "../../relayer/src/availability/kzg.ts";
import { type ProofKind, type Sidecar, versionedHash } from "../../relayer/src/availability/sidecar.ts";
import { connectRpc, type Rpc } from "../../relayer/src/chain/rpc.ts";
import { type Ledger, openLedger } from "../../relayer/src/ledger/ledger.ts";
import { localSigner } from "../../relayer/src/signers/signer.ts";
import { findSidecar, insertSidecar } from "../../relayer/src/tx/blobs.ts";
import type { Verdict } from "../../relayer/src/tx/context.ts";
import { enqueue, type Intent, type NewIntent } from "../../relayer/src/tx/intents.ts";
import { Outbox } from "../../relayer/src/tx/outbox.ts";
import { hasAnvil, startAnvil } from "../../scripts/stack/anvil.ts";
import { type LocalChain, startChain } from "../../scripts/stack/chain.ts";
import { localKey, lowerCase } from "../../scripts/stack/operators.ts";
import { eventually, freshFolder } from "./local-relayer.ts";
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
const BLOB_TYPE = 3;
const FEE_TYPE = 2;
/** Long after any block of a test. */
const NEVER = "99999999999";

const CHAINS: readonly {
  name: string;
  proofKind: ProofKind;
  start: () => Promise<LocalChain>;
  skip: boolean;
}[] = [
  { name: "Hardhat's node", proofKind: "blob", start: () => startChain(), skip: false },
  { name: "Anvil", proofKind: "cell", start: () => startAnvil(), skip: !hasAnvil() },
];

for (const { name, proofKind, start, skip } of CHAINS) {
  describe(`transactions with blobs on ${name}`, { skip: skip ? "Anvil is not installed" : false }, () => {
    let chain: LocalChain;
    let rpc: Rpc;
    let ledger: Ledger;
    let file: string;
    let verdict: Verdict;
    let sidecar: Sidecar;
    let hashes: Hex[];
    let account = 5;

    before(async () => {
      chain = await start();
      rpc = connectRpc(chain.url, 31_337);
      const kzg = new Kzg();
      // The second one is nearly empty, which is soon computed.
      const packed = packBlobs(new Uint8Array(roomIn(1) + 10).fill(7, 0, 400));
      const blobs = [];
      for (const blob of packed) blobs.push(await kzg.seal(blob, proofKind));
      kzg.close();
      sidecar = { proofKind, blobs };
      hashes = blobs.map(({ commitment }) => versionedHash(commitment));
      assert.equal(hashes.length, 2);
    });

    after(async () => {
      rpc?.destroy();
      await chain?.close();
    });

    beforeEach(async () => {
      await rpc.send("evm_setAutomine", [true]);
      file = join(await freshFolder(), "ledger.sqlite");
      ledger = await openLedger({ file });
      verdict = "needed";
      account += 1;
      await rpc.send("hardhat_setBalance", [localKey(account).address, "0x8ac7230489e80000"]);
    });

    it("R-57 are on disk with their blobs before a node sees them, and the same bytes are sent after a crash", async () => {
      await queue("a");
      await open(withoutBroadcast(rpc)).step();
      const signed = await intent("a");
      assert.equal(signed.state, "signed");
      await restart();
      const outbox = open();
      await outbox.step();
      // Anvil verifies the blobs in its own time.
      await eventually("the receipt", async () => {
        return (await rpc.getTransactionReceipt(signed.txHash ?? "")) ?? undefined;
      });
      await outbox.step();
      assert.equal((await intent("a")).state, "confirmed");
      const attempts = await signedOf("a");
      assert.deepEqual(
        attempts.map(({ type, hash }) => [type, hash]),
        [[BLOB_TYPE, signed.txHash]],
      );
      const onChain = await rpc.getTransaction(signed.txHash ?? "");
      assert.deepEqual(onChain?.blobVersionedHashes, hashes);
      assert.equal(Transaction.from(onChain ?? {}).hash, signed.txHash);
      assert.ok(await findSidecar(ledger, { dedupeKey: "a" }), "a reorganisation may want them again");

      await rpc.send("hardhat_mine", ["0x60"]);
      await outbox.step();
      assert.equal((await intent("a")).state, "final");
      assert.equal(await findSidecar(ledger, { dedupeKey: "a" }), undefined);
      await ledger.close();
    });

    const withPool = {
      skip: proofKind === "blob" ? "it takes blobs into blocks only, not into a pool" : false,
    };

    it(
      "offer twice of everything when blocks pass without them, and a transfer to oneself carries one blob",
      withPool,
      async () => {
        await rpc.send("evm_setAutomine", [false]);
        const outbox = open();
        await queue("a");
        await outbox.step();
        const { id } = await intent("a");
        await outbox.ask(id, "bump", false);
        await outbox.step();
        assert.equal((await intent("a")).state, "broadcast", "the node took the replacement");
        await outbox.ask(id, "cancel", true);
        await outbox.step();
        assert.equal((await intent("a")).state, "broadcast", "the node took the transfer");
        const [cancel, bumped, first] = await signedOf("a");
        assert.ok(cancel && bumped && first);
        for (const [dearer, cheaper] of [
          [bumped, first],
          [cancel, bumped],
        ] as const) {
          assert.equal(dearer.nonce, cheaper.nonce);
          for (const fee of ["maxFeePerGas", "maxPriorityFeePerGas", "maxFeePerBlobGas"] as const) {
            assert.ok((dearer[fee] ?? 0n) >= 2n * (cheaper[fee] ?? 0n), fee);
          }
        }
        assert.deepEqual([cancel.type, cancel.to, cancel.data], [BLOB_TYPE, localKey(account).address, "0x"]);
        assert.deepEqual(cancel.blobVersionedHashes, hashes.slice(0, 1));
        await rpc.send("evm_mine", []);
        await outbox.step();
        assert.equal((await intent("a")).error, "MT-TX-011");
        assert.equal(await findSidecar(ledger, { dedupeKey: "a" }), undefined, "nobody wants its blobs");
        await ledger.close();
      },
    );

    it("wait while blobs are too dear, and go without them when time is short", async () => {
      await queue("a", NEVER);
      await open(rpc, 0n).step();
      assert.equal((await intent("a")).state, "queued");
      await rpc.send("evm_mine", []);
      await ledger.transaction(async (tx) => {
        const subject = JSON.stringify({ blobsUntil: "1" });
        await tx.updateTable("intents").set({ subject, next_try_at_milliseconds: 0 }).execute();
      });
      await open(rpc, 0n).step();
      assert.equal(await findSidecar(ledger, { dedupeKey: "a" }), undefined);
      await hurry();
      await open(rpc, 0n).step();
      await rpc.send("evm_mine", []);
      await open(rpc, 0n).step();
      assert.equal((await intent("a")).state, "confirmed");
      assert.deepEqual(
        (await signedOf("a")).map(({ type }) => type),
        [FEE_TYPE],
      );
      await ledger.close();
    });

    it("go without blobs that no node takes, under the same nonce", async () => {
      const refused = sendingBy(rpc, async (parameters) => {
        if (String(parameters[0]).startsWith("0x03"))
          throw new Error("unexpected sidecar version, want: 1, got: 0");
        return rpc.send("eth_sendRawTransaction", parameters);
      });
      await queue("a");
      const outbox = open(refused);
      await outbox.step();
      await outbox.step();
      await rpc.send("evm_mine", []);
      await outbox.step();
      assert.equal((await intent("a")).state, "confirmed");
      const [without, withBlobs] = await signedOf("a");
      assert.deepEqual([without?.type, withBlobs?.type], [FEE_TYPE, BLOB_TYPE]);
      assert.equal(without?.nonce, withBlobs?.nonce);
      await ledger.close();
    });

    it("go without blobs when time is short and no node has said why it does not take them", async () => {
      const mute = sendingBy(rpc, async (parameters) => {
        if (String(parameters[0]).startsWith("0x03")) throw new Error("not today");
        return rpc.send("eth_sendRawTransaction", parameters);
      });
      await queue("a");
      await open(mute).step();
      await open(mute).step();
      assert.equal((await signedOf("a")).length, 1, "the same bytes again");
      await ledger.transaction((tx) =>
        tx
          .updateTable("intents")
          .set({ subject: JSON.stringify({ blobsUntil: "1" }) })
          .execute(),
      );
      await open(mute).step();
      await rpc.send("evm_mine", []);
      await open(mute).step();
      assert.equal((await intent("a")).state, "confirmed");
      assert.equal((await signedOf("a"))[0]?.type, FEE_TYPE);
      await ledger.close();
    });

    it("go without blobs that no node took while blocks passed, when time is short", async () => {
      const mute = sendingBy(rpc, async (parameters) => {
        if (String(parameters[0]).startsWith("0x03")) throw new Error("not today");
        return rpc.send("eth_sendRawTransaction", parameters);
      });
      await queue("a");
      await open(mute).step();
      await rpc.send("hardhat_mine", ["0x6"]);
      await ledger.transaction((tx) =>
        tx
          .updateTable("intents")
          .set({ subject: JSON.stringify({ blobsUntil: "1" }) })
          .execute(),
      );
      await open(mute).step();
      assert.equal((await signedOf("a"))[0]?.type, FEE_TYPE);
      await ledger.close();
    });

    it("go without blobs when time is short and others of their sender are on their way", async () => {
      await rpc.send("evm_setAutomine", [false]);
      await queueIntent(ledger, payment("b", NEVER));
      await open().step();
      await queue("a", "1");
      await open().step();
      await hurry();
      await open().step();
      assert.deepEqual([(await intent("b")).state, (await intent("a")).state], ["broadcast", "broadcast"]);
      assert.equal((await signedOf("a"))[0]?.type, FEE_TYPE);
      await rpc.send("evm_mine", []);
      await ledger.close();
    });

    it(
      "are not on their way together with others of their sender, which geth would refuse",
      withPool,
      async () => {
        await rpc.send("evm_setAutomine", [false]);
        const outbox = open();
        await queue("a");
        await queueIntent(ledger, payment("b", NEVER));
        await outbox.step();
        assert.deepEqual([(await intent("a")).state, (await intent("b")).state], ["broadcast", "queued"]);
        await rpc.send("evm_mine", []);
        await hurry();
        await outbox.step();
        assert.deepEqual([(await intent("a")).state, (await intent("b")).state], ["confirmed", "broadcast"]);
        await queue("c");
        await outbox.step();
        assert.equal((await intent("c")).state, "queued");
        await rpc.send("evm_mine", []);
        await hurry();
        await outbox.step();
        await rpc.send("evm_mine", []);
        await outbox.step();
        assert.deepEqual([(await intent("b")).state, (await intent("c")).state], ["confirmed", "confirmed"]);
        await ledger.close();
      },
    );

    if (proofKind === "blob") {
      it("go without when the node takes none into its pool", async () => {
        await rpc.send("evm_setAutomine", [false]);
        await queue("a");
        const outbox = open();
        await outbox.step();
        await outbox.step();
        await rpc.send("evm_mine", []);
        await outbox.step();
        assert.equal((await intent("a")).state, "confirmed");
        assert.equal((await signedOf("a"))[0]?.type, FEE_TYPE);
        await ledger.close();
      });

      it("go without when the node knows no proofs of cells", async () => {
        const { blobs } = sidecar;
        const cells = {
          proofKind: "cell",
          blobs: blobs.map((each) => ({ ...each, proofs: cellsOf(each.proofs) })),
        };
        await ledger.transaction(async (tx) => {
          await enqueue(tx, payment("a", NEVER));
          await insertSidecar(tx, "a", cells as Sidecar);
        });
        const outbox = open();
        await outbox.step();
        await outbox.step();
        await outbox.step();
        assert.equal((await intent("a")).state, "confirmed");
        assert.equal((await signedOf("a"))[0]?.type, FEE_TYPE);
        await ledger.close();
      });
    }

    async function queue(key: string, blobsUntil = NEVER): Promise<void> {
      await ledger.transaction(async (tx) => {
        await enqueue(tx, payment(key, blobsUntil));
        await insertSidecar(tx, key, sidecar);
      });
    }

    function open(through: Rpc = rpc, maxBlobFeeWei = 10n ** 12n): Outbox {
      const signer = localSigner(localKey(account).privateKey as Hex);
      const predicates = predicatesOf(async () => verdict);
      const rest = { signer, ledger, rpc: through, predicates, maxBlobFeeWei };
      return new Outbox({ ...OUTBOX_DEFAULTS, lanes: ["commit"], ...rest });
    }

    async function restart(): Promise<void> {
      await ledger.close();
      ledger = await openLedger({ file });
    }

    async function hurry(): Promise<void> {
      await ledger.transaction((tx) =>
        tx.updateTable("intents").set({ next_try_at_milliseconds: 0 }).execute(),
      );
    }

    function intent(key: string): Promise<Intent> {
      return intentOf(ledger, key);
    }

    function signedOf(key: string): Promise<Transaction[]> {
      return signedFor(ledger, key);
    }
  });
}

function payment(key: string, blobsUntil: string): NewIntent {
  return {
    ...{ dedupeKey: key, lane: "commit", kind: "commit", subject: { blobsUntil } },
    ...{ to: RECIPIENT, data: "0x", valueWei: 1n },
  };
}

function cellsOf(proof: Uint8Array): Uint8Array {
  return Buffer.concat(Array.from({ length: 128 }, () => proof));
}
