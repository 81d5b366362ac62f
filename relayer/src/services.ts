// SPDX-License-Identifier: GPL-3.0-or-later

import type { SettlementDomain } from "@meantime/sdk/domain";
import type { Address, Hex } from "@meantime/sdk/hex";
import type { ModelAnswer, ModelSpec } from "@meantime/sdk/model";
import type { Policy } from "@meantime/sdk/policy";
import type { Blobs } from "./availability/blob-reader.ts";
import type { ChainClock } from "./chain/clock.ts";
import type { Contracts } from "./chain/contracts.ts";
import type { ChainView } from "./chain/follow.ts";
import type { Rpc } from "./chain/rpc.ts";
import type { PolicyConfig, RelayerConfig, UpstreamConfig } from "./config/load.ts";
import type { Ledger } from "./ledger/ledger.ts";
import type { Backlog } from "./ops/backlog.ts";
import type { Balances } from "./ops/balances.ts";
import type { Breaker } from "./ops/breaker.ts";
import type { Logger } from "./ops/logger.ts";
import type { OperatorLane, Signers } from "./signers/open.ts";

/** Answers one input. Must be deterministic: a repeated question gets the stored answer, a watchtower asks again. */
export type ModelRuntime = (input: number[]) => ModelAnswer;

/** A model that this relayer serves. */
export type ServedModel = NetworkModel | UpstreamModel;

/** A network that this relayer runs, and can check anywhere. */
export interface NetworkModel {
  kind: "network";
  name: string;
  id: Hex;
  spec: ModelSpec;
  run: ModelRuntime;
  measurement: Hex | undefined;
  /** The encoded verification key, where the model is provable. */
  verificationKey: Hex | undefined;
  /** The files that prove it, where this relayer has them. */
  proving: { wasm: string; zkey: string } | undefined;
}

/** A model behind an OpenAI-compatible server. What it answers cannot be computed here. */
export interface UpstreamModel {
  kind: "upstream";
  name: string;
  id: Hex;
  version: number;
  reexecutable: boolean;
  measurement: Hex | undefined;
  /** Undefined for a watchtower, which asks nobody. */
  upstream: UpstreamConfig | undefined;
}

/** Whether a model is a network that can be run here. */
export function isNetwork<Model extends { kind: string }>(
  model: Model,
): model is Extract<Model, { kind: "network" }> {
  return model.kind === "network";
}

/** What checking a claim of a model takes. */
export type CheckableModel = Pick<NetworkModel, "id" | "kind" | "spec"> | Pick<UpstreamModel, "id" | "kind">;

/** A policy that this relayer serves under, with its terms as registered. */
export interface ServedPolicy extends PolicyConfig {
  terms: Policy;
}

/** What every part of the relayer works with. */
export interface Services {
  config: RelayerConfig;
  domain: SettlementDomain;
  ledger: Ledger;
  rpc: Rpc;
  contracts: Contracts;
  clock: ChainClock;
  logger: Logger;
  models: readonly ServedModel[];
  policies: readonly ServedPolicy[];
  signers: Signers;
  breaker: Breaker;
  backlog: Backlog;
  blobs: Blobs;
  balances: Balances;
  /** Who sends for the operator, by lane. */
  senderAddresses: Record<OperatorLane, Address>;
  receiptKeyAddress: Address;
  challengerAddress: Address | undefined;
  /** The chain as of the last poll that succeeded; undefined before the first. */
  view(): ChainView | undefined;
}
