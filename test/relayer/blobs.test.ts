// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, it } from "node:test";
import type { BatchHeader } from "@meantime/sdk/batch";
import type { Hex } from "@meantime/sdk/hex";
import { type ModelSpec, parseModelSpec } from "@meantime/sdk/model";
import { STATUS } from "@meantime/sdk/status";
import { JsonRpcProvider, Transaction } from "ethers";
import { encodeBatch } from "../../relayer/src/availability/batch-codec.ts";
import { packBlobs } from "../../relayer/src/availability/blob-packing.ts";
import { Kzg } from "../../relayer/src/availability/kzg.ts";
import type { ProofKind } from "../../relayer/src/availability/sidecar.ts";
import { SETTLEMENT_INTERFACE } from "../../relayer/src/chain/contracts.ts";
import { startRelayer } from "../../relayer/src/relayer.ts";
import { readCoverage } from "../../relayer/src/watch/coverage.ts";
import { type RunningWatchtower, startWatchtower } from "../../relayer/src/watch/standalone.ts";
import { digitModelUrl } from "../../scripts/chain/models.ts";
import { hasAnvil } from "../../scripts/stack/anvil.ts";
import { type ChainKind, type LocalStack, startLocalStack } from "../../scripts/stack/local.ts";
import { enrolOperator, type LocalOperator, localOperator } from "../../scripts/stack/operators.ts";
import { CHALLENGE_WINDOW_SECONDS } from "../../scripts/stack/policies.ts";
import { DishonestOperator, type MadeBatch, type MadeClaim, proofOf } from "./dishonest-operator.ts";
import { type FakeBeacon, startFakeBeacon } from "./fake-beacon.ts";
import { askFor, eventually, freshFolder, localConfig, silentLogger, untilStatus } from "./local-relayer.ts";
import { towerConfig } from "./tower.ts";

const LIAR_ACCOUNT = 6;
const TOWER_ACCOUNT = 10;
const LIAR_STAKE_WEI = 10n ** 18n;
const SECONDS = 60;

const CHAINS: readonly { kind: ChainKind; proofs: ProofKind; skip: boolean }[] = [
  { kind: "hardhat", proofs: "blob", skip: false },
  { kind: "anvil", proofs: "cell", skip: !hasAnvil() },
];

for (const { kind, proofs, skip } of CHAINS) {
  describe(`batches in blobs on ${kind}`, { skip: skip ? "Anvil is not installed" : false }, () => {
    const kzg = new Kzg();
    let stack: LocalStack;
    let beacon: FakeBeacon;
    let spec: ModelSpec;
    let operator: LocalOperator;
    let liar: DishonestOperator;

    before(async () => {
      stack = await startLocalStack(0, kind);
      beacon = await startFakeBeacon(stack.chain.url);
      spec = parseModelSpec(JSON.parse(await readFile(digitModelUrl("spec"), "utf8")));
      operator = localOperator(LIAR_ACCOUNT);
      await enrolOperator(stack, operator, LIAR_STAKE_WEI);
      liar = await DishonestOperator.start(stack, operator, spec);
    });

    after(async () => {
      kzg.close();
      await liar?.stop();
      await beacon?.close();
      await stack?.chain.close();
    });

    it("are checked from the blobs alone, whoever is down, and kept when the network drops them", async () => {
      const config = await localConfig(stack, ({ chain, commit }) => {
        chain.rpcUrls = [beacon.rpcUrl];
        Object.assign(commit, { maxAgeSeconds: 1, availability: "blob" });
        commit.blobs.proofs = proofs;
      });
      const honest = await startRelayer(config, { logger: silentLogger });
      try {
        const claims = [await askFor(honest.url, 1, "window"), await askFor(honest.url, 2, "window")];
        for (const claimId of claims) await committed(honest.url, claimId);
      } finally {
        await honest.stop();
      }
      assert.ok(beacon.kept.size > 0, "the commits carried blobs");

      const wrong = await commitInBlobs([await liar.claim(11, 0), await liar.claim(12, 1)]);
      const archive = await freshFolder();
      const tower = await startWatchtower(await towerOf("auto", archive), silentLogger);
      try {
        await eventually(
          "the lie to be challenged",
          async () => ((await statusOf(wrong, 1)) === STATUS.Challenged ? true : undefined),
          SECONDS,
        );
        await allChecked(tower);
      } finally {
        await tower.stop();
      }

      beacon.prune();
      const late = await startWatchtower(await towerOf("manual", archive), silentLogger);
      try {
        await allChecked(late);
      } finally {
        await late.stop();
      }
    });

    it("are withheld where a blob is missing or another, and have to be shown on demand", async () => {
      const missing = await commitInBlobs([await liar.claim(21, 0)]);
      beacon.prune();
      const before = new Set(beacon.kept.keys());
      const other = await commitInBlobs([await liar.claim(22, 0)]);
      for (const hash of beacon.kept.keys()) if (!before.has(hash)) beacon.corrupt(hash);
      // The network has blobs, but of something else: an operator cannot pass junk for its data.
      const junk = await commitInBlobs([await liar.claim(23, 0)], [await liar.claim(24, 0)]);
      const tower = await startWatchtower(await towerOf("auto", await freshFolder()), silentLogger);
      try {
        const errors = await eventually(
          "all three to be found withheld",
          async () => {
            const rows = await tower.ledger
              .selectFrom("watched")
              .select(["batch_id", "error"])
              .where("tries", ">", 0)
              .where("state", "=", "pending")
              .execute();
            const found = new Map(rows.map((row) => [row.batch_id, row.error]));
            const codes = [missing, other, junk].map(({ batchId }) => found.get(batchId));
            return codes.every(Boolean) ? codes : undefined;
          },
          SECONDS,
        );
        // What the operator's own server says, who was asked last.
        assert.deepEqual(errors, ["MT-WATCH-001", "MT-WATCH-001", "MT-WATCH-001"]);
        await stack.chain.moveTo((await stack.chain.now()) + (CHALLENGE_WINDOW_SECONDS * 9) / 10);
        for (const batch of [missing, other, junk]) {
          await eventually(
            "the demand",
            async () => ((await statusOf(batch, 0)) === STATUS.Challenged ? true : undefined),
            SECONDS,
          );
        }
      } finally {
        await tower.stop();
      }
    });

    /** Every claim of both operators was computed anew. */
    async function allChecked({ ledger }: RunningWatchtower): Promise<void> {
      await eventually(
        "every claim to be computed anew",
        async () => ((await readCoverage(ledger)).reExecuted === 4 ? true : undefined),
        SECONDS,
      );
    }

    async function committed(url: string, claimId: Hex): Promise<void> {
      await eventually(
        "a commit",
        () => untilStatus(stack, url, claimId, "Committed").catch(() => undefined),
        SECONDS,
      );
    }

    /** The liar's commit; what its blobs hold may be other claims than those of the batch. */
    async function commitInBlobs(
      claims: readonly MadeClaim[],
      shown: readonly MadeClaim[] = claims,
    ): Promise<MadeBatch> {
      const provider = new JsonRpcProvider(beacon.rpcUrl, undefined, { batchMaxCount: 1 });
      const sender = operator.sender.connect(provider);
      const send = async (header: BatchHeader) => {
        const oldest = shown.map(({ receipt }) => receipt.claim.servedAt).reduce((a, b) => (a < b ? a : b));
        const packed = packBlobs(
          await encodeBatch(
            { ...header, oldestServedAt: oldest },
            shown.map(({ receipt, opening }) => ({ ...receipt, opening })),
          ),
        );
        const blobs = [];
        for (const blob of packed) {
          const { commitment, proofs: bytes } = await kzg.seal(blob, proofs);
          blobs.push({ data: hexOf(blob), commitment: hexOf(commitment), proof: hexOf(bytes) });
        }
        const transaction = Transaction.from({
          ...{ type: 3, chainId: stack.domain.chainId, nonce: await sender.getNonce(), gasLimit: 500_000n },
          ...{ maxFeePerGas: 10n ** 11n, maxPriorityFeePerGas: 10n ** 9n, maxFeePerBlobGas: 10n ** 9n },
          ...{
            to: stack.domain.settlement,
            data: SETTLEMENT_INTERFACE.encodeFunctionData("commit", [header]),
          },
          ...{ blobs, ...(proofs === "cell" ? { blobWrapperVersion: 1 } : {}) },
        });
        transaction.signature = sender.signingKey.sign(transaction.unsignedHash);
        const hash = (await provider.send("eth_sendRawTransaction", [transaction.serialized])) as string;
        const mined = await eventually("the commit", async () => {
          return (await provider.getTransactionReceipt(hash)) ?? undefined;
        });
        assert.equal(mined.status, 1);
      };
      try {
        return await liar.commit(claims, false, send);
      } finally {
        provider.destroy();
      }
    }

    async function towerOf(mode: "auto" | "manual", archiveFolder: string) {
      const blobs = { beaconUrl: beacon.beaconUrl, archiveFolder };
      return towerConfig(stack, await freshFolder(), TOWER_ACCOUNT, { mode, blobs });
    }

    async function statusOf(batch: MadeBatch, index: number): Promise<number> {
      const claim = batch.claims[index]?.receipt.claim;
      assert.ok(claim);
      const { settlement } = stack.deployment;
      return Number(await settlement.statusOf(batch.header, claim, index, proofOf(batch, index, stack)));
    }
  });
}

function hexOf(bytes: Uint8Array): Hex {
  return `0x${Buffer.from(bytes).toString("hex")}`;
}
