// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.1.6;

// out = weights * in + bias. Weights are constants of the circuit, so no product needs a constraint: one linear row
// per output.
template Dense(rows, columns, weights, bias) {
    signal input in[columns];
    signal output out[rows];

    for (var r = 0; r < rows; r++) {
        var sum = bias[r];
        for (var c = 0; c < columns; c++) {
            sum += weights[r][c] * in[c];
        }
        out[r] <== sum;
    }
}
