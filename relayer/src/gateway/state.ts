// SPDX-License-Identifier: GPL-3.0-or-later

import type { Address } from "@meantime/sdk/hex";
import type { TaskHealth } from "../ops/supervisor.ts";
import type { Unwatched } from "./unwatched.ts";

/** What the gateway is told about the rest of the process. */
export interface GatewayState {
  /** Where clients reach this gateway. */
  publicUrl(): string;
  tasks(): TaskHealth[];
  /** True once a stop was asked for: no new work is taken. */
  draining(): boolean;
  /** What a stop waits for beside requests. */
  unwatched: Unwatched;
  /** Everything measured, as Prometheus reads it. */
  metrics(): Promise<string>;
  /** Told of every request that was answered; `route` is the pattern, not the path. */
  onAnswered(route: string, status: number, seconds: number): void;
  /** Told of every request that was refused. */
  onRefused(code: string): void;
  /** Told of every receipt that was given. */
  onReceipt(policy: string): void;
  /** Told of every request for an answer under a key, by the key's name. */
  onKey(name: string): void;
}

/** Who asks, as far as access knows it. */
export interface Caller {
  /** The name of the bearer key; undefined: none was needed or given. */
  key?: string;
  /** Who paid. */
  address?: Address;
  /** What stands for an `Idempotency-Key` that is not given: a payment is for one request. */
  idempotencyKey?: string;
  /** Fires when what was paid with has failed, so that the answer is withheld; undefined: nothing was paid. */
  withheld?: AbortSignal;
}

/** What middleware leaves on the context of a request. */
export interface GatewayEnv {
  Variables: { caller: Caller };
}
