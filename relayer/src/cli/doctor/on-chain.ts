// SPDX-License-Identifier: GPL-3.0-or-later

import { type Address, type Hex, ZERO_ADDRESS } from "@meantime/sdk/hex";
import { bindRegistry, publicEnclaveKey, standingOf } from "../../attest/registry.ts";
import type { Contracts } from "../../chain/contracts.ts";
import type { Rpc } from "../../chain/rpc.ts";
import type { RelayerConfig } from "../../config/load.ts";
import { TYPICAL_GAS } from "../../ops/balances.ts";
import type { ServedPolicy } from "../../services.ts";
import { OPERATOR_LANES, type OperatorLane, type Signers } from "../../signers/open.ts";
import { KINDS } from "../../tx/kinds.ts";
import { type Finding, fail, ok, warn } from "./check.ts";

const WARN_TRANSACTIONS = 200n;
const WARN_SKEW_SECONDS = 15;
const STALE_HEAD_SECONDS = 180;
/** Where nothing renews it, a human needs the time. */
const WARN_EXPIRY_SECONDS = 14 * 86_400;

/** What checks of the operator's standing ask. */
export interface ChainChecks {
  config: RelayerConfig;
  rpc: Rpc;
  contracts: Contracts;
  policies: readonly ServedPolicy[];
  signers: Signers;
}

/**
 * The wall clock against the latest block's time. The relayer goes by the chain where its clock is behind; where it is
 * ahead, it makes receipts that cannot be committed yet.
 */
export function judgeClock(wallSeconds: number, blockSeconds: number): Finding {
  const ahead = Math.round(wallSeconds - blockSeconds);
  if (ahead < -WARN_SKEW_SECONDS) {
    return warn(
      `the clock is ${-ahead} s behind the latest block`,
      "Synchronise it (chrony, systemd-timesyncd).",
    );
  }
  return ahead > STALE_HEAD_SECONDS
    ? warn(
        `the latest block is ${ahead} s old`,
        "Either the clock is ahead, or the node has lost its peers; compare with another node.",
      )
    : ok(`the latest block is ${Math.max(ahead, 0)} s old`);
}

/** Lanes that send what the contracts take from the operator's senders alone. */
const AUTHORISED_LANES = OPERATOR_LANES.filter((lane) =>
  Object.values(KINDS).some((kind) => kind.lane === lane && kind.from === "sender"),
);

/** Whether the senders may act and the receipt key binds, for every policy served. */
export async function checkAuthority({
  config,
  contracts,
  policies,
  signers,
}: ChainChecks): Promise<Finding[]> {
  const { address } = config.operator;
  const { settlement, receipts } = contracts;
  const perSender = policies.flatMap(({ name, id }) =>
    sendersWithLanes(signers, AUTHORISED_LANES).map(async ({ sender, lanes }): Promise<Finding> => {
      const what = `${name}: ${sender} (${lanes.join(", ")})`;
      return (await settlement.isSender(address, sender, id))
        ? ok(`${what} is a sender of ${address}`)
        : fail(`${what} is no sender of ${address}`, "The operator calls Settlement.setSender.");
    }),
  );
  const perPolicy = policies.map(async ({ name, id }): Promise<Finding> => {
    const acceptedAt = await receipts.acceptedAtOf(address, id);
    return acceptedAt === 0n
      ? fail(`${name}: receipts do not bind ${address}`, "The operator calls Receipts.acceptPolicies.")
      : ok(`${name}: receipts bind since ${acceptedAt}`);
  });
  return Promise.all([...perSender, ...perPolicy, receiptKey({ contracts, signers }, address)]);
}

async function receiptKey(
  { contracts, signers }: Pick<ChainChecks, "contracts" | "signers">,
  operator: Address,
): Promise<Finding> {
  const key = signers.receipts.address;
  const { validFrom, validUntil } = await contracts.receipts.receiptKeyOf(operator, key);
  if (validFrom === 0n) return fail(`${key} is no receipt key`, "The operator calls Receipts.addReceiptKey.");
  return validUntil === FOR_EVER
    ? ok(`receipt key ${key} is valid since ${validFrom}`)
    : fail(`receipt key ${key} was revoked at ${validUntil}`, "Make a new key; the operator adds it.");
}

/** Whether the senders can pay for what they may have to send. */
export async function checkBalances({ config, rpc, signers }: ChainChecks): Promise<Finding[]> {
  const { maxFeePerGas, gasPrice } = await rpc.getFeeData();
  const feeWei = maxFeePerGas ?? gasPrice ?? 0n;
  const challenger = signers.challenger ? [{ sender: signers.challenger.address, lanes: ["challenge"] }] : [];
  const senders = [...sendersWithLanes(signers, OPERATOR_LANES), ...challenger];
  return Promise.all(
    senders.map(async ({ sender, lanes }) =>
      judgeBalance(
        sender,
        await rpc.getBalance(sender),
        feeWei,
        config.fees.floorTransactions,
        lanes.join(", "),
      ),
    ),
  );
}

/** Every key once, with the lanes that it sends for. */
function sendersWithLanes(
  { senders }: Signers,
  lanes: readonly OperatorLane[],
): { sender: Address; lanes: readonly OperatorLane[] }[] {
  return [...new Set(lanes.map((lane) => senders[lane].address))].map((sender) => ({
    sender,
    lanes: lanes.filter((lane) => senders[lane].address === sender),
  }));
}

/** The verdict on a balance, in typical transactions at the present fee. */
export function judgeBalance(
  address: Address,
  balanceWei: bigint,
  feeWei: bigint,
  floorTransactions: number,
  lanes: string,
): Finding {
  const worth = feeWei === 0n ? WARN_TRANSACTIONS : balanceWei / (feeWei * TYPICAL_GAS);
  const detail = `${address} (${lanes}) can pay for ${worth} transactions`;
  const todo = `Send ether to ${address}.`;
  if (worth < floorTransactions) return fail(detail, todo);
  return worth < WARN_TRANSACTIONS ? warn(detail, todo) : ok(detail);
}

/** Whether the stake carries at least one more claim of every policy. */
export async function checkStake({ config, contracts, policies }: ChainChecks): Promise<Finding[]> {
  return Promise.all(
    policies.map(async ({ name, terms: { bondToken, claimBondWei } }): Promise<Finding> => {
      const { stakeWei, lockedWei, lockableBps, suspended } = await contracts.settlement.operatorOf(
        config.operator.address,
        bondToken,
      );
      const unit = bondToken === ZERO_ADDRESS ? "wei" : `units of ${bondToken}`;
      const free = (stakeWei * lockableBps) / 10_000n - lockedWei;
      const claims = claimBondWei === 0n ? 0n : free / claimBondWei;
      if (suspended) {
        return fail(
          `${name}: the operator lost a bond and is suspended`,
          "Find out why, then Settlement.resume.",
        );
      }
      return free < claimBondWei
        ? fail(
            `${name}: ${free} ${unit} free, a claim locks ${claimBondWei}`,
            "Stake more: `meantime bond deposit`.",
          )
        : ok(`${name}: ${stakeWei} ${unit} staked, ${lockedWei} locked, room for ${claims} claims`);
    }),
  );
}

/** How long the enclave's key still counts. */
export async function checkEnclave({ config, rpc }: Pick<ChainChecks, "config" | "rpc">): Promise<Finding> {
  const { enclaveKey } = config.operator;
  const { enclaveEvidence } = config.chain;
  if (!enclaveKey || !enclaveEvidence) return ok("no enclave is configured");
  const key = await standingOf(bindRegistry(enclaveEvidence, rpc), publicEnclaveKey(enclaveKey));
  const head = await rpc.getBlock("latest");
  const todo = "`meantime enclave doctor` says why; `meantime enclave register` has it attested.";
  if (key.number === 0) return fail(`the enclave's key ${key.keyId} is not registered`, todo);
  if (key.isRevoked) {
    return fail(`the enclave's key ${key.keyId} was revoked for ever`, "Make a new key in the enclave.");
  }
  if (key.measurement === undefined)
    return fail(`the enclave's key ${key.keyId} attests nothing any more`, todo);
  return judgeExpiry(key.keyId, key.expiresAt - (head?.timestamp ?? 0), config.enclave?.renewBeforeSeconds);
}

/** The verdict on the seconds that a key still attests for. @param renewBeforeSeconds undefined: nothing renews it */
export function judgeExpiry(keyId: Hex, seconds: number, renewBeforeSeconds: number | undefined): Finding {
  const todo =
    "`meantime enclave doctor` says whether it can be attested anew; `meantime enclave register` does it.";
  if (seconds <= 0) return fail(`the enclave's key ${keyId} has expired`, todo);
  const detail = `the enclave's key ${keyId} attests for ${(seconds / 3_600).toFixed(1)} more hours`;
  // A relayer that renews has half of that time for attempts that fail.
  const few = renewBeforeSeconds === undefined ? WARN_EXPIRY_SECONDS : renewBeforeSeconds / 2;
  return seconds < few ? warn(detail, todo) : ok(detail);
}

/** How Receipts writes "until revoked". */
const FOR_EVER = 2n ** 40n - 1n;
