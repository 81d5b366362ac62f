// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Hex } from "@meantime/sdk/hex";
import type { Transaction } from "ethers";
import { type Ledger, openLedger } from "../../relayer/src/ledger/ledger.ts";
import { localSigner } from "../../relayer/src/signers/signer.ts";
import type { Predicate } from "../../relayer/src/tx/context.ts";
import { enqueue, findIntent, type Intent } from "../../relayer/src/tx/intents.ts";
import type { IntentKind } from "../../relayer/src/tx/kinds.ts";
import { Outbox } from "../../relayer/src/tx/outbox.ts";
import { CANCELLED } from "../../relayer/src/tx/outcomes.ts";
import { CONFIRMATIONS, FakeChain, type Fault, HIGHEST_BASE_FEE_WEI } from "./fake-chain.ts";
import { freshFolder } from "./local-relayer.ts";
import { OUTBOX_DEFAULTS, predicatesOf } from "./outbox-setup.ts";

/** One thing that happens. */
export type Command =
  | { do: "enqueue" | "step" | "takeNonce" }
  | { do: "mine" | "congest" | "lag"; blocks: number }
  | { do: "evict"; offset: number }
  | { do: "reorganise"; depth: number; keeps: boolean }
  | { do: "end"; which: number; verdict: "done" | "moot" }
  | { do: "revert"; which: number }
  /** The operator gives one up. */
  | { do: "cancel"; which: number }
  | { do: "fund"; on: boolean }
  | { do: "fee"; percent: number }
  /** The process dies at this await boundary, counted from here. */
  | { do: "crash"; after: number }
  | { do: "fault"; fault: Fault };

/** How often each kind of trouble happened. */
export type Met = Map<string, number>;

const KEY = `0x${"42".repeat(32)}` as Hex;
const TARGET = `0x${"c0".repeat(20)}` as Hex;
const MAX_TRANSACTION_GAS = 16_777_216n;
/** Steps within which every intent must have ended once everything works. */
const PATIENCE_STEPS = 40;
const BLOCKS_PER_STEP = 3;
/** A step's pause, longer than any backoff. */
const PAUSE_MILLISECONDS = 60_000;

class CrashError extends Error {}

/** Runs a scenario, then lets everything work, and checks the invariants all the way. */
export async function runScenario(commands: readonly Command[]): Promise<Met> {
  const model = await Model.open();
  try {
    for (const command of commands) await model.run(command);
    await model.finish();
    return model.chain.met;
  } finally {
    await model.close();
  }
}

/** Runs a scenario once for each of its await boundaries, and dies there. @returns how many there are */
export async function checkEveryCrash(commands: readonly Command[]): Promise<number> {
  for (let at = 1; ; at++) {
    const model = await Model.open();
    try {
      model.crashAfter = at;
      for (const command of commands) await model.run(command);
      const hasCrashed = model.chain.met.has("crash");
      await model.finish();
      if (!hasCrashed) return at - 1;
    } catch (error) {
      throw new Error(`with a crash at boundary ${at}`, { cause: error });
    } finally {
      await model.close();
    }
  }
}

class Model {
  readonly chain: FakeChain;
  readonly #file: string;
  readonly #signer = localSigner(KEY);
  #ledger: Ledger;
  #outbox: Outbox;
  #queued = 0;
  #nowMilliseconds = 1_000;
  #isDead = false;
  crashAfter: number | undefined;

  static async open(): Promise<Model> {
    const file = join(await freshFolder(), "ledger.sqlite");
    writeFileSync(file, await emptyLedger());
    return new Model(file, await openLedger({ file }));
  }

  constructor(file: string, ledger: Ledger) {
    this.#file = file;
    this.#ledger = ledger;
    this.chain = new FakeChain(this.#signer.address);
    this.chain.onArrival = (transaction) => this.#checkArrival(transaction);
    this.#outbox = this.#start();
  }

  async close(): Promise<void> {
    await this.#ledger.close();
    rmSync(dirname(this.#file), { recursive: true, force: true });
  }

  async run(command: Command): Promise<void> {
    const { chain } = this;
    switch (command.do) {
      case "enqueue":
        return this.#enqueue();
      case "step":
        return this.#step();
      case "mine":
        for (let at = 0; at < command.blocks; at++) chain.mine();
        break;
      case "congest":
        chain.congest(command.blocks);
        break;
      case "lag":
        chain.lag = command.blocks;
        break;
      case "evict":
        chain.evict(command.offset);
        break;
      case "reorganise":
        chain.reorganise(command.depth, command.keeps);
        break;
      case "takeNonce":
        chain.takeNonce();
        break;
      case "end":
        if (this.#queued > 0) chain.endByOthers(dataOf(command.which % this.#queued), command.verdict);
        break;
      case "revert":
        if (this.#queued > 0) chain.reverting.add(dataOf(command.which % this.#queued));
        break;
      case "cancel":
        if (this.#queued > 0) await this.#cancel(command.which % this.#queued);
        break;
      case "fund":
        chain.isFunded = command.on;
        break;
      case "fee":
        chain.moveBaseFee(command.percent);
        break;
      case "crash":
        this.crashAfter = command.after;
        break;
      case "fault":
        chain.arm(command.fault);
    }
    this.#checkExecutions();
  }

  /** Faults stop; in a bounded number of steps every intent ends. */
  async finish(): Promise<void> {
    this.chain.heal();
    this.crashAfter = undefined;
    let open: Intent[] = [];
    for (let at = 0; at < PATIENCE_STEPS; at++) {
      await this.#step();
      for (let blocks = 0; blocks < BLOCKS_PER_STEP; blocks++) this.chain.mine();
      this.#checkExecutions();
      open = (await this.#intents()).filter(
        ({ state }) => state !== "final" && state !== "satisfied" && state !== "failed",
      );
      if (open.length === 0) break;
    }
    assert.deepEqual(
      open.map(({ id, state, nonce, kind }) => ({ id, state, nonce, kind })),
      [],
      `after ${PATIENCE_STEPS} steps without faults; the chain counts ${this.chain.countAt(this.chain.head)}`,
    );
    for (const { state, kind, data, dedupeKey, error } of await this.#intents()) {
      if (kind === "fill") continue;
      const times = this.chain.executions(data);
      if (state === "final") assert.equal(times, 1, `${dedupeKey} is final, and not on the chain`);
      // Below the confirmations the chain may bring back what was given up.
      if (error === CANCELLED && !this.chain.met.has("deepReorg")) {
        assert.equal(times, 0, `${dedupeKey} was cancelled, and is on the chain`);
      }
      const isOver = state === "final" || state === "failed" || state === "satisfied";
      if (this.#cancelled.has(dedupeKey)) assert.ok(isOver, `${dedupeKey} was cancelled and goes on`);
    }
  }

  /** What was acknowledged has to hold whatever happens, but for what is in a block already. */
  async #cancel(which: number): Promise<void> {
    const dedupeKey = `intent ${which}`;
    const intent = await findIntent(this.#ledger, dedupeKey);
    if (!intent) return;
    try {
      if (await this.#outbox.ask(intent.id, "cancel", true)) {
        this.#cancelled.add(dedupeKey);
        this.chain.note("cancelled");
      }
    } catch (error) {
      if ((error as { code?: string }).code !== "MT-OPS-007" && !this.#isDead) throw error;
    }
    if (this.#isDead) await this.#restart();
  }

  async #enqueue(): Promise<void> {
    const which = this.#queued++;
    const kind: IntentKind = which % 2 === 0 ? "commit" : "answer";
    await this.#ledger.transaction((tx) =>
      enqueue(tx, {
        ...{ dedupeKey: `intent ${which}`, kind, subject: { key: dataOf(which) } },
        ...{ to: TARGET, data: dataOf(which), valueWei: 0n },
      }),
    );
  }

  async #step(): Promise<void> {
    this.#nowMilliseconds += PAUSE_MILLISECONDS;
    try {
      await this.#outbox.step();
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      if (!this.#isDead && !/timed out|header not found/.test(String(error))) throw error;
    }
    if (this.#violation) throw this.#violation;
    if (this.#isDead) await this.#restart();
    this.#checkExecutions();
  }

  async #restart(): Promise<void> {
    this.chain.note("crash");
    await this.#ledger.close();
    this.#ledger = await openLedger({ file: this.#file });
    this.#isDead = false;
    this.#outbox = this.#start();
  }

  #start(): Outbox {
    const boundary = async () => {
      if (this.#isDead) throw new CrashError("the process is dead");
      if (this.crashAfter === undefined || --this.crashAfter > 0) return;
      this.crashAfter = undefined;
      this.#isDead = true;
      throw new CrashError("the process dies here");
    };
    const predicate: Predicate = async ({ key = "" }) => {
      await boundary();
      return this.chain.verdict(key);
    };
    const { address, sign } = this.#signer;
    return new Outbox({
      ...OUTBOX_DEFAULTS,
      ...{ lanes: ["answer", "finalise", "commit"], confirmations: CONFIRMATIONS },
      signer: {
        address,
        async sign(message) {
          await boundary();
          return sign(message);
        },
      },
      ledger: dying(this.#ledger, boundary),
      rpc: this.chain.rpc(boundary),
      predicates: predicatesOf(predicate),
      nowMilliseconds: () => this.#nowMilliseconds,
    });
  }

  #violation: unknown;
  readonly #cancelled = new Set<string>();

  /** What reaches a node is stored, under one nonce of one intent, and within the caps. */
  async #checkArrival({ hash, nonce, gasLimit, maxFeePerGas, maxPriorityFeePerGas }: Transaction) {
    try {
      const stored = await this.#ledger
        .selectFrom("attempts")
        .selectAll()
        .where("tx_hash", "=", (hash ?? "0x") as Hex)
        .executeTakeFirst();
      assert.equal(stored?.nonce, nonce, "sent before it was stored");
      assert.ok(gasLimit <= MAX_TRANSACTION_GAS);
      assert.ok((maxPriorityFeePerGas ?? 0n) <= (maxFeePerGas ?? 0n));
      assert.ok((maxFeePerGas ?? 0n) <= 10n * (2n * HIGHEST_BASE_FEE_WEI + 10n ** 9n), "over the cap");
    } catch (error) {
      this.#violation = error;
      throw error;
    }
  }

  #checkExecutions(): void {
    for (let which = 0; which < this.#queued; which++) {
      const times = this.chain.executions(dataOf(which));
      assert.ok(times <= 1, `intent ${which} was executed ${times} times`);
    }
  }

  async #intents(): Promise<Intent[]> {
    const keys = await this.#ledger.selectFrom("intents").select("dedupe_key").execute();
    const found = await Promise.all(keys.map((row) => findIntent(this.#ledger, row.dedupe_key)));
    return found.filter((intent) => intent !== undefined);
  }
}

let empty: Buffer | undefined;

/** A ledger that every run starts from: made once, since that takes most of a short run's time. */
async function emptyLedger(): Promise<Buffer> {
  if (empty) return empty;
  const file = join(await freshFolder(), "ledger.sqlite");
  await (await openLedger({ file })).close();
  empty = readFileSync(file);
  rmSync(dirname(file), { recursive: true, force: true });
  return empty;
}

/** A ledger whose process may die before and after every transaction. Reads change nothing, so dying there is the same. */
function dying(ledger: Ledger, boundary: () => Promise<void>): Ledger {
  return new Proxy(ledger, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (name !== "transaction") return typeof value === "function" ? value.bind(target) : value;
      return async (...parameters: Parameters<Ledger["transaction"]>) => {
        await boundary();
        const result = await target.transaction(...parameters);
        await boundary();
        return result;
      };
    },
  });
}

/** The call of the intent with this number: what it would do, told apart from all others. */
function dataOf(which: number): Hex {
  return `0x${(which + 1).toString(16).padStart(64, "0")}`;
}
