// SPDX-License-Identifier: GPL-3.0-or-later
// Generated from iris_mlp.json by circuits/compiler: change that, not this.
pragma circom 2.1.6;

include "argmax.circom";
include "commitment.circom";
include "context.circom";
include "dense.circom";
include "relu.circom";

template Model() {
    signal input x[4];
    signal input salt;
    signal input ctx;
    signal output inputHash;
    signal output outputHash;

    component commitment = InputCommitment(7, 4, 426113356976387351553061936969092695812885546164389656631089759063703291294);
    commitment.in <== x;
    commitment.salt <== salt;
    inputHash <== commitment.out;

    component layer0 = Dense(8, 4, [
        [-3,4,-11,-12],
        [32,32,-83,-65],
        [3,-6,-9,9],
        [-4,-32,112,85],
        [35,-1,-38,-53],
        [1,-5,-9,-4],
        [8,-16,-8,1],
        [-18,-1,-18,-17]
    ], [32,4994,32,-575,2594,32,32,32]);
    layer0.in <== x;

    var bits1[8] = [13,15,12,16,15,13,13,14];
    component unit1[8];
    signal relu1[8];
    for (var i = 0; i < 8; i++) {
        unit1[i] = ReluShift(bits1[i], 6);
        unit1[i].in <== layer0.out[i];
        relu1[i] <== unit1[i].out;
    }

    component layer2 = Dense(3, 8, [
        [7,47,1,-81,22,-4,7,-11],
        [10,12,3,7,26,-3,-10,7],
        [6,-80,0,97,-42,-10,-9,-7]
    ], [382,403,-785]);
    layer2.in <== relu1;

    component layer3 = ArgMax(3, [17,16,16]);
    layer3.in <== layer2.out;

    outputHash <== layer3.out;

    component context = BindContext();
    context.in <== ctx;
}

component main {public [ctx]} = Model();
