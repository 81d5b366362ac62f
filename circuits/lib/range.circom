// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.1.6;

// Accepts exactly the integers 0 .. 2^bits - 1. Costs `bits` constraints.
//
// The top bit has no wire: what is left after the low bits must be 0 or 2^(bits-1). Lower is not possible with one
// product per constraint: a polynomial that vanishes at 2^bits points has degree 2^bits.
template Range(bits) {
    signal input in;
    signal low[bits - 1];

    var sum = 0;
    for (var k = 0; k < bits - 1; k++) {
        low[k] <-- (in >> k) & 1;
        low[k] * (low[k] - 1) === 0;
        sum += low[k] * (1 << k);
    }
    (in - sum) * (in - sum - (1 << (bits - 1))) === 0;
}
