// SPDX-License-Identifier: MIT
// snarkjs is GPL-3.0: it comes in a file of its own, which is loaded once a proof is to be judged.
import { KEY_WORDS } from "@meantime/sdk/groth16";
import { wordsOf } from "@meantime/sdk/groth16-points";
import type { Hex } from "@meantime/sdk/hex";

/**
 * What snarkjs says of a Groth16 proof: an opinion that shares no code with the SDK's. @param key and @param proof as the
 * contracts take them: one word a coordinate, imaginary parts first.
 */
export async function snarkjsHolds(key: Hex, publicSignals: readonly bigint[], proof: Hex): Promise<boolean> {
  const [{ groth16 }, { buildBn128 }] = await Promise.all([import("snarkjs"), import("ffjavascript")]);
  // In this thread: workers made from text would need a weaker content security policy.
  globalThis.curve_bn128 ??= await buildBn128(true);
  return groth16.verify(keyOf(wordsOf(key)), publicSignals.map(String), proofOf(wordsOf(proof)));
}

function keyOf(words: readonly bigint[]) {
  const icPoints = (words.length - KEY_WORDS.ic) / 2;
  return {
    ...{ protocol: "groth16", curve: "bn128", nPublic: icPoints - 1 },
    vk_alpha_1: g1(words, KEY_WORDS.alpha),
    vk_beta_2: g2(words, KEY_WORDS.beta),
    vk_gamma_2: g2(words, KEY_WORDS.gamma),
    vk_delta_2: g2(words, KEY_WORDS.delta),
    IC: Array.from({ length: icPoints }, (_, at) => g1(words, KEY_WORDS.ic + 2 * at)),
  };
}

function proofOf(words: readonly bigint[]) {
  return { protocol: "groth16", curve: "bn128", pi_a: g1(words, 0), pi_b: g2(words, 2), pi_c: g1(words, 6) };
}

function g1(words: readonly bigint[], at: number): string[] {
  return [decimal(words[at]), decimal(words[at + 1]), "1"];
}

function g2(words: readonly bigint[], at: number): string[][] {
  const [xIm, xRe, yIm, yRe] = words.slice(at, at + 4).map(decimal);
  return [
    [xRe ?? "0", xIm ?? "0"],
    [yRe ?? "0", yIm ?? "0"],
    ["1", "0"],
  ];
}

function decimal(word: bigint | undefined): string {
  return (word ?? 0n).toString();
}
