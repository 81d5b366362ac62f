// SPDX-License-Identifier: MIT

/** An argument of a call: a word, bytes, or a list of bytes. */
export type Argument = number | Uint8Array | readonly Uint8Array[];

const WORD_BYTES = 32;

/**
 * ABI encoding of arguments, hexadecimal without a prefix. Mutants are encoded by the hundred thousand, which is too much
 * for an encoder that knows every type.
 */
export function encodeArguments(args: readonly Argument[]): string {
  let heads = "";
  let tails = "";
  for (const argument of args) {
    if (typeof argument === "number") {
      heads += word(argument);
      continue;
    }
    heads += word(args.length * WORD_BYTES + tails.length / 2);
    tails += argument instanceof Uint8Array ? encodeBytes(argument) : encodeList(argument);
  }
  return heads + tails;
}

/** A list of bytes, as it stands behind the words of its call. */
export function encodeList(list: readonly Uint8Array[]): string {
  return word(list.length) + encodeArguments(list);
}

function encodeBytes(bytes: Uint8Array): string {
  const padding = (WORD_BYTES - (bytes.length % WORD_BYTES)) % WORD_BYTES;
  return word(bytes.length) + Buffer.from(bytes).toString("hex") + "00".repeat(padding);
}

function word(value: number): string {
  return value.toString(16).padStart(2 * WORD_BYTES, "0");
}
