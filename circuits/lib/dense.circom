// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.1.6;

// out = weights * in + bias. Weights are constants of the circuit, so no product needs a constraint: one linear row
// per output. Added up in blocks: the compiler copies a sum whenever it grows, which makes one long sum slow to compile.
template Dense(rows, columns, weights, bias) {
    signal input in[columns];
    signal output out[rows];

    for (var r = 0; r < rows; r++) {
        var sum = bias[r];
        for (var block = 0; block < columns; block += 28) {
            var part = 0;
            for (var c = block; c < columns && c < block + 28; c++) {
                part += weights[r][c] * in[c];
            }
            sum += part;
        }
        out[r] <== sum;
    }
}
