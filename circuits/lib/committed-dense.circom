// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.1.6;

// out = weights * in + bias with weights that the circuit does not know. One constraint a weight.
//
// `weights` holds the rows one after the other: `columns` weights, then `biasDigits` digits of the bias, the lowest
// first. All are unsigned, of `bits` bits: a weight is its element less 2^(bits-1), a bias the number of its digits less
// half its range. The caller owes the range of every element.
template CommittedDense(rows, columns, bits, biasDigits) {
    signal input in[columns];
    signal input weights[rows * (columns + biasDigits)];
    signal output out[rows];
    signal term[rows][columns];

    for (var r = 0; r < rows; r++) {
        var row = r * (columns + biasDigits);
        var sum = 0 - (1 << (bits * biasDigits - 1));
        for (var d = 0; d < biasDigits; d++) {
            sum += weights[row + columns + d] * (1 << (bits * d));
        }
        for (var c = 0; c < columns; c++) {
            term[r][c] <== (weights[row + c] - (1 << (bits - 1))) * in[c];
            sum += term[r][c];
        }
        out[r] <== sum;
    }
}
