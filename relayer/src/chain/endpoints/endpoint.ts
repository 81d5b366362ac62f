// SPDX-License-Identifier: GPL-3.0-or-later

import type { Hex } from "@meantime/sdk/hex";
import type { Logger } from "../../ops/logger.ts";
import { createRateLimit } from "./rate-limit.ts";
import { createTransport, RequestFailure } from "./transport.ts";
import { isUrgent } from "./urgency.ts";

/**
 * How an endpoint is doing. `unchecked`: not asked yet, or not since it was away. `resting`: it refused for too many
 * requests. `outOfSync`: alive, and behind the others or on another branch.
 */
export type EndpointState =
  | "unchecked"
  | "alive"
  | "outOfSync"
  | "resting"
  | "wrongChain"
  | "wrongGenesis"
  | "unreachable";

/** What every endpoint has to agree with. The genesis hash is learnt from the first that answers. */
export interface ChainIdentity {
  chainId: number;
  genesisHash: Hex | undefined;
}

/** One node behind one URL. */
export interface Endpoint {
  /** The URL's host: paths and user names often hold keys. */
  readonly name: string;
  readonly state: EndpointState;
  /** The highest block that it said it has last. */
  readonly head: number | undefined;
  readonly limitPerSecond: number | undefined;
  /** Milliseconds until it may be asked again; 0: now. */
  pauseMilliseconds(): number;
  /** Checks who it is where that is due, waits for its rate limit and asks. @throws RequestFailure */
  request(method: string, parameters: readonly unknown[]): Promise<unknown>;
  /** Notes the head it showed. */
  observeHead(number: number): void;
  /** Leaves it out of reads for a while: it is behind, or on a branch that the others are not on. */
  distrust(): void;
}

const FIRST_RETRY_MILLISECONDS = 50;
const LONGEST_RETRY_MILLISECONDS = 10_000;
/** One lost answer is no outage. */
const FAILURES_OF_AN_OUTAGE = 2;
/** What is wrong with it is somebody's mistake: looked at again, but not often. */
const WRONG_CHAIN_RETRY_MILLISECONDS = 60_000;
const DISTRUST_MILLISECONDS = 2_000;
const AWAY: ReadonlySet<string> = new Set(["unreachable", "timeout", "badResponse"]);

/** Talks to one node. `identity` is shared by all endpoints of a chain. */
export function createEndpoint(
  url: string,
  identity: ChainIdentity,
  logger: Logger,
  { timeoutMilliseconds, now = () => performance.now() }: { timeoutMilliseconds: number; now?: () => number },
): Endpoint {
  const { host: name } = new URL(url);
  const transport = createTransport(url, timeoutMilliseconds);
  const limit = createRateLimit(now);
  let state: EndpointState = "unchecked";
  let head: number | undefined;
  let failuresInARow = 0;
  let notBefore = 0;
  let checking: Promise<void> | undefined;

  function become(next: EndpointState, reason: string): void {
    if (next === state) return;
    const level = next === "wrongChain" || next === "wrongGenesis" ? "error" : "debug";
    logger[level]({ code: "MT-CHAIN-010", endpoint: name, from: state, to: next, reason }, "endpoint");
    state = next;
  }

  async function send(method: string, parameters: readonly unknown[]): Promise<unknown> {
    await limit.turn(isUrgent());
    try {
      const result = await transport(method, parameters);
      limit.succeeded();
      failuresInARow = 0;
      return result;
    } catch (error) {
      if (error instanceof RequestFailure) noteFailure(error);
      throw error;
    }
  }

  function noteFailure({ kind, message, retryAfterMilliseconds }: RequestFailure): void {
    if (kind === "rateLimited") {
      notBefore = now() + limit.refused(retryAfterMilliseconds);
      become("resting", message);
    } else if (AWAY.has(kind)) {
      failuresInARow += 1;
      const pause = FIRST_RETRY_MILLISECONDS * 2 ** Math.min(failuresInARow, 16);
      notBefore = now() + Math.min(pause, LONGEST_RETRY_MILLISECONDS);
      if (failuresInARow >= FAILURES_OF_AN_OUTAGE || state === "unchecked") become("unreachable", message);
    }
  }

  /** What answers here after an outage may be another machine: it shows its chain before anything it says counts. */
  async function check(): Promise<void> {
    const chainId = Number(await send("eth_chainId", []));
    if (chainId !== identity.chainId) return refuse("wrongChain", `chain ${chainId}`);
    const genesis = (await send("eth_getBlockByNumber", ["0x0", false])) as { hash?: Hex } | null;
    identity.genesisHash ??= genesis?.hash;
    if (genesis?.hash !== identity.genesisHash) {
      return refuse("wrongGenesis", `genesis block ${genesis?.hash}, not ${identity.genesisHash}`);
    }
    become("alive", "checked");
  }

  function refuse(as: "wrongChain" | "wrongGenesis", reason: string): never {
    notBefore = now() + WRONG_CHAIN_RETRY_MILLISECONDS;
    become(as, reason);
    throw new RequestFailure("wrongChainId", `${name} follows another chain: ${reason}`);
  }

  function checked(): Promise<void> | undefined {
    if (state === "alive" || state === "outOfSync") return undefined;
    if (state === "resting") {
      // It was only asked too often; it did not go away.
      become("alive", "rested");
      return undefined;
    }
    checking ??= check().finally(() => {
      checking = undefined;
    });
    return checking;
  }

  return {
    name,
    get state() {
      return state;
    },
    get head() {
      return head;
    },
    get limitPerSecond() {
      return limit.limitPerSecond();
    },
    pauseMilliseconds: () => Math.max(0, notBefore - now()),
    async request(method, parameters) {
      await checked();
      return send(method, parameters);
    },
    observeHead(number) {
      head = number;
      if (state === "outOfSync" && now() >= notBefore) become("alive", `head ${number}`);
    },
    distrust() {
      notBefore = now() + DISTRUST_MILLISECONDS;
      become("outOfSync", `head ${head}`);
    },
  };
}
