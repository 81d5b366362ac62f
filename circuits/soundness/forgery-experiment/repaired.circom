// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.1.6;

include "argmax.circom";
include "range.circom";

// The same layer with hints that the prover does not choose: both are inside, and both are in range, so
// that the division has one result.
template Layer(rows, columns, weights, shift, quotientBits) {
    signal input in[columns];
    signal output quotient[rows];
    signal remainder[rows];
    component quotientRange[rows];
    component remainderRange[rows];

    for (var r = 0; r < rows; r++) {
        var sum = 0;
        for (var c = 0; c < columns; c++) {
            sum += weights[r][c] * in[c];
        }
        quotient[r] <-- sum \ (1 << shift);
        remainder[r] <-- sum % (1 << shift);
        quotient[r] * (1 << shift) + remainder[r] === sum;
        quotientRange[r] = Range(quotientBits);
        quotientRange[r].in <== quotient[r];
        remainderRange[r] = Range(shift);
        remainderRange[r].in <== remainder[r];
    }
}

template Classifier() {
    signal input x[4];
    signal output label;

    component layer = Layer(3, 4, [[3, 1, 0, 2], [1, 2, 4, 0], [0, 3, 1, 1]], 4, 20);
    layer.in <== x;

    component largest = ArgMax(3, [20, 20, 20]);
    largest.in <== layer.quotient;
    label <== largest.out;
}

component main {public [x]} = Classifier();
