// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.1.6;

// out = floor(max(in, 0) / 2^shift), for in in -2^(bits-1) .. 2^(bits-1) - 1. Costs bits + 1 constraints: sign, range
// and requantisation read one decomposition of in + 2^(bits-1).
//
// The caller owes the bound on `in`: the compiler derives it from the constant weights and the range of the inputs.
// Within it the decomposition is unique, because 2^bits is far below the field's modulus.
template ReluShift(bits, shift) {
    signal input in;
    signal output out;
    signal low[bits - 1];

    var offset = 1 << (bits - 1);
    var sum = 0;
    var shifted = 0;
    for (var k = 0; k < bits - 1; k++) {
        low[k] <-- ((in + offset) >> k) & 1;
        low[k] * (low[k] - 1) === 0;
        sum += low[k] * (1 << k);
        if (k >= shift) {
            shifted += low[k] * (1 << (k - shift));
        }
    }
    var isPositive = (in + offset - sum) / offset;
    isPositive * (isPositive - 1) === 0;
    out <== isPositive * shifted;
}
