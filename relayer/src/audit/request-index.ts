// SPDX-License-Identifier: GPL-3.0-or-later

import type { Claim } from "@meantime/sdk/claim";
import { hexToBytes, keccak256Bytes } from "@meantime/sdk/hex";
import { encodeWords } from "@meantime/sdk/words";

/** Where a claim was seen. */
export interface SeenAt {
  /** In the order of commits. */
  batch: number;
  index: number;
}

/** Every request that was answered, in 28 bytes each: what finds a second answer among millions. */
export interface RequestIndex {
  /**
   * Notes a claim.
   *
   * @returns where the same request was answered with another output: a suspicion, since 96 bits stand for the request and
   * 64 for the output
   */
  note(claim: Claim, at: SeenAt): SeenAt | undefined;
}

const WORDS = 7;
const BATCH_WORD = 5;
const INDEX_WORD = 6;
const FIRST_CAPACITY = 1 << 12;
const MAX_FILL = 0.6;
/** Of the word with the index: nothing is there where it is not set. */
const OCCUPIED = 0x80000000;

/** An open-addressed table: three words of the request's hash, two of the output's, the batch and the index. */
export function createRequestIndex(): RequestIndex {
  let capacity = FIRST_CAPACITY;
  let table = new Uint32Array(capacity * WORDS);
  let size = 0;
  const grow = () => {
    const larger = new Uint32Array(capacity * 2 * WORDS);
    for (let base = 0; base < table.length; base += WORDS) {
      const entry = table.subarray(base, base + WORDS);
      if (isOccupied(entry)) larger.set(entry, placeOf(entry, larger, capacity * 2));
    }
    table = larger;
    capacity *= 2;
  };
  return {
    note(claim, { batch, index }) {
      if (size >= capacity * MAX_FILL) grow();
      const entry = Uint32Array.of(
        ...requestWords(claim),
        ...outputWords(claim),
        batch,
        (index | OCCUPIED) >>> 0,
      );
      const base = placeOf(entry, table, capacity);
      const found = table.subarray(base, base + WORDS);
      if (!isOccupied(found)) {
        found.set(entry);
        size++;
        return undefined;
      }
      if (found[3] === entry[3] && found[4] === entry[4]) return undefined;
      return { batch: found[BATCH_WORD] ?? 0, index: (found[INDEX_WORD] ?? 0) & ~OCCUPIED };
    },
  };
}

/** Where the request of an entry is, or can be put. Reads words one by one: a view of each slot would cost more. */
function placeOf(entry: Uint32Array, table: Uint32Array, capacity: number): number {
  const [first = 0, second = 0, third = 0] = entry;
  for (let slot = first % capacity; ; slot = (slot + 1) % capacity) {
    const base = slot * WORDS;
    if (((table[base + INDEX_WORD] ?? 0) & OCCUPIED) === 0) return base;
    if (table[base] === first && table[base + 1] === second && table[base + 2] === third) return base;
  }
}

function isOccupied(entry: Uint32Array): boolean {
  return ((entry[INDEX_WORD] ?? 0) & OCCUPIED) !== 0;
}

/** What `Receipts` calls one request: operator, requester, request id, model and input. */
function requestWords({ operator, requester, requestId, modelId, inputHash }: Claim): number[] {
  return leading(keccak256Bytes(encodeWords(operator, requester, requestId, modelId, inputHash)), 3);
}

function outputWords({ outputHash }: Claim): number[] {
  return leading(keccak256Bytes(hexToBytes(outputHash)), 2);
}

function leading(hash: Uint8Array, words: number): number[] {
  const view = new DataView(hash.buffer, hash.byteOffset);
  return Array.from({ length: words }, (_, at) => view.getUint32(4 * at));
}
