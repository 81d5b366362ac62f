// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IP384} from "../../interfaces/IP384.sol";
import {P384Tables} from "./P384Tables.sol";

/// @title P384
/// @dev ECDSA over P-384 without an inversion, and with half the doublings. With e the digest, s R = e G + r Q for the
/// one point R of a valid signature. The caller, who knows everything, picks a small c != 0 for which d = -c r / s is
/// small as well; this contract walks a chain of doublings and additions to infinity that the hints lay down, and
/// keeps count of what it has added: a1 G + a2 2^192 G + d Q + c R = 0. Afterwards it checks (a1 + 2^192 a2) s = -c e
/// and d s = -c r (mod n), so that c (R - (e/s) G - (r/s) Q) = 0, and the group's order is the prime n > |c| > 0.
///
/// Every doubling and addition is a slope from the hints and the check that it is the slope: `slope * 2y = 3x^2 - 3`,
/// or `slope * (u - x) = v - y`. Where the divisor is not zero there is one such slope; 2y never is, as a point with
/// y = 0 would have order two, and u = x is refused. All points are on the curve, as the three that enter are.
///
/// Arithmetic: a number is two words, high and low, any value below 2^384 = K (mod p), K = 2^128 + 2^96 - 2^32 + 1,
/// so zero is 0 or p. Products reduce by folding what is above 2^384. A point is (x, 2y), as every formula here wants.
contract P384 is IP384 {
    uint256 private constant M128 = 0xffffffffffffffffffffffffffffffff;
    // p and its multiples.
    uint256 private constant P_HIGH = M128;
    uint256 private constant P_LOW = 0xfffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffff;
    uint256 private constant P2_HIGH = 0x1ffffffffffffffffffffffffffffffff;
    uint256 private constant P2_LOW = 0xfffffffffffffffffffffffffffffffdfffffffe0000000000000001fffffffe;
    uint256 private constant P4_HIGH = 0x3ffffffffffffffffffffffffffffffff;
    uint256 private constant P4_LOW = 0xfffffffffffffffffffffffffffffffbfffffffc0000000000000003fffffffc;
    // 6 p + 3
    uint256 private constant P6_3_HIGH = 0x5ffffffffffffffffffffffffffffffff;
    uint256 private constant P6_3_LOW = 0xfffffffffffffffffffffffffffffff9fffffffa0000000000000005fffffffd;
    // p - 3
    uint256 private constant P_3_LOW = 0xfffffffffffffffffffffffffffffffeffffffff0000000000000000fffffffc;
    // 2^384 - p, and without its highest bit.
    uint256 private constant K = 0x100000000ffffffffffffffff00000001;
    uint256 private constant K_96 = 0xffffffffffffffff00000001;
    // The curve's b.
    uint256 private constant B_HIGH = 0xb3312fa7e23ee7e4988e056be3f82d19;
    uint256 private constant B_LOW = 0x181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aef;
    // The group's order n, and 2^384 - n.
    uint256 private constant N_HIGH = M128;
    uint256 private constant N_LOW = 0xffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973;
    uint256 private constant N_REST = 0x389cb27e0bc8d220a7e5f24db74f58851313e695333ad68d;

    // Memory: the accumulator's x and 2y, high words first; the point to add, likewise; the four coefficients; twice
    // the point whose table is built; the table of 8 odd multiples of Q and 8 of R; the fixed table.
    uint256 private constant X1 = 0x80;
    uint256 private constant X0 = 0xa0;
    uint256 private constant Y1 = 0xc0;
    uint256 private constant Y0 = 0xe0;
    uint256 private constant U1 = 0x100;
    uint256 private constant U0 = 0x120;
    uint256 private constant V1 = 0x140;
    uint256 private constant V0 = 0x160;
    uint256 private constant COEFFICIENTS = 0x180;
    uint256 private constant TWICE = 0x200;
    uint256 private constant MULTIPLES = 0x280;
    uint256 private constant FIXED = 0xa80;
    uint256 private constant FIXED_BYTES = 24576;

    // More doublings would let a coefficient pass n.
    uint256 private constant MAX_DOUBLINGS = 200;

    // Of a step's second byte: subtract the entry; add without doubling; compare and end; the entry is fixed.
    uint256 private constant NEGATIVE = 0x80;
    uint256 private constant PLAIN = 0x40;
    uint256 private constant LAST = 0x20;
    uint256 private constant OF_MULTIPLES = 0x01;

    /// @notice The contract whose code is the table of odd multiples of G and 2^192 G.
    address public immutable TABLES = address(new P384Tables());

    /// @inheritdoc IP384
    // solhint-disable-next-line function-max-lines
    function verify(bytes calldata signed, bytes calldata hints) external view {
        if (signed.length != 240) revert BadLength(signed.length);
        address tables = TABLES;
        assembly {
            extcodecopy(tables, FIXED, 0, FIXED_BYTES)
            run(signed.offset, hints.offset, hints.length)

            function run(input, at, length) {
                let end := add(at, length)
                checkScalar(add(input, 48))
                checkScalar(add(input, 96))

                // Q, from the statement.
                let start := at
                let h, l := load(add(input, 144))
                let y1, y0 := load(add(input, 192))
                if iszero(and(below(h, l, P_HIGH, P_LOW), below(y1, y0, P_HIGH, P_LOW))) {
                    badKey()
                }
                mstore(U1, h)
                mstore(U0, l)
                if iszero(enter(y1, y0)) {
                    badKey()
                }
                at := tabulate(MULTIPLES, add(start, 50))

                // R: x = r or r + n, y from the hints.
                let flags := byte(0, calldataload(start))
                let remaining := byte(1, calldataload(start))
                if or(gt(flags, 1), gt(remaining, MAX_DOUBLINGS)) {
                    refuse(start)
                }
                h, l := load(add(input, 48))
                if flags {
                    l := add(l, N_LOW)
                    h := add(add(h, N_HIGH), lt(l, N_LOW))
                    if iszero(below(h, l, P_HIGH, P_LOW)) {
                        refuse(start)
                    }
                }
                mstore(U1, h)
                mstore(U0, l)
                y1, y0 := load(add(start, 2))
                if iszero(enter(y1, y0)) {
                    refuse(start)
                }
                at := tabulate(add(MULTIPLES, 0x400), at)

                pick(at, remaining)
                mcopy(X1, U1, 0x80)
                at := add(at, 3)
                for {} 1 {} {
                    let step := calldataload(at)
                    let doublings := byte(0, step)
                    let kind := byte(1, step)
                    if lt(remaining, doublings) {
                        refuse(at)
                    }
                    remaining := sub(remaining, doublings)
                    let entry := at
                    at := add(at, 3)
                    for {
                        let until := add(at, mul(48, doublings))
                    } lt(at, until) {
                        at := add(at, 48)
                    } {
                        double(at)
                    }
                    if and(kind, LAST) {
                        if remaining {
                            refuse(entry)
                        }
                        pick(entry, 0)
                        requireOpposite(entry)
                        break
                    }
                    if and(kind, PLAIN) {
                        pick(entry, remaining)
                        plus(at)
                        at := add(at, 48)
                        continue
                    }
                    if iszero(remaining) {
                        refuse(entry)
                    }
                    remaining := sub(remaining, 1)
                    pick(entry, remaining)
                    doublePlus(at)
                    at := add(at, 96)
                }
                if xor(at, end) {
                    refuse(at)
                }
                relate(input)
            }

            // (a1 + 2^192 a2) s + c e = 0 and d s + c r = 0, both mod n.
            function relate(input) {
                let c := mload(add(COEFFICIENTS, 0x60))
                if iszero(c) {
                    refuse(0)
                }
                let s1, s0 := load(add(input, 96))
                let c1, c0 := signedN(c)

                let h, l := signedN(mload(add(COEFFICIENTS, 0x20)))
                h, l := mulN(h, l, 0, shl(192, 1))
                let g, k := signedN(mload(COEFFICIENTS))
                h, l := addN(h, l, g, k)
                h, l := mulN(h, l, s1, s0)
                g, k := load(input)
                g, k := mulN(c1, c0, g, k)
                h, l := addN(h, l, g, k)
                if or(h, l) {
                    badSignature()
                }

                h, l := signedN(mload(add(COEFFICIENTS, 0x40)))
                h, l := mulN(h, l, s1, s0)
                g, k := load(add(input, 48))
                g, k := mulN(c1, c0, g, k)
                h, l := addN(h, l, g, k)
                if or(h, l) {
                    badSignature()
                }
            }

            // The entry that a step names becomes the point to add, and its coefficient grows.
            function pick(at, weight) {
                let step := calldataload(at)
                let kind := byte(1, step)
                let index := byte(2, step)
                let digit
                let slot
                switch and(kind, OF_MULTIPLES)
                case 0 {
                    let entry := add(FIXED, mul(96, index))
                    mstore(U1, shr(128, mload(entry)))
                    mstore(U0, mload(add(entry, 16)))
                    mstore(V1, shr(128, mload(add(entry, 48))))
                    mstore(V0, mload(add(entry, 64)))
                    digit := add(shl(1, and(index, 127)), 1)
                    slot := add(COEFFICIENTS, shl(5, shr(7, index)))
                }
                default {
                    if gt(index, 15) {
                        refuse(at)
                    }
                    mcopy(U1, add(MULTIPLES, shl(7, index)), 0x80)
                    digit := add(shl(1, and(index, 7)), 1)
                    slot := add(add(COEFFICIENTS, 0x40), shl(5, shr(3, index)))
                }
                if and(kind, NEGATIVE) {
                    digit := sub(0, digit)
                    let l := mload(V0)
                    mstore(V0, sub(P2_LOW, l))
                    mstore(V1, sub(sub(P2_HIGH, mload(V1)), lt(P2_LOW, l)))
                    let h
                    h, l := settle(mload(V1), mload(V0))
                    mstore(V1, h)
                    mstore(V0, l)
                }
                mstore(slot, add(mload(slot), shl(weight, digit)))
            }

            // Whether (U, y) is on the curve; if so, the point to add becomes it.
            function enter(y1, y0) -> ok {
                let x1 := mload(U1)
                let x0 := mload(U0)
                let h, l := square(x1, x0, P_HIGH, P_3_LOW)
                h, l := multiply(x1, x0, h, l, B_HIGH, B_LOW)
                h, l := square(y1, y0, sub(sub(P2_HIGH, h), lt(P2_LOW, l)), sub(P2_LOW, l))
                ok := isZero(h, l)
                h, l := settle(or(shl(1, y1), shr(255, y0)), shl(1, y0))
                mstore(V1, h)
                mstore(V0, l)
            }

            // 1, 3, .. 15 times the point to add; slopes of one doubling and seven additions.
            function tabulate(to, at) -> next {
                mcopy(X1, U1, 0x80)
                mcopy(to, U1, 0x80)
                double(at)
                mcopy(TWICE, X1, 0x80)
                mcopy(X1, to, 0x80)
                next := add(at, 384)
                for {} 1 {} {
                    at := add(at, 48)
                    if eq(at, next) {
                        break
                    }
                    mcopy(U1, TWICE, 0x80)
                    plus(at)
                    to := add(to, 0x80)
                    mcopy(to, X1, 0x80)
                }
            }

            // The accumulator is doubled.
            function double(at) {
                let s1, s0 := load(at)
                {
                    // s * Y - 3 x^2 + 3 = 0
                    let h, l := square(mload(X1), mload(X0), 0, 0)
                    let l3 := add(l, shl(1, l))
                    h := add(add(h, or(shl(1, h), shr(255, l))), lt(l3, l))
                    requireZero(
                        at,
                        s1,
                        s0,
                        mload(Y1),
                        mload(Y0),
                        sub(sub(P6_3_HIGH, h), lt(P6_3_LOW, l3)),
                        sub(P6_3_LOW, l3)
                    )
                }
                let x1 := mload(X1)
                let x0 := mload(X0)
                {
                    let l := shl(1, x0)
                    let h, k := square(
                        s1,
                        s0,
                        sub(sub(P4_HIGH, or(shl(1, x1), shr(255, x0))), lt(P4_LOW, l)),
                        sub(P4_LOW, l)
                    )
                    mstore(X1, h)
                    mstore(X0, k)
                }
                finish(s1, s0, x1, x0)
            }

            // The accumulator plus the point to add.
            function plus(at) {
                let s1, s0 := load(at)
                let h, l := chord(at, s1, s0)
                let x1 := mload(X1)
                let x0 := mload(X0)
                mstore(X1, h)
                mstore(X0, l)
                finish(s1, s0, x1, x0)
            }

            // Twice the accumulator plus the point to add, as (P + T) + P without the y of P + T.
            function doublePlus(at) {
                let s1, s0 := load(at)
                let h, l := chord(at, s1, s0)
                at := add(at, 48)
                let t1, t0 := load(at)
                {
                    // (s + t) (x' - x) + 2y = 0
                    let d1, d0 := minus(h, l, mload(X1), mload(X0))
                    s0 := add(s0, t0)
                    s1, s0 := settle(add(add(s1, t1), lt(s0, t0)), s0)
                    requireZero(at, s1, s0, d1, d0, mload(Y1), mload(Y0))
                }
                // x'' = t^2 - x - x'
                s1 := mload(X1)
                s0 := mload(X0)
                l := add(l, s0)
                h := add(add(h, s1), lt(l, s0))
                h, l := square(t1, t0, sub(sub(P4_HIGH, h), lt(P4_LOW, l)), sub(P4_LOW, l))
                mstore(X1, h)
                mstore(X0, l)
                finish(t1, t0, s1, s0)
            }

            // The x of accumulator plus point, its slope checked.
            function chord(at, s1, s0) -> h, l {
                {
                    // s * 2(u - x) + Y - V = 0 and u - x != 0. A difference whose low word alone is zero's, one in
                    // 2^255, is refused as well: the caller then walks another chain.
                    let d1, d0 := twiceMinus(mload(U1), mload(U0), mload(X1), mload(X0))
                    if or(iszero(d0), eq(d0, P_LOW)) {
                        refuse(at)
                    }
                    let v0 := mload(V0)
                    let c1 := sub(sub(add(P2_HIGH, mload(Y1)), mload(V1)), lt(P2_LOW, v0))
                    v0 := sub(P2_LOW, v0)
                    let c0 := add(v0, mload(Y0))
                    requireZero(at, s1, s0, d1, d0, add(c1, lt(c0, v0)), c0)
                }
                l := mload(U0)
                let x0 := add(l, mload(X0))
                let x1 := add(add(mload(U1), mload(X1)), lt(x0, l))
                h, l := square(s1, s0, sub(sub(P4_HIGH, x1), lt(P4_LOW, x0)), sub(P4_LOW, x0))
            }

            // Y := s * 2(x - X) - Y
            function finish(s1, s0, x1, x0) {
                x1, x0 := twiceMinus(x1, x0, mload(X1), mload(X0))
                let y0 := mload(Y0)
                s1, s0 := multiply(s1, s0, x1, x0, sub(sub(P2_HIGH, mload(Y1)), lt(P2_LOW, y0)), sub(P2_LOW, y0))
                mstore(Y1, s1)
                mstore(Y0, s0)
            }

            // The accumulator is minus the point to add.
            function requireOpposite(at) {
                let h, l := minus(mload(X1), mload(X0), mload(U1), mload(U0))
                if iszero(isZero(h, l)) {
                    refuse(at)
                }
                l := add(mload(Y0), mload(V0))
                h, l := settle(add(add(mload(Y1), mload(V1)), lt(l, mload(V0))), l)
                if iszero(isZero(h, l)) {
                    refuse(at)
                }
            }

            // x * y + c = 0
            function requireZero(at, x1, x0, y1, y0, c1, c0) {
                x1, x0 := multiply(x1, x0, y1, y0, c1, c0)
                if or(xor(x1, P_HIGH), xor(x0, P_LOW)) {
                    if or(x1, x0) {
                        refuse(at)
                    }
                }
            }

            function isZero(h, l) -> zero {
                zero := or(iszero(or(h, l)), iszero(or(xor(h, P_HIGH), xor(l, P_LOW))))
            }

            // a - b
            function minus(a1, a0, b1, b0) -> h, l {
                l := add(a0, P2_LOW)
                h := add(add(a1, P2_HIGH), lt(l, a0))
                h, l := settle(sub(sub(h, b1), lt(l, b0)), sub(l, b0))
            }

            // 2 (a - b)
            function twiceMinus(a1, a0, b1, b0) -> h, l {
                l := add(a0, P2_LOW)
                h := sub(sub(add(add(a1, P2_HIGH), lt(l, a0)), b1), lt(l, b0))
                l := sub(l, b0)
                h := or(shl(1, h), shr(255, l))
                l := shl(1, l)
                a0 := mul(shr(128, h), K)
                l := add(l, a0)
                h := add(and(h, M128), lt(l, a0))
                if shr(128, h) {
                    h := and(h, M128)
                    l := add(l, K)
                    h := add(h, lt(l, K))
                }
            }

            // What is above 2^384, less than 2^126 times, folded down.
            function settle(a1, a0) -> h, l {
                h := mul(shr(128, a1), K)
                l := add(a0, h)
                h := add(and(a1, M128), lt(l, h))
                if shr(128, h) {
                    h := and(h, M128)
                    l := add(l, K)
                    h := add(h, lt(l, K))
                }
            }

            // x * y + c, for c below 2^390.
            function multiply(x1, x0, y1, y0, c1, c0) -> h, l {
                // The product, in words y1, h, l. The high half of a product by its remainder mod 2^256 - 1.
                l := mul(x0, y0)
                let m := mulmod(x0, y0, not(0))
                h := sub(sub(m, l), lt(m, l))
                let s := add(mul(x0, y1), mul(x1, y0))
                m := addmod(mulmod(x0, y1, not(0)), mulmod(x1, y0, not(0)), not(0))
                y1 := add(mul(x1, y1), sub(sub(m, s), lt(m, s)))
                h := add(h, s)
                y1 := add(y1, lt(h, s))
                l := add(l, c0)
                c1 := add(c1, lt(l, c0))
                // Folded once: 384 bits times K; the part of it above 2^384 is left for the second fold.
                x0 := or(shl(128, y1), shr(128, h))
                y1 := shr(128, y1)
                s := mul(x0, K)
                m := mulmod(x0, K, not(0))
                l := add(l, s)
                h := add(add(add(and(h, M128), c1), sub(sub(m, s), lt(m, s))), add(mul(y1, K_96), lt(l, s)))
                // Folded again: at most 2^131.
                y1 := add(y1, shr(128, h))
                s := mul(y1, K)
                l := add(l, s)
                h := add(add(and(h, M128), lt(l, s)), add(shr(128, y1), lt(s, shl(128, y1))))
                if shr(128, h) {
                    h := and(h, M128)
                    l := add(l, K)
                    h := add(h, lt(l, K))
                }
            }

            // x^2 + c, for c below 2^390.
            function square(x1, x0, c1, c0) -> h, l {
                l := mul(x0, x0)
                let m := mulmod(x0, x0, not(0))
                h := sub(sub(m, l), lt(m, l))
                let s := mul(x0, shl(1, x1))
                m := mulmod(x0, shl(1, x1), not(0))
                x1 := add(mul(x1, x1), sub(sub(m, s), lt(m, s)))
                h := add(h, s)
                x1 := add(x1, lt(h, s))
                l := add(l, c0)
                c1 := add(c1, lt(l, c0))
                x0 := or(shl(128, x1), shr(128, h))
                x1 := shr(128, x1)
                s := mul(x0, K)
                m := mulmod(x0, K, not(0))
                l := add(l, s)
                h := add(add(add(and(h, M128), c1), sub(sub(m, s), lt(m, s))), add(mul(x1, K_96), lt(l, s)))
                x1 := add(x1, shr(128, h))
                s := mul(x1, K)
                l := add(l, s)
                h := add(add(and(h, M128), lt(l, s)), add(shr(128, x1), lt(s, shl(128, x1))))
                if shr(128, h) {
                    h := and(h, M128)
                    l := add(l, K)
                    h := add(h, lt(l, K))
                }
            }

            // x * y mod n, below n. Rare, so plain: folds by 2^384 - n until nothing is above 2^384.
            function mulN(x1, x0, y1, y0) -> h, l {
                l := mul(x0, y0)
                h := upper(x0, y0)
                let s := mul(x0, y1)
                h := add(h, s)
                let t := add(add(mul(x1, y1), upper(x0, y1)), lt(h, s))
                s := mul(x1, y0)
                h := add(h, s)
                t := add(add(t, upper(x1, y0)), lt(h, s))
                for {} or(t, shr(128, h)) {} {
                    x0 := or(shl(128, t), shr(128, h))
                    x1 := shr(128, t)
                    s := mul(x0, N_REST)
                    l := add(l, s)
                    h := add(add(and(h, M128), upper(x0, N_REST)), lt(l, s))
                    s := mul(x1, N_REST)
                    h := add(h, s)
                    t := add(upper(x1, N_REST), lt(h, s))
                }
                h, l := addN(h, l, 0, 0)
            }

            // a + b mod n for a, b below 2^384, below n.
            function addN(a1, a0, b1, b0) -> h, l {
                l := add(a0, b0)
                h := add(add(a1, b1), lt(l, a0))
                for {} iszero(below(h, l, N_HIGH, N_LOW)) {} {
                    h := sub(sub(h, N_HIGH), lt(l, N_LOW))
                    l := sub(l, N_LOW)
                }
            }

            // A signed number mod n.
            function signedN(value) -> h, l {
                l := value
                if slt(value, 0) {
                    h := N_HIGH
                    l := add(N_LOW, value)
                    h := sub(h, gt(l, N_LOW))
                }
            }

            function upper(a, b) -> h {
                h := mulmod(a, b, not(0))
                a := mul(a, b)
                h := sub(sub(h, a), lt(h, a))
            }

            function below(a1, a0, b1, b0) -> yes {
                yes := or(lt(a1, b1), and(eq(a1, b1), lt(a0, b0)))
            }

            function checkScalar(at) {
                let h, l := load(at)
                if or(iszero(or(h, l)), iszero(below(h, l, N_HIGH, N_LOW))) {
                    badSignature()
                }
            }

            function load(at) -> h, l {
                h := shr(128, calldataload(at))
                l := calldataload(add(at, 16))
            }

            function badKey() {
                mstore(0, 0xee9f2d53)
                revert(28, 4)
            }

            function badSignature() {
                mstore(0, 0x5cd5d233)
                revert(28, 4)
            }

            function refuse(at) {
                mstore(0, 0xd890f083)
                mstore(32, at)
                revert(28, 36)
            }
        }
    }
}
