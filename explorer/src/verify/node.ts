// SPDX-License-Identifier: MIT
import { decodeWords, encodeCall } from "@meantime/sdk/chain/abi";
import { type Chain, chainSeconds, connectChain } from "@meantime/sdk/chain/chain";
import { type ChainProvider, httpProvider } from "@meantime/sdk/chain/provider";
import { MeantimeError } from "@meantime/sdk/errors";
import { chainEvidenceFacts, type EvidenceFacts } from "@meantime/sdk/evidence-from-chain/facts";
import type { ChainTransaction } from "@meantime/sdk/evidence-from-chain/transaction";
import type { Hex } from "@meantime/sdk/hex";
import { EVIDENCE_KINDS } from "@meantime/sdk/policy";
import { address, bytes, id, list, MalformedAnswer, orNull, type Reader, shape } from "../api/read.ts";
import type { Trusted } from "../state/settings.ts";

/** The visitor's node, asked for one judgement. */
export interface TrustedNode {
  chain: Chain;
  facts: EvidenceFacts;
  /** The latest block when it was opened. */
  blockNumber: bigint;
  /** Its time, unix seconds. */
  blockSeconds: bigint;
}

/** A transaction as it was mined, with its block. */
export interface MinedTransaction extends ChainTransaction {
  blockNumber: bigint;
}

const TIMEOUT_MS = 15_000;
const BATCH_WORDS = 10;
const LEAF_WORDS = 4;

const lower: Reader<Hex> = (value, where) =>
  bytes(typeof value === "string" ? value.toLowerCase() : value, where);
const lowerAddress: Reader<Hex> = (value, where) => address(lower(value, where), where);
const quantity: Reader<bigint> = (value, where) => {
  if (typeof value === "string" && /^0x[0-9a-fA-F]{1,64}$/.test(value)) return BigInt(value);
  throw new MalformedAnswer(where, "a quantity");
};
const transactionShape = shape<{ to: Hex | null; input: Hex }>({ to: orNull(lowerAddress), input: lower });
const receiptShape = shape<{
  blockNumber: bigint;
  status: bigint;
  logs: { address: Hex; topics: Hex[]; data: Hex }[];
}>({
  blockNumber: quantity,
  status: quantity,
  logs: list(
    shape({
      address: lowerAddress,
      topics: list((topic, where) => id(lower(topic, where), where)),
      data: lower,
    }),
  ),
});

/** Connects to the visitor's node. Throws what the SDK throws for a node that is away, and for a contract that is none. */
export async function openNode({ rpcUrl, settlement }: Trusted): Promise<TrustedNode> {
  const provider = httpProvider(rpcUrl, { timeoutMs: TIMEOUT_MS });
  const chainId = quantity(await provider.request({ method: "eth_chainId" }), "eth_chainId");
  const chain = await connectChain(provider, { chainId, settlement });
  const [blockNumber, blockSeconds] = await Promise.all([
    provider.request({ method: "eth_blockNumber" }).then((answer) => quantity(answer, "eth_blockNumber")),
    chainSeconds(chain),
  ]);
  return { chain, facts: chainEvidenceFacts(chain), blockNumber, blockSeconds };
}

/** When a batch of this id was committed, unix seconds; zero: never. The id is the hash of the whole header. */
export async function committedAtOf(chain: Chain, batchId: Hex): Promise<bigint> {
  const [committedAt = 0n] = await settlementWords(
    chain,
    encodeCall("batchOf(bytes32)", batchId),
    BATCH_WORDS,
  );
  return committedAt;
}

/** Which kinds of evidence the contract holds for a claim or for its batch, as flags of `EVIDENCE_KINDS`. */
export async function evidenceKindsOf(chain: Chain, batchId: Hex, index: number): Promise<number> {
  const [[, attestedAt = 0n], [, kinds = 0n]] = await Promise.all([
    settlementWords(chain, encodeCall("batchOf(bytes32)", batchId), BATCH_WORDS),
    settlementWords(chain, encodeCall("leafOf(bytes32,uint256)", batchId, BigInt(index)), LEAF_WORDS),
  ]);
  return Number(kinds) | (attestedAt === 0n ? 0 : EVIDENCE_KINDS.tee);
}

async function settlementWords({ domain, provider, blockTag }: Chain, data: Hex, words: number) {
  const output = await provider.request({
    method: "eth_call",
    params: [{ to: domain.settlement, data }, blockTag],
  });
  return decodeWords(lower(output, "eth_call"), words);
}

/** A transaction and what it logged; undefined where the node has none of this hash, or it failed. */
export async function minedTransaction(
  provider: ChainProvider,
  hash: Hex,
): Promise<MinedTransaction | undefined> {
  const [transaction, receipt] = await Promise.all([
    provider.request({ method: "eth_getTransactionByHash", params: [hash] }),
    provider.request({ method: "eth_getTransactionReceipt", params: [hash] }),
  ]);
  if (transaction === null || receipt === null) return undefined;
  const { blockNumber, status, logs } = receiptShape(receipt, "receipt");
  return status === 1n ? { ...transactionShape(transaction, "transaction"), logs, blockNumber } : undefined;
}

/** Why a node gave no answer, in a sentence. */
export function nodeTrouble(error: unknown): string {
  if (error instanceof MeantimeError) return `${error.message}. ${error.hint}`;
  return error instanceof Error ? error.message : String(error);
}
