// SPDX-License-Identifier: GPL-3.0-or-later

import type { Hex } from "@meantime/sdk/hex";

/** What a node, or the way to it, means by an error. */
export type NodeErrorKind =
  /** The node has these bytes already: as good as taken. */
  | "alreadyKnown"
  | "nonceTooLow"
  | "nonceTooHigh"
  /** Another transaction holds the nonce and offers too much to be replaced at this fee. */
  | "replacementUnderpriced"
  /** Less than the pool takes in at all. */
  | "underpriced"
  | "feeCapBelowBaseFee"
  | "blobFeeCapBelowBlobBaseFee"
  /** Malformed or too many blobs, or proofs of another fork; no fee helps. */
  | "blobRefused"
  /** The sender has transactions in the other pool: with blobs, or without. */
  | "senderReserved"
  | "insufficientFunds"
  /** Over the cap of EIP-7825 or the block's gas limit. */
  | "gasLimitTooHigh"
  | "intrinsicGasTooLow"
  /** The call ran and reverted; `data` holds what it returned. */
  | "reverted"
  | "outOfGas"
  | "poolFull"
  | "wrongChainId"
  | "rateLimited"
  /** The node does not have the block that was asked about (yet). */
  | "headerNotFound"
  /** The range or the answer of a log query is over the provider's limit. */
  | "tooManyResults"
  | "timeout"
  /** No connection, or one that broke: whether the request arrived is not known. */
  | "unreachable"
  /** An answer that is no JSON-RPC answer. */
  | "badResponse"
  | "methodMissing"
  | "other";

/** A node's error, sorted. */
export interface NodeError {
  kind: NodeErrorKind;
  /** The node's own words, or the transport's. */
  message: string;
  /** The JSON-RPC code, where the node gave one. */
  code: number | undefined;
  /** What a reverted call returned. */
  data: Hex | undefined;
}

/**
 * Wordings, the first that matches wins. JSON-RPC has no codes for these: -32005 is "limit exceeded" with most providers
 * and "gas limit exceeds block gas limit" with Besu, so texts go before codes.
 *
 * Sources: geth `core/error.go`, `core/txpool/errors.go`, `core/txpool/legacypool/legacypool.go`, `rpc/errors.go`,
 * `eth/filters/api.go`; Erigon `txnprovider/txpool/txpoolcfg/txpoolcfg.go` (DiscardReason); Nethermind
 * `Nethermind.TxPool/AcceptTxResult.cs` and `TxPoolErrorMessages.cs`; Besu `RpcErrorType.java` and
 * `MainnetTransactionValidator.java`; Reth `crates/rpc/rpc-eth-types/src/error/mod.rs` (RpcPoolError); Anvil
 * `crates/anvil/src/eth/error.rs`; Hardhat's EDR `crates/edr_provider/src/error.rs`.
 */
const WORDINGS: readonly (readonly [NodeErrorKind, RegExp])[] = [
  // First: a contract may give any text as its reason.
  ["reverted", /execution reverted|reverted with|VM execution error|transaction reverted|without a reason/i],
  [
    "alreadyKnown",
    /already ?known|known transaction|already imported|already in (the )?mempool|existing txn? with same hash|already exists in the (tx)?pool/i,
  ],
  // Before "underpriced": every node's sentence about a replacement contains that word, or is about fees.
  [
    "replacementUnderpriced",
    /replacement (transaction|fee|tx)|could not replace existing|to replace existing transaction|ReplacementNotAllowed|FeeTooLowToCompete|REPLACEMENT_UNDERPRICED/i,
  ],
  [
    "blobFeeCapBelowBlobBaseFee",
    /per blob gas (less|lower) than|blob_gas_price. is greater than|blob ?gas price below|max_?fee_?per_?blob_?gas.*(less|lower|below|too low)|blob fee (cap )?too low|BlobFeeCapTooLow/i,
  ],
  [
    "feeCapBelowBaseFee",
    /fee per gas (is )?(less|lower) than|fee cap less than block base fee|below (the )?(current )?base fee|(less|lower) than the block's base ?fee|maxFeePerGas.{0,40}too low|BlockBaseFee|TooLowMaxFee/i,
  ],
  ["senderReserved", /address (is )?already reserved/i],
  [
    "blobRefused",
    /blob transaction (missing|has too many|without|of type create)|too many blobs|missing (blob )?sidecar|without sidecar|blob sidecar|sidecar version|\(shard blob\)|EIP-?(4844|7594) sidecar|KZG|cell proof|blob.{0,20}(not supported|unsupported)|invalid blob|invalid number of \d+ blobs/i,
  ],
  // Our bytes are well-formed: EDR, which knows no wrapper of EIP-7594, takes its version for a list that is none.
  ["blobRefused", /^unexpected (string|list) *$/i],
  [
    "nonceTooHigh",
    /nonce (is )?too (high|distant)|NonceGap|NonceTooFarInFuture|nonce too far in (the )?future|in-flight transaction limit/i,
  ],
  [
    "nonceTooLow",
    /nonce (is )?too low|nonce has already been used|NONCE_EXPIRED|OldNonce|lower than the current nonce|nonce below/i,
  ],
  [
    "insufficientFunds",
    /insufficient funds|INSUFFICIENT_FUNDS|InsufficientFunds|doesn't have enough funds|enough funds to send|upfront cost exceeds|insufficient balance/i,
  ],
  [
    "gasLimitTooHigh",
    /transaction gas (limit )?(too high|cap)|gas_limit >|gas limit (is )?too high|exceeds (the )?block gas limit|exceeds transaction gas cap|gas limit must be at most|GasLimitExceeded|gas limit.{0,20}greater than the cap|gas limit reached|exceeds the? ?(transaction|maximum) gas|intrinsic gas too high/i,
  ],
  [
    "intrinsicGasTooLow",
    /intrinsic ?gas|floor data gas|requires at least \d+ gas|gas floor|below the minimum.{0,20}gas limit|gas limit is too low/i,
  ],
  [
    "underpriced",
    /underpriced|fee ?too ?low|gas price (too low|below)|below (configured )?minimum gas price/i,
  ],
  [
    "poolFull",
    /(tx|transaction )pool is full|sub-pool is full|pool (overflow|limit)|txpool.*full|account limit exceeded|discarded outright/i,
  ],
  [
    "wrongChainId",
    /wrong chain ?id|invalid chain ?id|incompatible.*EIP-?155|chain ?id.*(not supported|different|mismatch)/i,
  ],
  [
    "tooManyResults",
    /too many (results|logs|blocks)|(more than|max(imum)?( of)?) \d+[ k]*(results|logs)|block range (is )?(too|limit|exceed)|range (exceeds|is too|over)|exceeds? (max(imum)? )?(block|rpc|log).{0,20}range|response size|log response size|limited to.{0,30}(block|range)|query (timeout exceeded|returned more)|larger than.{0,20}limit/i,
  ],
  [
    "rateLimited",
    /rate.?limit|too many requests|request limit|limit exceeded|capacity exceeded|throughput|daily.*limit|quota/i,
  ],
  [
    "headerNotFound",
    /header not found|header for hash not found|unknown block|block not found|blockHash cannot be found|BlockOutOfRange|invalid block tag|missing trie node|state (is )?not available|resource not found|cannot find block|after last accepted|pruned history|block.{0,30}does ?n['o]t exist/i,
  ],
  // A node may word any error of a method it has as "... method ...": only these are about the method's name.
  [
    "methodMissing",
    /method not found|does not exist\/is not available|method .{1,60} (is )?not (supported|available)|unsupported method/i,
  ],
  ["outOfGas", /out of gas|gas required exceeds allowance|gas uint64 overflow/i],
  ["reverted", /CALL_EXCEPTION/],
  ["timeout", /timed? ?out|TIMEOUT|deadline exceeded|ETIMEDOUT/i],
  [
    "unreachable",
    /ECONNREFUSED|ECONNRESET|EPIPE|ENOTFOUND|EAI_AGAIN|socket hang up|fetch failed|network error|NETWORK_ERROR|other side closed|terminated/i,
  ],
  ["badResponse", /unexpected token|not valid JSON|no JSON-RPC|could not coalesce|SERVER_ERROR/i],
];

/** What the codes of JSON-RPC (and of EIP-1474) mean where the words say nothing. */
const CODES: Readonly<Record<number, NodeErrorKind>> = {
  3: "reverted",
  429: "rateLimited",
  [-32_001]: "headerNotFound",
  [-32_005]: "rateLimited",
  [-32_601]: "methodMissing",
};

/** Worth asking again, the same node or another: nothing about the request itself was wrong. */
const PASSING: ReadonlySet<NodeErrorKind> = new Set([
  "rateLimited",
  "headerNotFound",
  "timeout",
  "unreachable",
  "badResponse",
]);

/** Whether the same request may succeed later, or elsewhere. */
export function isPassing(kind: NodeErrorKind): boolean {
  return PASSING.has(kind);
}

/**
 * Sorts any error that came of a request to a node: a JSON-RPC error object, what ethers made of one, or what the
 * transport threw. The node's own words count more than those of the layers around them.
 */
export function classifyNodeError(error: unknown): NodeError {
  const layers = layersOf(error);
  const innermost = layers.at(-1);
  const data = layers.map((layer) => revertDataOf(layer)).find((found) => found !== undefined);
  const code = layers.map((layer) => layer.code).findLast((found) => typeof found === "number");
  const message = textOf(innermost) || textOf(layers[0]) || String(error);
  const kind = kindOf(layers, code, data);
  return { kind, message, code, data: kind === "reverted" ? (data ?? "0x") : data };
}

interface Layer {
  message?: unknown;
  code?: unknown;
  data?: unknown;
  info?: unknown;
  error?: unknown;
  cause?: unknown;
}

function kindOf(layers: readonly Layer[], code: number | undefined, data: Hex | undefined): NodeErrorKind {
  // From the inside out: ethers says "could not coalesce" or "nonce has already been used" around what the node said.
  for (const layer of [...layers].reverse()) {
    const text = `${textOf(layer)} ${typeof layer.code === "string" ? layer.code : ""}`;
    const found = WORDINGS.find(([, pattern]) => pattern.test(text));
    if (found) return found[0];
  }
  if (data !== undefined && data !== "0x") return "reverted";
  return (code === undefined ? undefined : CODES[code]) ?? "other";
}

const MAX_DEPTH = 8;

/** The error and what it wraps, outermost first. */
function layersOf(error: unknown): Layer[] {
  const layers: Layer[] = [];
  let current: unknown = typeof error === "string" ? { message: error } : error;
  while (typeof current === "object" && current !== null && layers.length < MAX_DEPTH) {
    const layer = current as Layer;
    layers.push(layer);
    const info = layer.info as { error?: unknown } | undefined;
    current = info?.error ?? layer.error ?? layer.cause ?? objectOf(layer.data);
  }
  return layers;
}

/** Some nodes (Hardhat among them) put the words or the revert data one level down, in `data`. */
function objectOf(data: unknown): object | undefined {
  return typeof data === "object" && data !== null ? data : undefined;
}

function revertDataOf({ data }: Layer): Hex | undefined {
  return typeof data === "string" && /^0x([0-9a-fA-F]{2})*$/.test(data) ? (data as Hex) : undefined;
}

function textOf(layer: Layer | undefined): string {
  return typeof layer?.message === "string" ? layer.message : "";
}
