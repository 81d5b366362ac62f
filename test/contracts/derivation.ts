// SPDX-License-Identifier: MIT
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Address, Hex } from "@meantime/sdk/hex";
import { type ContractName, INTERFACES } from "../../relayer/src/audit/events.ts";
import { emptyRecord } from "../../relayer/src/audit/record.ts";
import { replay } from "../../relayer/src/audit/replay.ts";
import { standingOf } from "../../relayer/src/audit/standing.ts";
import { decodeLog } from "../../relayer/src/chain/follow.ts";
import { statusAt } from "../../relayer/src/indexer/api/standing.ts";
import { ruleOf } from "../../relayer/src/indexer/terms.ts";
import { advance } from "../../relayer/src/ledger/chain-facts.ts";
import { deriveStatus } from "../../relayer/src/ledger/claim-status.ts";
import { type Ledger, openLedger } from "../../relayer/src/ledger/ledger.ts";
import { asAddress, ethers, type World } from "./fixture.ts";

/** What off-chain readers make of the chain's events. */
export interface Derivation {
  /** Reads the events up to the latest block. */
  follow(): Promise<void>;
  claim(batchId: Hex, index: number): Promise<DerivedClaim>;
  close(): Promise<void>;
}

/** One claim, as each reader has it. */
export interface DerivedClaim {
  at(nowSeconds: number): Record<"ledger" | "index" | "audit", Told>;
}

/** A status, and when the claim is final; the audit tells that of final claims alone. */
interface Told {
  status: string;
  finalAt: number | null;
}

/** Readers of the world's contracts, from its first block on. */
export async function startDerivation(world: World): Promise<Derivation> {
  const folder = await mkdtemp(join(tmpdir(), "meantime-derivation-"));
  const ledger = await openLedger({ file: join(folder, "ledger.sqlite") });
  const contracts = new Map<Address, ContractName>([
    [asAddress(await world.settlement.getAddress()), "settlement"],
    [asAddress(await world.policies.getAddress()), "policies"],
  ]);
  const emitters = new Map([...contracts].map(([address, name]) => [address, INTERFACES[name]]));
  const record = emptyRecord();
  let readUpTo = -1;
  return {
    follow: async () => {
      const head = await ethers.provider.getBlockNumber();
      const range = { fromBlock: readUpTo + 1, toBlock: head };
      for (const log of await ethers.provider.getLogs({ address: [...contracts.keys()], ...range })) {
        const block = await blockAt(log.blockNumber);
        const event = decodeLog(emitters, log, block.timestamp);
        const address = asAddress(log.address);
        const contract = contracts.get(address);
        const parsed = contract && INTERFACES[contract].parseLog(log);
        if (!event || !parsed) throw new Error(`no event: ${log.topics[0]}`);
        await advance(ledger, [event], { number: log.blockNumber, hash: block.hash });
        const place = { blockNumber: log.blockNumber, logIndex: log.index, txHash: event.txHash };
        const pinned = { ...place, address, topics: [], data: "0x" as Hex, blockTime: block.timestamp };
        replay(record, { contract, name: parsed.name, args: parsed.args, log: pinned }, world.domain);
      }
      readUpTo = head;
    },
    claim: async (batchId, index) => {
      const row = await rowOf(ledger, batchId, index);
      const batch = record.batches.get(batchId);
      const policy = batch && record.policies.get(batch.header.policyId)?.policy;
      if (!policy) throw new Error(`no batch ${batchId}`);
      const rule = await ruleOf(ledger, batch.header.policyId);
      return {
        at: (nowSeconds) => {
          const audit = standingOf(batch, batch.leaves.get(index), policy, nowSeconds);
          return {
            ledger: deriveStatus(row.ledger, rule, nowSeconds),
            index: statusAt(row.index, nowSeconds),
            audit: { status: audit.status, finalAt: audit.finalAt ?? null },
          };
        },
      };
    },
    close: async () => {
      await ledger.close();
      await rm(folder, { recursive: true });
    },
  };
}

async function rowOf(ledger: Ledger, batchId: Hex, index: number) {
  const batch = await ledger
    .selectFrom("chain_batches as b")
    .innerJoin("index_batches as i", "i.batch_id", "b.batch_id")
    .leftJoin("chain_leaves as c", (join) =>
      join.onRef("c.batch_id", "=", "b.batch_id").on("c.leaf_index", "=", index),
    )
    .leftJoin("index_leaves as l", (join) =>
      join.onRef("l.ordinal", "=", "i.ordinal").on("l.leaf_index", "=", index),
    )
    .select(["b.committed_at", "b.final_at", "b.attested_at", "c.state", "c.kinds", "c.changed_at"])
    .select(["c.final_at as leaf_final_at", "i.standing", "i.final_at as index_final_at"])
    .select(["l.standing as leaf_standing", "l.final_at as index_leaf_final_at"])
    .where("b.batch_id", "=", batchId)
    .executeTakeFirstOrThrow();
  const { standing, leaf_standing, index_final_at, index_leaf_final_at } = batch;
  return {
    ledger: batch,
    index: {
      ...{ standing, leaf_standing, final_at: index_final_at, leaf_final_at: index_leaf_final_at },
      stray: null,
    },
  };
}

async function blockAt(number: number): Promise<{ hash: Hex; timestamp: number }> {
  const block = await ethers.provider.getBlock(number);
  if (!block?.hash) throw new Error(`no block ${number}`);
  return { hash: block.hash as Hex, timestamp: block.timestamp };
}
