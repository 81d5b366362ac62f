// SPDX-License-Identifier: MIT
import type { BatchHeader } from "../batch.ts";
import type { Claim } from "../claim.ts";
import { MeantimeError } from "../errors.ts";
import { bytesToHex, concatBytes, type Hex, hexToBytes, keccak256Text } from "../hex.ts";
import { encodeWords, type WordValue } from "../words.ts";

/** An argument of a call: static words in a row (also those of a struct), bytes of any length, or a list of words. */
export type CallArgument = WordValue | readonly WordValue[] | { bytes: Hex } | { list: readonly Hex[] };

/** The tuple of a claim in a function's signature. */
export const CLAIM_TUPLE = "(bytes32,bytes32,address,address,bytes32,bytes32,bytes32,uint64,uint64)";

/** The tuple of a batch header in a function's signature. */
export const HEADER_TUPLE = "(address,bytes32,bytes32,bytes32,bytes32,uint32,uint64,uint64)";

const WORD_BYTES = 32;
const SELECTOR_CHARACTERS = 10;

/** The calldata of a function, named with its types. Throws MT-SDK-003 for what does not fit a word. */
export function encodeCall(signature: string, ...call: CallArgument[]): Hex {
  const heads = call.map((argument) => (isDynamic(argument) ? WORD_BYTES : encodeStatic(argument).length));
  const headBytes = heads.reduce((sum, length) => sum + length, 0);
  const head: Uint8Array[] = [];
  const tail: Uint8Array[] = [];
  let tailBytes = 0;
  for (const argument of call) {
    if (!isDynamic(argument)) {
      head.push(encodeStatic(argument));
      continue;
    }
    head.push(encodeWords(headBytes + tailBytes));
    const encoded = encodeDynamic(argument);
    tail.push(encoded);
    tailBytes += encoded.length;
  }
  const selector = keccak256Text(signature).slice(0, SELECTOR_CHARACTERS);
  return `${selector}${bytesToHex(concatBytes(...head, ...tail)).slice(2)}` as Hex;
}

/** The first words of what a call returned. Throws MT-SDK-703 where there are fewer: no such contract is there. */
export function decodeWords(returned: Hex, count: number): bigint[] {
  const bytes = hexToBytes(returned);
  if (bytes.length < count * WORD_BYTES) {
    throw new MeantimeError("MT-SDK-703", `a call returned ${bytes.length} bytes instead of ${count} words`, {
      hint: "Check the addresses of the contracts, and the chain.",
      details: { returned },
    });
  }
  return Array.from({ length: count }, (_, at) =>
    BigInt(bytesToHex(bytes.subarray(at * WORD_BYTES, (at + 1) * WORD_BYTES))),
  );
}

/** A claim's words, in the order of {@link CLAIM_TUPLE}. */
export function claimWords(claim: Claim): WordValue[] {
  const { modelId, policyId, operator, requester, requestId, inputHash, outputHash, servedAt, commitBy } =
    claim;
  return [modelId, policyId, operator, requester, requestId, inputHash, outputHash, servedAt, commitBy];
}

/** A header's words, in the order of {@link HEADER_TUPLE}. */
export function headerWords(header: BatchHeader): WordValue[] {
  const { operator, policyId, modelId, root, dataRoot, count, oldestServedAt, nonce } = header;
  return [operator, policyId, modelId, root, dataRoot, count, oldestServedAt, nonce];
}

type DynamicArgument = { bytes: Hex } | { list: readonly Hex[] };

function isDynamic(argument: CallArgument): argument is DynamicArgument {
  return typeof argument === "object" && ("bytes" in argument || "list" in argument);
}

function encodeStatic(argument: WordValue | readonly WordValue[]): Uint8Array {
  return typeof argument === "object" ? encodeWords(...argument) : encodeWords(argument);
}

function encodeDynamic(argument: DynamicArgument): Uint8Array {
  if ("list" in argument) return encodeWords(argument.list.length, ...argument.list);
  const bytes = hexToBytes(argument.bytes);
  const padded = new Uint8Array(Math.ceil(bytes.length / WORD_BYTES) * WORD_BYTES);
  padded.set(bytes);
  return concatBytes(encodeWords(bytes.length), padded);
}
