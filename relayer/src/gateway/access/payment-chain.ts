// SPDX-License-Identifier: GPL-3.0-or-later

import type { Hex } from "@meantime/sdk/hex";
import type { PaymentPayload, PaymentRequirements } from "@x402/core/types";
import { Interface, type Log, toBeHex, zeroPadValue } from "ethers";
import { connectRpc, type Rpc } from "../../chain/rpc.ts";
import type { X402Config } from "../../config/access.ts";
import type { Logger } from "../../ops/logger.ts";

/** What the payment's own chain says of a payment. */
export type Fate =
  /** The authorisation was used, and the payee has the money. Whoever sent it. */
  | { outcome: "paid"; transaction: Hex }
  /** It was not and will not be. `isFinal`: no reorganisation that has to be reckoned with changes that. */
  | { outcome: "void"; reason: string; isFinal: boolean }
  /** Nobody has used it yet, and somebody may. */
  | { outcome: "open" }
  | { outcome: "unknown"; reason: string };

/** The chain on which payments are made, as far as it tells what became of one. */
export interface PaymentChain {
  /**
   * What became of an authorisation. Does not throw, and does not take longer than the facilitator may.
   *
   * @param sinceSeconds unix seconds at which it was certainly unused
   */
  fateOf(payload: PaymentPayload, requirements: PaymentRequirements, sinceSeconds: number): Promise<Fate>;
}

/** What is asked of a node. */
type Node = Pick<Rpc, "getBlock" | "call" | "getLogs" | "getTransactionReceipt">;

/** A block of the chain, as far as it counts here. */
interface Head {
  number: number;
  timestamp: number;
}

/** What was to be paid, and what for it is spent. Hex in lower case. */
interface Authorization {
  asset: string;
  from: string;
  to: string;
  value: bigint;
  /** 32 bytes. */
  nonce: Hex;
  validBefore: bigint;
}

interface Transfer {
  from: string;
  to: string;
  value: bigint;
}

const TOKEN = new Interface([
  "function authorizationState(address authorizer, bytes32 nonce) view returns (bool)",
  "event AuthorizationUsed(address indexed authorizer, bytes32 indexed nonce)",
  "event AuthorizationCanceled(address indexed authorizer, bytes32 indexed nonce)",
  "event Transfer(address indexed from, address indexed to, uint256 value)",
]);
const [USED, CANCELED, TRANSFER] = ["AuthorizationUsed", "AuthorizationCanceled", "Transfer"].map(
  (name) => TOKEN.getEvent(name)?.topicHash ?? "",
);

/** Providers serve logs of so many blocks at once. */
const BLOCKS_AT_ONCE = 500;
const MOST_BLOCKS = 100_000;
const FIRST_STEP_BLOCKS = 256;
/** What is older than this on its chain stays. */
const FINAL_SECONDS = 300;

/** Asks the nodes of the configuration. Undefined: it names none. */
export function connectPaymentChain(config: X402Config, logger: Logger): PaymentChain | undefined {
  const { rpcUrls, network, facilitatorTimeoutMilliseconds } = config;
  if (!rpcUrls) return undefined;
  const chainId = Number(network.slice("eip155:".length));
  return createPaymentChain(
    config,
    connectRpc(rpcUrls, chainId, logger, Math.min(facilitatorTimeoutMilliseconds, 10_000)),
  );
}

/**
 * Reads what EIP-3009 lets everybody read: whether a nonce is spent, by which event, and what moved with it.
 *
 * A spent nonce alone says nothing. Its payer may have cancelled it, or have spent it on another authorisation under the same
 * nonce, and other transfers may stand in the same transaction. The EIP's reference implementation, and USDC, log
 * `AuthorizationUsed` and at once the `Transfer` that it was for; what looks different is not judged.
 */
export function createPaymentChain(
  { network, facilitatorTimeoutMilliseconds }: Pick<X402Config, "network" | "facilitatorTimeoutMilliseconds">,
  node: Node,
): PaymentChain {
  async function look(
    payload: PaymentPayload,
    requirements: PaymentRequirements,
    sinceSeconds: number,
  ): Promise<Fate> {
    const authorization = authorizationOf(payload, requirements);
    if (!authorization) return { outcome: "unknown", reason: "it is no authorisation of EIP-3009" };
    if (requirements.network !== network) return { outcome: "unknown", reason: "it is on another chain" };
    const head = await node.getBlock("latest");
    if (!head) return { outcome: "unknown", reason: "the payments' chain has no latest block" };
    if (!(await isSpent(authorization, head))) {
      return BigInt(head.timestamp - FINAL_SECONDS) >= authorization.validBefore
        ? { outcome: "void", reason: "it expired unused", isFinal: true }
        : { outcome: "open" };
    }
    const spending = await findSpending(authorization, head, sinceSeconds);
    if (!spending) return { outcome: "unknown", reason: "its nonce is spent, and no event says by what" };
    if (spending.topics[0] === USED) return judge(spending, authorization, head);
    return { outcome: "void", reason: "its payer cancelled it", isFinal: await isFinal(spending, head) };
  }

  async function isSpent({ asset, from, nonce }: Authorization, { number }: Head): Promise<boolean> {
    const data = TOKEN.encodeFunctionData("authorizationState", [from, nonce]);
    const result = await node.call({ to: asset, data, blockTag: number });
    const [isSpent] = TOKEN.decodeFunctionResult("authorizationState", result);
    return isSpent === true;
  }

  async function findSpending(
    { asset, from, nonce }: Authorization,
    head: Head,
    sinceSeconds: number,
  ): Promise<Log | undefined> {
    const topics = [[USED ?? "", CANCELED ?? ""], zeroPadValue(from, 32), nonce];
    const first = Math.max(await blockBefore(head, sinceSeconds), head.number - MOST_BLOCKS);
    for (let fromBlock = first; fromBlock <= head.number; fromBlock += BLOCKS_AT_ONCE) {
      const toBlock = Math.min(fromBlock + BLOCKS_AT_ONCE - 1, head.number);
      const [found] = await node.getLogs({ address: asset, topics, fromBlock, toBlock });
      if (found) return found;
    }
    return undefined;
  }

  /** A block that is not later. */
  async function blockBefore(head: Head, seconds: number): Promise<number> {
    let block = head;
    for (let step = FIRST_STEP_BLOCKS; block.number > 0 && block.timestamp > seconds; step *= 2) {
      const number = Math.max(0, block.number - step);
      const earlier = await node.getBlock(number);
      if (!earlier) throw new TypeError(`the payments' chain has no block ${number}`);
      block = earlier;
    }
    return block.number;
  }

  async function judge(used: Log, { asset, from, to, value }: Authorization, head: Head): Promise<Fate> {
    const transaction = used.transactionHash as Hex;
    const receipt = await node.getTransactionReceipt(transaction);
    const logs = receipt?.logs.filter((log) => log.address.toLowerCase() === asset) ?? [];
    const place = logs.findIndex((log) => log.index === used.index);
    const moved = logs.map(transferIn);
    const next = place < 0 ? undefined : moved[place + 1];
    const isToPayee = (transfer: Transfer | undefined) => transfer?.from === from && transfer.to === to;
    if (next && isToPayee(next) && next.value >= value) return { outcome: "paid", transaction };
    const isOfAnother = (at: number) => at - 1 !== place && logs[at - 1]?.topics[0] === USED;
    const mayBeOurs = moved.some((transfer, at) => isToPayee(transfer) && !isOfAnother(at));
    if (mayBeOurs || next?.from !== from) {
      return { outcome: "unknown", reason: `what it paid for cannot be told: ${transaction}` };
    }
    return {
      ...{ outcome: "void", reason: "its payer spent its nonce on another payment" },
      isFinal: await isFinal(used, head),
    };
  }

  async function isFinal({ blockNumber }: Log, head: Head): Promise<boolean> {
    const block = await node.getBlock(blockNumber);
    return block !== null && head.timestamp - block.timestamp >= FINAL_SECONDS;
  }

  return {
    async fateOf(payload, requirements, sinceSeconds) {
      const { promise: late, resolve } = Promise.withResolvers<Fate>();
      const timer = setTimeout(
        () => resolve({ outcome: "unknown", reason: "the payments' chain does not answer in time" }),
        facilitatorTimeoutMilliseconds,
      );
      try {
        return await Promise.race([look(payload, requirements, sinceSeconds), late]);
      } catch (error) {
        return { outcome: "unknown", reason: error instanceof Error ? error.message : String(error) };
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

function authorizationOf(
  { payload }: PaymentPayload,
  { asset, payTo, amount }: PaymentRequirements,
): Authorization | undefined {
  const { authorization } = payload as { authorization?: Record<"from" | "nonce" | "validBefore", string> };
  if (!authorization) return undefined;
  const { from, nonce, validBefore } = authorization;
  return {
    ...{ asset: asset.toLowerCase(), from: from.toLowerCase(), to: payTo.toLowerCase() },
    ...{ value: BigInt(amount), nonce: toBeHex(BigInt(nonce), 32) as Hex, validBefore: BigInt(validBefore) },
  };
}

function transferIn({ topics, data }: Log): Transfer | undefined {
  if (topics[0] !== TRANSFER || topics.length !== 3) return undefined;
  const [from, to, value] = TOKEN.decodeEventLog("Transfer", data, topics);
  return { from: String(from).toLowerCase(), to: String(to).toLowerCase(), value: BigInt(value) };
}
