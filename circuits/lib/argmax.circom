// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.1.6;

include "range.circom";

// out = the lowest index of a largest element.
//
// The witness chooses a one-hot vector; the constraints leave only one choice. With m the chosen element,
// m - in[i] >= 0 must hold for every i and m - in[i] >= 1 for every i before the chosen one, each shown by
// gapBits[i] bits. The caller owes the bounds: every honest gap fits gapBits[i], and no gap, however the index is
// chosen, wraps round the field.
template ArgMax(count, gapBits) {
    signal input in[count];
    signal output out;
    signal chosen[count];
    signal term[count];

    var largest = in[0];
    var best = 0;
    for (var i = 1; i < count; i++) {
        if (in[i] > largest) {
            largest = in[i];
            best = i;
        }
    }

    var hot = 0;
    var index = 0;
    var maximum = 0;
    for (var i = 0; i < count; i++) {
        chosen[i] <-- best == i ? 1 : 0;
        chosen[i] * (chosen[i] - 1) === 0;
        hot += chosen[i];
        index += i * chosen[i];
        term[i] <== chosen[i] * in[i];
        maximum += term[i];
    }
    hot === 1;
    out <== index;

    component gap[count];
    var isBefore = 1;
    for (var i = 0; i < count; i++) {
        isBefore -= chosen[i];
        gap[i] = Range(gapBits[i]);
        gap[i].in <== maximum - in[i] - isBefore;
    }
}
