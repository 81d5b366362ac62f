// SPDX-License-Identifier: MIT
import { type Address, type Hex, keccak256 } from "@meantime/sdk/hex";
import { Transaction } from "ethers";
import type { Rpc } from "../../relayer/src/chain/rpc.ts";
import type { Verdict } from "../../relayer/src/tx/context.ts";

/** Confirmations that the outbox under test waits for. */
export const CONFIRMATIONS = 3;
/** No reorganisation goes deeper. */
export const FINAL_DEPTH = 8;
const GWEI = 10n ** 9n;
const TIP_WEI = GWEI;
export const HIGHEST_BASE_FEE_WEI = 200n * GWEI;
const MAX_PER_BLOCK = 3;
const BLOCK_SECONDS = 12;

/** A lie or failure that the next fitting call meets. */
export type Fault =
  | "sendLost"
  | "sendFailsAfterAcceptance"
  | "sendRefused"
  | "noReceipt"
  | "noTransaction"
  | "highCount"
  | "lowCount"
  | "highHead"
  | "timeout"
  | "estimateReverts";

interface PoolTransaction {
  hash: Hex;
  nonce: number;
  /** What it does: the intent's key; undefined for a transfer to oneself, or another program's transaction. */
  key: string | undefined;
  maxFeeWei: bigint;
  tipWei: bigint;
  isForeign: boolean;
}

interface FakeBlock {
  hash: Hex;
  transactions: { transaction: PoolTransaction; status: 0 | 1 }[];
  baseFeeWei: bigint;
  /** What others have done, or made impossible. */
  ended: { key: string; verdict: "done" | "moot" }[];
}

/** A chain with one sender's mempool, which forgets, lags, lies and reorganises when it is told to. */
export class FakeChain {
  readonly sender: Address;
  /** Called with every signed transaction that arrives. */
  onArrival: (transaction: Transaction) => Promise<void> = async () => undefined;
  /** How often each fault was met. */
  readonly met = new Map<string, number>();
  blocks: FakeBlock[] = [];
  pool: PoolTransaction[] = [];
  lag = 0;
  isFunded = true;
  /** Calls that revert in the next block they are in. */
  readonly reverting = new Set<string>();
  #faults: Fault[] = [];
  #endedNext: FakeBlock["ended"] = [];
  #salt = 0;
  #baseFeeWei = 10n * GWEI;

  constructor(sender: Address) {
    this.sender = sender;
    for (let at = 0; at <= FINAL_DEPTH; at++) this.mine();
  }

  get head(): number {
    return this.blocks.length - 1;
  }

  /** Orders one fault. */
  arm(fault: Fault): void {
    this.#faults.push(fault);
  }

  /** From here on everything works. */
  heal(): void {
    this.#faults = [];
    this.reverting.clear();
    this.lag = 0;
    this.isFunded = true;
  }

  note(what: string): void {
    this.met.set(what, (this.met.get(what) ?? 0) + 1);
  }

  /** Blocks that others fill. */
  congest(blocks: number): void {
    for (let at = 0; at < blocks; at++) this.mine(true);
  }

  moveBaseFee(percent: number): void {
    const moved = (this.#baseFeeWei * BigInt(percent)) / 100n;
    this.#baseFeeWei = moved < GWEI ? GWEI : moved > HIGHEST_BASE_FEE_WEI ? HIGHEST_BASE_FEE_WEI : moved;
  }

  /** The next block ends an intent without us. */
  endByOthers(key: string, verdict: "done" | "moot"): void {
    this.#endedNext.push({ key, verdict });
  }

  mine(isEmpty = false): void {
    const transactions: FakeBlock["transactions"] = [];
    let nonce = this.countAt(this.head);
    while (!isEmpty && transactions.length < MAX_PER_BLOCK) {
      const transaction = this.pool.find((candidate) => candidate.nonce === nonce);
      if (!transaction || transaction.maxFeeWei < this.#baseFeeWei) break;
      // Once: in another block, the same call has its effect.
      const status = transaction.key !== undefined && this.reverting.delete(transaction.key) ? 0 : 1;
      if (status === 0) this.note("reverted");
      transactions.push({ transaction, status });
      nonce += 1;
    }
    this.pool = this.pool.filter((transaction) => transaction.nonce >= nonce);
    const hash = keccak256(`0x${(++this.#salt).toString(16).padStart(64, "0")}`);
    this.blocks.push({ hash, transactions, baseFeeWei: this.#baseFeeWei, ended: this.#endedNext });
    this.#endedNext = [];
  }

  /** Forgets what the pool holds from a nonce on, as full pools do. */
  evict(offset: number): void {
    const nonce = this.countAt(this.head) + offset;
    if (this.pool.some((transaction) => transaction.nonce >= nonce)) this.note("evicted");
    this.pool = this.pool.filter((transaction) => transaction.nonce < nonce);
  }

  /** Another branch wins, one block longer. What the lost blocks held goes back to the pool, or is forgotten. */
  reorganise(depth: number, keeps: boolean): void {
    const lost = this.blocks.splice(this.blocks.length - depth);
    const back = lost.flatMap((block) => block.transactions.map(({ transaction }) => transaction));
    if (back.length > 0) this.note(depth >= CONFIRMATIONS ? "deepReorg" : "shallowReorg");
    if (keeps) {
      this.pool = [...back, ...this.pool.filter(({ nonce }) => !back.some((other) => other.nonce === nonce))];
    }
    for (let at = 0; at <= depth; at++) this.mine(true);
  }

  /** Somebody else uses the key: the present pool's nonce is taken away from us. */
  takeNonce(): void {
    const nonce = this.countAt(this.head);
    const hash = keccak256(`0x${(++this.#salt).toString(16).padStart(62, "0")}ff`);
    if (this.pool.some((transaction) => transaction.nonce === nonce)) this.note("nonceTaken");
    const maxFeeWei = HIGHEST_BASE_FEE_WEI;
    this.pool = this.pool.filter((transaction) => transaction.nonce !== nonce);
    this.pool.push({ hash, nonce, key: undefined, maxFeeWei, tipWei: TIP_WEI, isForeign: true });
    this.mine();
  }

  countAt(height: number): number {
    return this.blocks
      .slice(0, height + 1)
      .reduce((count, { transactions }) => count + transactions.length, 0);
  }

  /** How often the chain has done, at our request, what an intent asks for. */
  executions(key: string, height = this.head): number {
    return this.blocks
      .slice(0, height + 1)
      .flatMap(({ transactions }) => transactions)
      .filter(({ transaction, status }) => transaction.key === key && status === 1).length;
  }

  /** What a node that is `lag` behind says about an intent: as the relayer's predicates, at the head and confirmed. */
  verdict(key: string): Verdict {
    const at = (height: number): Verdict => {
      const ended = this.blocks.slice(0, height + 1).flatMap((block) => block.ended);
      const end = ended.find((other) => other.key === key);
      return this.executions(key, height) > 0 ? "done" : (end?.verdict ?? "needed");
    };
    const atHead = at(this.head - this.lag);
    if (atHead === "needed") return atHead;
    return at(this.head - this.lag - (CONFIRMATIONS - 1)) === atHead ? atHead : "later";
  }

  /** What the outbox uses of {@link Rpc}; `boundary` is awaited before and after every answer. */
  rpc(boundary: () => Promise<void>): Rpc {
    const asked = async <Answer>(answer: () => Answer | Promise<Answer>): Promise<Answer> => {
      await boundary();
      if (this.#meets("timeout")) throw new Error("the request timed out");
      const value = await answer();
      await boundary();
      return value;
    };
    const view = () => this.head - this.lag;
    const face = {
      getBlockNumber: () => asked(() => view() + (this.#meets("highHead") ? 5 : 0)),
      getTransactionCount: (_sender: string, tag: number | "latest") =>
        asked(() => this.#countAsTold(tag === "latest" ? view() : tag)),
      getTransactionReceipt: (hash: Hex) => asked(() => this.#receipt(hash, view())),
      getTransaction: (hash: Hex) => asked(() => this.#find(hash, view())),
      getBlock: (tag: number | "latest" | "finalized") =>
        asked(() =>
          this.#block(tag === "latest" ? view() : tag === "finalized" ? view() - FINAL_DEPTH : tag, view()),
        ),
      estimateGas: () =>
        asked(() => {
          if (!this.isFunded) throw poor();
          if (this.#meets("estimateReverts")) throw reverted();
          return 100_000n;
        }),
      call: () => asked(() => "0x"),
      send: (method: string, parameters: unknown[]) =>
        asked(() =>
          method === "eth_sendRawTransaction"
            ? this.#take(String(parameters[0]))
            : `0x${TIP_WEI.toString(16)}`,
        ),
    };
    return face as unknown as Rpc;
  }

  #meets(fault: Fault): boolean {
    const at = this.#faults.indexOf(fault);
    if (at < 0) return false;
    this.#faults.splice(at, 1);
    this.note(fault);
    return true;
  }

  #countAsTold(height: number): number {
    if (height > this.head) throw new Error("header not found");
    const count = this.countAt(height);
    if (this.#meets("highCount")) return count + 2;
    if (this.#meets("lowCount")) return Math.max(0, count - 2);
    return count;
  }

  #receipt(hash: Hex, height: number) {
    for (const [number, block] of this.blocks.slice(0, height + 1).entries()) {
      const found = block.transactions.find(({ transaction }) => transaction.hash === hash);
      if (found && this.#meets("noReceipt")) return null;
      if (found) return { hash, status: found.status, blockNumber: number, blockHash: block.hash };
    }
    return null;
  }

  #find(hash: Hex, height: number): object | null {
    const mined = this.blocks.slice(0, height + 1).flatMap(({ transactions }) => transactions);
    const pooled = this.lag === 0 ? this.pool : [];
    const found = [...pooled, ...mined.map(({ transaction }) => transaction)].find((t) => t.hash === hash);
    if (found && this.#meets("noTransaction")) return null;
    return found ?? null;
  }

  #block(number: number, height: number): object | null {
    const block = number > height ? undefined : this.blocks[number];
    return block
      ? {
          ...{ number, hash: block.hash, baseFeePerGas: block.baseFeeWei },
          timestamp: number * BLOCK_SECONDS,
        }
      : null;
  }

  async #take(raw: string): Promise<Hex> {
    const signed = Transaction.from(raw);
    await this.onArrival(signed);
    const hash = signed.hash as Hex;
    if (this.#meets("sendRefused")) throw new Error("connect ECONNREFUSED");
    if (this.#meets("sendLost")) return hash;
    this.#admit(signed, hash);
    if (this.#meets("sendFailsAfterAcceptance")) throw new Error("socket hang up");
    return hash;
  }

  #admit(signed: Transaction, hash: Hex): void {
    const { nonce, maxFeePerGas, maxPriorityFeePerGas, data } = signed;
    const [maxFeeWei, tipWei] = [maxFeePerGas ?? 0n, maxPriorityFeePerGas ?? 0n];
    if (nonce < this.countAt(this.head)) throw new Error("nonce too low");
    const holder = this.pool.find((transaction) => transaction.nonce === nonce);
    if (holder?.hash === hash) throw new Error("already known");
    if (!this.isFunded) throw poor();
    if (holder && (maxFeeWei * 100n < holder.maxFeeWei * 110n || tipWei * 100n < holder.tipWei * 110n)) {
      this.note("underpriced");
      throw new Error("replacement transaction underpriced");
    }
    const key = data === "0x" ? undefined : data;
    this.pool = this.pool.filter((transaction) => transaction.nonce !== nonce);
    this.pool.push({ hash, nonce, key, maxFeeWei, tipWei, isForeign: false });
  }
}

function poor(): Error {
  return new Error("insufficient funds for gas * price + value");
}

function reverted(): Error {
  return Object.assign(new Error("execution reverted"), { code: "CALL_EXCEPTION", data: "0x" });
}
