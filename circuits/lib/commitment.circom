// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.1.6;

include "range.circom";
include "circomlib/circuits/poseidon.circom";

// Salted commitment to `length` elements of `bits` bits: the scheme "meantime.input.poseidon.v1:<bits>:<length>".
//
// Elements are packed 248 / bits to a word, the first lowest. The first Poseidon call takes (tag, salt, 14 words), each
// further call (hash so far, 15 words). `tag` is a constant of the scheme, so that two schemes never share a hash; the
// range check makes the packing injective.
template InputCommitment(bits, length, tag) {
    signal input in[length];
    signal input salt;
    signal output out;

    var perWord = 248 \ bits;
    var wordCount = (length + perWord - 1) \ perWord;
    var calls = wordCount <= 14 ? 1 : 1 + (wordCount - 14 + 14) \ 15;

    component range[length];
    var word[wordCount];
    for (var i = 0; i < length; i++) {
        range[i] = Range(bits);
        range[i].in <== in[i];
        word[i \ perWord] += in[i] * (1 << (bits * (i % perWord)));
    }

    component sponge[calls];
    var absorbed = 0;
    for (var c = 0; c < calls; c++) {
        var head = c == 0 ? 2 : 1;
        var share = wordCount - absorbed < 16 - head ? wordCount - absorbed : 16 - head;
        sponge[c] = Poseidon(head + share);
        if (c == 0) {
            sponge[c].inputs[0] <== tag;
            sponge[c].inputs[1] <== salt;
        } else {
            sponge[c].inputs[0] <== sponge[c - 1].out;
        }
        for (var w = 0; w < share; w++) {
            sponge[c].inputs[head + w] <== word[absorbed + w];
        }
        absorbed += share;
    }
    out <== sponge[calls - 1].out;
}
