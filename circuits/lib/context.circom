// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.1.6;

// Binds a public input that the statement does not compute with. Without a constraint the verifier would accept the
// same proof for any value of it.
template BindContext() {
    signal input in;
    signal square;
    square <== in * in;
}
