// SPDX-License-Identifier: GPL-3.0-or-later

/**
 * ReLUs with shift as statements that read the signal array `input` and give `relu<at>`.
 *
 * @param bits width of each unit, 0 for a unit that nothing reads
 */
export function reluSource(at: number, input: string, shift: number, bits: readonly number[]): string {
  const unit = `unit${at}[i] = ReluShift(bits${at}[i], ${shift});
unit${at}[i].in <== ${input}[i];
relu${at}[i] <== unit${at}[i].out;`;
  const leavesSomeOut = bits.includes(0);
  const loop = leavesSomeOut
    ? `        if (bits${at}[i] > 0) {
${indent(unit, 12)}
        } else {
            relu${at}[i] <== 0;
        }`
    : indent(unit, 8);
  return `${leavesSomeOut ? "    // Width 0: nothing reads this unit.\n" : ""}    var bits${at}[${bits.length}] = [${bits.join(",")}];
    component unit${at}[${bits.length}];
    signal relu${at}[${bits.length}];
    for (var i = 0; i < ${bits.length}; i++) {
${loop}
    }
`;
}

/** The label as statements that read the signal array `input` and give `layer<at>.out`. */
export function argmaxSource(at: number, input: string, gapBits: readonly number[]): string {
  return `    component layer${at} = ArgMax(${gapBits.length}, [${gapBits.join(",")}]);
    layer${at}.in <== ${input};
`;
}

function indent(lines: string, spaces: number): string {
  return lines.replaceAll(/^/gm, " ".repeat(spaces));
}
