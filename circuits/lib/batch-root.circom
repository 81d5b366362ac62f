// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.1.6;

include "circomlib/circuits/poseidon.circom";

// out = one field element that binds `count` of them, in order. The first Poseidon call takes (tag, 15 elements), each
// further call (hash so far, 15 elements). `tag` is a constant of the scheme and names the count.
template BatchRoot(count, tag) {
    signal input in[count];
    signal output out;

    var calls = (count + 14) \ 15;
    component sponge[calls];
    for (var c = 0; c < calls; c++) {
        var share = count - 15 * c < 15 ? count - 15 * c : 15;
        sponge[c] = Poseidon(1 + share);
        if (c == 0) {
            sponge[c].inputs[0] <== tag;
        } else {
            sponge[c].inputs[0] <== sponge[c - 1].out;
        }
        for (var i = 0; i < share; i++) {
            sponge[c].inputs[1 + i] <== in[15 * c + i];
        }
    }
    out <== sponge[calls - 1].out;
}
