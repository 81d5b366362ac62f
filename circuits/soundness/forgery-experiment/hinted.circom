// SPDX-License-Identifier: GPL-3.0-or-later
// UNSOUND ON PURPOSE. Never use this: it exists to be forged.
pragma circom 2.1.6;

include "argmax.circom";

// A layer with requantisation that takes quotient and remainder as inputs. The range of the remainder is
// asserted, not constrained: assert runs in the generator alone.
template HintedLayer(rows, columns, weights, divisor) {
    signal input in[columns];
    signal input quotient[rows];
    signal input remainder[rows];

    for (var r = 0; r < rows; r++) {
        var sum = 0;
        for (var c = 0; c < columns; c++) {
            sum += weights[r][c] * in[c];
        }
        assert(remainder[r] < divisor);
        quotient[r] * divisor + remainder[r] === sum;
    }
}

template Classifier() {
    signal input x[4];
    signal input quotient[3];
    signal input remainder[3];
    signal output label;

    component layer = HintedLayer(3, 4, [[3, 1, 0, 2], [1, 2, 4, 0], [0, 3, 1, 1]], 16);
    layer.in <== x;
    layer.quotient <== quotient;
    layer.remainder <== remainder;

    component largest = ArgMax(3, [100, 100, 100]);
    largest.in <== quotient;
    label <== largest.out;
}

component main {public [x]} = Classifier();
