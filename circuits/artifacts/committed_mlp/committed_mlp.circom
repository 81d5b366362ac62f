// SPDX-License-Identifier: GPL-3.0-or-later
// Generated from committed_mlp.json by circuits/compiler: change that, not this.
pragma circom 2.1.6;

include "argmax.circom";
include "commitment.circom";
include "committed-dense.circom";
include "context.circom";
include "relu.circom";

template Model() {
    signal input x[196];
    signal input salt;
    signal input weights[5012];
    signal input weightSalt;
    signal input ctx;
    signal output inputHash;
    signal output outputHash;

    component commitment = InputCommitment(4, 196, 372158408360881726918951548045858000997152517891713125795382738287551415507);
    commitment.in <== x;
    commitment.salt <== salt;
    inputHash <== commitment.out;

    component weightCommitment = InputCommitment(7, 5012, 205701183544946938076418095972836589540538144420288137448145686528148941559);
    weightCommitment.in <== weights;
    weightCommitment.salt <== weightSalt;
    weightCommitment.out === 2898798748788176964087590131832311609580785090285654061513693106747383163139;

    component layer0 = CommittedDense(24, 196, 7, 2);
    layer0.in <== x;
    for (var i = 0; i < 4752; i++) {
        layer0.weights[i] <== weights[0 + i];
    }

    var bits1[24] = [19,19,19,19,19,19,19,19,19,19,19,19,19,19,19,19,19,19,19,19,19,19,19,19];
    component unit1[24];
    signal relu1[24];
    for (var i = 0; i < 24; i++) {
        unit1[i] = ReluShift(bits1[i], 6);
        unit1[i].in <== layer0.out[i];
        relu1[i] <== unit1[i].out;
    }

    component layer2 = CommittedDense(10, 24, 7, 2);
    layer2.in <== relu1;
    for (var i = 0; i < 260; i++) {
        layer2.weights[i] <== weights[4752 + i];
    }

    component layer3 = ArgMax(10, [24,24,24,24,24,24,24,24,24,24]);
    layer3.in <== layer2.out;

    outputHash <== layer3.out;

    component context = BindContext();
    context.in <== ctx;
}

component main {public [ctx]} = Model();
