// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Sha384
/// @notice SHA-384 (FIPS 180-4) of the whole calldata, without selector or encoding: 48 bytes come back.
/// @dev Not to be called through an interface. Two 64-bit words share an EVM word, 16 bytes apart, so one load takes
/// any two neighbours and the schedule makes two words at a time. Multiplying by 2^64 + 1 doubles a 64-bit word, after
/// which a rotation is one shift; what a shift carries over from the neighbour lies above bit 63 and is masked.
contract Sha384 {
    uint256 private constant WORD = 0xffffffffffffffff;
    uint256 private constant PAIR = 0xffffffffffffffff0000000000000000ffffffffffffffff;
    uint256 private constant DOUBLING = 0x10000000000000001;

    // One assembly block: functions in it share nothing but memory and constants.
    // solhint-disable-next-line function-max-lines, no-complex-fallback, payable-fallback
    fallback() external {
        assembly {
            digest()

            function digest() {
                // Memory: round constants at 0x020, schedule at 0x540, the sums of both at 0xa60, chaining value at
                // 0xf80, message at 0x1080. A round reads its sum 16 bytes early, so that it lies in the lower half.
                mstore(0x020, 0x428a2f98d728ae2200000000000000007137449123ef65cd)
                mstore(0x040, 0xb5c0fbcfec4d3b2f0000000000000000e9b5dba58189dbbc)
                mstore(0x060, 0x3956c25bf348b538000000000000000059f111f1b605d019)
                mstore(0x080, 0x923f82a4af194f9b0000000000000000ab1c5ed5da6d8118)
                mstore(0x0a0, 0xd807aa98a3030242000000000000000012835b0145706fbe)
                mstore(0x0c0, 0x243185be4ee4b28c0000000000000000550c7dc3d5ffb4e2)
                mstore(0x0e0, 0x72be5d74f27b896f000000000000000080deb1fe3b1696b1)
                mstore(0x100, 0x9bdc06a725c712350000000000000000c19bf174cf692694)
                mstore(0x120, 0xe49b69c19ef14ad20000000000000000efbe4786384f25e3)
                mstore(0x140, 0x0fc19dc68b8cd5b50000000000000000240ca1cc77ac9c65)
                mstore(0x160, 0x2de92c6f592b027500000000000000004a7484aa6ea6e483)
                mstore(0x180, 0x5cb0a9dcbd41fbd4000000000000000076f988da831153b5)
                mstore(0x1a0, 0x983e5152ee66dfab0000000000000000a831c66d2db43210)
                mstore(0x1c0, 0xb00327c898fb213f0000000000000000bf597fc7beef0ee4)
                mstore(0x1e0, 0xc6e00bf33da88fc20000000000000000d5a79147930aa725)
                mstore(0x200, 0x06ca6351e003826f0000000000000000142929670a0e6e70)
                mstore(0x220, 0x27b70a8546d22ffc00000000000000002e1b21385c26c926)
                mstore(0x240, 0x4d2c6dfc5ac42aed000000000000000053380d139d95b3df)
                mstore(0x260, 0x650a73548baf63de0000000000000000766a0abb3c77b2a8)
                mstore(0x280, 0x81c2c92e47edaee6000000000000000092722c851482353b)
                mstore(0x2a0, 0xa2bfe8a14cf103640000000000000000a81a664bbc423001)
                mstore(0x2c0, 0xc24b8b70d0f897910000000000000000c76c51a30654be30)
                mstore(0x2e0, 0xd192e819d6ef52180000000000000000d69906245565a910)
                mstore(0x300, 0xf40e35855771202a0000000000000000106aa07032bbd1b8)
                mstore(0x320, 0x19a4c116b8d2d0c800000000000000001e376c085141ab53)
                mstore(0x340, 0x2748774cdf8eeb99000000000000000034b0bcb5e19b48a8)
                mstore(0x360, 0x391c0cb3c5c95a6300000000000000004ed8aa4ae3418acb)
                mstore(0x380, 0x5b9cca4f7763e3730000000000000000682e6ff3d6b2b8a3)
                mstore(0x3a0, 0x748f82ee5defb2fc000000000000000078a5636f43172f60)
                mstore(0x3c0, 0x84c87814a1f0ab7200000000000000008cc702081a6439ec)
                mstore(0x3e0, 0x90befffa23631e280000000000000000a4506cebde82bde9)
                mstore(0x400, 0xbef9a3f7b2c679150000000000000000c67178f2e372532b)
                mstore(0x420, 0xca273eceea26619c0000000000000000d186b8c721c0c207)
                mstore(0x440, 0xeada7dd6cde0eb1e0000000000000000f57d4f7fee6ed178)
                mstore(0x460, 0x06f067aa72176fba00000000000000000a637dc5a2c898a6)
                mstore(0x480, 0x113f9804bef90dae00000000000000001b710b35131c471b)
                mstore(0x4a0, 0x28db77f523047d84000000000000000032caab7b40c72493)
                mstore(0x4c0, 0x3c9ebe0a15c9bebc0000000000000000431d67c49c100d4c)
                mstore(0x4e0, 0x4cc5d4becb3e42b60000000000000000597f299cfc657e2a)
                mstore(0x500, 0x5fcb6fab3ad6faec00000000000000006c44198c4a475817)

                mstore(0xf80, 0xcbbb9d5dc1059ed8)
                mstore(0xfa0, 0x629a292a367cd507)
                mstore(0xfc0, 0x9159015a3070dd17)
                mstore(0xfe0, 0x152fecd8f70e5939)
                mstore(0x1000, 0x67332667ffc00b31)
                mstore(0x1020, 0x8eb44a8768581511)
                mstore(0x1040, 0xdb0c2e0d64f98fa7)
                mstore(0x1060, 0x47b5481dbefa4fa4)

                // Padding: a one bit, zeros, the length in bits. Memory past the message is zero.
                let end
                {
                    let length := calldatasize()
                    calldatacopy(0x1080, 0, length)
                    mstore8(add(0x1080, length), 0x80)
                    end := add(0x1080, and(add(length, 144), not(127)))
                    mstore(sub(end, 32), or(mload(sub(end, 32)), shl(3, length)))
                }

                for {
                    let at := 0x1080
                } lt(at, end) {
                    at := add(at, 128)
                } {
                    spread(mload(at), 0x540)
                    spread(mload(add(at, 32)), 0x580)
                    spread(mload(add(at, 64)), 0x5c0)
                    spread(mload(add(at, 96)), 0x600)
                    for {
                        let p := 0x640
                    } lt(p, 0xa40) {
                        p := add(p, 0x100)
                    } {
                        extend(p)
                        extend(add(p, 0x20))
                        extend(add(p, 0x40))
                        extend(add(p, 0x60))
                        extend(add(p, 0x80))
                        extend(add(p, 0xa0))
                        extend(add(p, 0xc0))
                        extend(add(p, 0xe0))
                    }
                    compress()
                }

                mstore(
                    0,
                    or(or(shl(192, mload(0xf80)), shl(128, mload(0xfa0))), or(shl(64, mload(0xfc0)), mload(0xfe0)))
                )
                mstore(32, or(shl(192, mload(0x1000)), shl(128, mload(0x1020))))
                return(0, 48)
            }

            // Four words of the message to their places.
            function spread(words, to) {
                let high := shr(128, words)
                high := and(or(shl(64, high), high), PAIR)
                mstore(to, high)
                mstore(add(to, 0x520), add(high, mload(sub(to, 0x520))))
                let low := and(or(shl(64, words), and(words, WORD)), PAIR)
                mstore(add(to, 0x20), low)
                mstore(add(to, 0x540), add(low, mload(sub(to, 0x500))))
            }

            // Two more words of the schedule, at p and p + 16.
            function extend(p) {
                let pair := mload(sub(p, 0xf0))
                let twice := mul(pair, DOUBLING)
                let next := add(mload(sub(p, 0x100)), and(xor(xor(shr(1, twice), shr(8, twice)), shr(7, pair)), PAIR))
                pair := mload(sub(p, 0x20))
                twice := mul(pair, DOUBLING)
                next := add(next, and(xor(xor(shr(19, twice), shr(61, twice)), shr(6, pair)), PAIR))
                next := and(add(next, mload(sub(p, 0x70))), PAIR)
                mstore(p, next)
                mstore(add(p, 0x520), add(next, mload(sub(p, 0x520))))
            }

            // 80 rounds. The words that a round adds carry their neighbour above bit 63, which the mask removes.
            function compress() {
                let a := mload(0xf80)
                let b := mload(0xfa0)
                let c := mload(0xfc0)
                let d := mload(0xfe0)
                let e := mload(0x1000)
                let f := mload(0x1020)
                let g := mload(0x1040)
                let h := mload(0x1060)
                for {
                    let w := 0xa50
                } lt(w, 0xf50) {
                    w := add(w, 0x80)
                } {
                    {
                        let y := mul(e, DOUBLING)
                        h := add(
                            add(add(h, mload(add(w, 0x00))), xor(g, and(e, xor(f, g)))),
                            xor(xor(shr(14, y), shr(18, y)), shr(41, y))
                        )
                        d := and(add(d, h), WORD)
                        y := mul(a, DOUBLING)
                        h := and(
                            add(add(h, xor(xor(shr(28, y), shr(34, y)), shr(39, y))), or(and(a, b), and(c, or(a, b)))),
                            WORD
                        )
                    }
                    {
                        let y := mul(d, DOUBLING)
                        g := add(
                            add(add(g, mload(add(w, 0x10))), xor(f, and(d, xor(e, f)))),
                            xor(xor(shr(14, y), shr(18, y)), shr(41, y))
                        )
                        c := and(add(c, g), WORD)
                        y := mul(h, DOUBLING)
                        g := and(
                            add(add(g, xor(xor(shr(28, y), shr(34, y)), shr(39, y))), or(and(h, a), and(b, or(h, a)))),
                            WORD
                        )
                    }
                    {
                        let y := mul(c, DOUBLING)
                        f := add(
                            add(add(f, mload(add(w, 0x20))), xor(e, and(c, xor(d, e)))),
                            xor(xor(shr(14, y), shr(18, y)), shr(41, y))
                        )
                        b := and(add(b, f), WORD)
                        y := mul(g, DOUBLING)
                        f := and(
                            add(add(f, xor(xor(shr(28, y), shr(34, y)), shr(39, y))), or(and(g, h), and(a, or(g, h)))),
                            WORD
                        )
                    }
                    {
                        let y := mul(b, DOUBLING)
                        e := add(
                            add(add(e, mload(add(w, 0x30))), xor(d, and(b, xor(c, d)))),
                            xor(xor(shr(14, y), shr(18, y)), shr(41, y))
                        )
                        a := and(add(a, e), WORD)
                        y := mul(f, DOUBLING)
                        e := and(
                            add(add(e, xor(xor(shr(28, y), shr(34, y)), shr(39, y))), or(and(f, g), and(h, or(f, g)))),
                            WORD
                        )
                    }
                    {
                        let y := mul(a, DOUBLING)
                        d := add(
                            add(add(d, mload(add(w, 0x40))), xor(c, and(a, xor(b, c)))),
                            xor(xor(shr(14, y), shr(18, y)), shr(41, y))
                        )
                        h := and(add(h, d), WORD)
                        y := mul(e, DOUBLING)
                        d := and(
                            add(add(d, xor(xor(shr(28, y), shr(34, y)), shr(39, y))), or(and(e, f), and(g, or(e, f)))),
                            WORD
                        )
                    }
                    {
                        let y := mul(h, DOUBLING)
                        c := add(
                            add(add(c, mload(add(w, 0x50))), xor(b, and(h, xor(a, b)))),
                            xor(xor(shr(14, y), shr(18, y)), shr(41, y))
                        )
                        g := and(add(g, c), WORD)
                        y := mul(d, DOUBLING)
                        c := and(
                            add(add(c, xor(xor(shr(28, y), shr(34, y)), shr(39, y))), or(and(d, e), and(f, or(d, e)))),
                            WORD
                        )
                    }
                    {
                        let y := mul(g, DOUBLING)
                        b := add(
                            add(add(b, mload(add(w, 0x60))), xor(a, and(g, xor(h, a)))),
                            xor(xor(shr(14, y), shr(18, y)), shr(41, y))
                        )
                        f := and(add(f, b), WORD)
                        y := mul(c, DOUBLING)
                        b := and(
                            add(add(b, xor(xor(shr(28, y), shr(34, y)), shr(39, y))), or(and(c, d), and(e, or(c, d)))),
                            WORD
                        )
                    }
                    {
                        let y := mul(f, DOUBLING)
                        a := add(
                            add(add(a, mload(add(w, 0x70))), xor(h, and(f, xor(g, h)))),
                            xor(xor(shr(14, y), shr(18, y)), shr(41, y))
                        )
                        e := and(add(e, a), WORD)
                        y := mul(b, DOUBLING)
                        a := and(
                            add(add(a, xor(xor(shr(28, y), shr(34, y)), shr(39, y))), or(and(b, c), and(d, or(b, c)))),
                            WORD
                        )
                    }
                }
                mstore(0xf80, and(add(mload(0xf80), a), WORD))
                mstore(0xfa0, and(add(mload(0xfa0), b), WORD))
                mstore(0xfc0, and(add(mload(0xfc0), c), WORD))
                mstore(0xfe0, and(add(mload(0xfe0), d), WORD))
                mstore(0x1000, and(add(mload(0x1000), e), WORD))
                mstore(0x1020, and(add(mload(0x1020), f), WORD))
                mstore(0x1040, and(add(mload(0x1040), g), WORD))
                mstore(0x1060, and(add(mload(0x1060), h), WORD))
            }
        }
    }
}
