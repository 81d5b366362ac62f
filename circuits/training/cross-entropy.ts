// SPDX-License-Identifier: GPL-3.0-or-later

/**
 * The loss of one image, -ln(softmax(logits)[label]). Writes its slope by each logit, softmax minus one-hot, into
 * `slopes`; the loss itself is only reported.
 */
export function crossEntropy(logits: Float64Array, label: number, slopes: Float64Array): number {
  const largest = Math.max(...logits);
  const exponentials = logits.map((logit) => expOfNonPositive(logit - largest));
  const total = exponentials.reduce((sum, value) => sum + value, 0);
  for (let c = 0; c < logits.length; c++) {
    slopes[c] = (exponentials[c] as number) / total - (c === label ? 1 : 0);
  }
  return -Math.log((exponentials[label] as number) / total);
}

// (1 + x/4096 + (x/4096)^2/2)^4096. Only products and sums, which IEEE 754 fixes to the last bit; Math.exp is free to
// differ between engines, and a training run has to give the same weights everywhere.
function expOfNonPositive(x: number): number {
  const small = Math.max(x, -700) / 4096;
  let power = 1 + small + (small * small) / 2;
  for (let squaring = 0; squaring < 12; squaring++) power *= power;
  return power;
}
