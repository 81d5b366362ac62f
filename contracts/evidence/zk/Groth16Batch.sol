// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Groth16} from "./Groth16.sol";

/// @title Many Groth16 proofs of one key, judged at once
/// @notice Raises the equation of each proof to a power r_i and multiplies them: n + 3 pairings instead of 4 n, and one
/// point instead of n points C.
///
///     product of e(r_i A_i, B_i) = e(s alpha, beta) e(sum of r_i L_i, gamma) e(F, delta),    s = sum of r_i
///
/// where F = sum of r_i C_i is made by whoever has the proofs. r_0 is one; every other r_i is 128 bits of a hash over
/// the key, all inputs, all A and B, and i.
/// @dev Why this is sound: A, B and the inputs of a proof leave it one C that holds. So what is hashed fixes every
/// C_i before the r_i are known, and then one F: the combination of these C_i. Whoever can make F for random r can be
/// asked again, with other r, until the answers are n independent combinations of the C_i; solving them gives every
/// single proof. A batch of which somebody does not know all proofs passes with chance 2^-128 a try. Signatures are
/// aggregated by the same step (K. Chalkias, F. Garillot, Y. Kondi, V. Nikolaenko, "Non-interactive Half-Aggregation of
/// EdDSA and Variants of Schnorr Signatures", CT-RSA 2021); powers of 128 bits are the small exponents test (Bellare,
/// Garay and Rabin, EUROCRYPT 1998). It needs groups of prime order: G1 has no cofactor, and the precompile of
/// EIP-197 refuses points outside the subgroup of G2.
/// As `Groth16` does, it reverts on everything that it could not judge. False says that something is wrong, not what.
library Groth16Batch {
    /// @dev A and B.
    uint256 internal constant FIXED_BYTES = 192;

    uint256 private constant PAIR_BYTES = 192;
    /// @dev Of beta, gamma and delta, for all proofs together.
    uint256 private constant SHARED_PAIRS = 3;

    /// @notice The bytes are no whole number of entries, or none.
    error BatchLength(uint256 lengthBytes, uint256 entryBytes);

    /// @param key As for `Groth16.verify`.
    /// @param inputs How many public inputs a proof has.
    /// @param entries Of each proof its public inputs, then A and B as for `Groth16.verify`.
    /// @param foldedC F (x, y).
    function verify(
        bytes memory key,
        uint256 inputs,
        bytes calldata entries,
        uint256[2] calldata foldedC
    ) internal view returns (bool) {
        uint256 entryBytes = inputs * 32 + FIXED_BYTES;
        if (entries.length == 0 || entries.length % entryBytes != 0) revert BatchLength(entries.length, entryBytes);
        if (key.length != Groth16.keyBytes(inputs)) revert Groth16.KeyMismatch(key.length, inputs);

        // Modulo r: the sum of the coefficients, and for each input that of its products with them.
        uint256[] memory sums = new uint256[](inputs + 1);
        bytes32 seed = _seedOf(key, entries);
        uint256 count = entries.length / entryBytes;
        bytes memory pairs = new bytes((count + SHARED_PAIRS) * PAIR_BYTES);
        _writeProofs(pairs, sums, seed, entries);
        _writeShared(pairs, sums, key, count, foldedC);
        return Groth16.pairing(pairs);
    }

    /// @dev The length of the whole fixes where one entry ends.
    function _seedOf(bytes memory key, bytes calldata entries) private pure returns (bytes32 seed) {
        assembly ("memory-safe") {
            // Behind the free pointer, which stays: the pairs are written over it.
            let transcript := mload(0x40)
            let size := mload(key)
            mcopy(transcript, add(key, 0x20), size)
            calldatacopy(add(transcript, size), entries.offset, entries.length)
            seed := keccak256(transcript, add(size, entries.length))
        }
    }

    /// @dev Writes the pairs (r_i A_i, B_i), and sums up.
    function _writeProofs(
        bytes memory pairs,
        uint256[] memory sums,
        bytes32 seed,
        bytes calldata entries
    ) private view {
        uint256 r = Groth16.R;
        bool refused;
        bool done = true;
        assembly ("memory-safe") {
            let pair := add(pairs, 0x20)
            let lastSum := add(sums, shl(5, mload(sums)))
            let entry := entries.offset
            let end := add(entry, entries.length)
            let coefficient := 1
            for {
                let i := 0
            } and(done, lt(entry, end)) {
                pair := add(pair, PAIR_BYTES)
            } {
                let sum := add(sums, 0x20)
                mstore(sum, addmod(mload(sum), coefficient, r))
                for {} lt(sum, lastSum) {
                    entry := add(entry, 0x20)
                } {
                    sum := add(sum, 0x20)
                    let input := calldataload(entry)
                    refused := or(refused, iszero(lt(input, r)))
                    mstore(sum, addmod(mload(sum), mulmod(input, coefficient, r), r))
                }

                calldatacopy(pair, entry, 0xc0)
                if i {
                    // The scalar stands where B will.
                    mstore(add(pair, 0x40), coefficient)
                    done := and(eq(returndatasize(), 0x40), staticcall(gas(), 0x07, pair, 0x60, pair, 0x40))
                    mstore(add(pair, 0x40), calldataload(add(entry, 0x40)))
                }
                entry := add(entry, FIXED_BYTES)
                i := add(i, 1)
                mstore(0x00, seed)
                mstore(0x20, i)
                coefficient := shr(128, keccak256(0x00, 0x40))
            }
        }
        if (refused) _refuseInput(entries, sums.length - 1);
        if (!done) revert Groth16.PrecompileFailed(7);
    }

    /// @dev Counts through the batch, so that the place names the proof too.
    function _refuseInput(bytes calldata entries, uint256 inputs) private pure {
        uint256 entryBytes = inputs * 32 + FIXED_BYTES;
        for (uint256 place = 0; ; ++place) {
            uint256 offset = (place / inputs) * entryBytes + (place % inputs) * 32;
            uint256 input = uint256(bytes32(entries[offset:offset + 32]));
            if (input >= Groth16.R) revert Groth16.InputNotInField(place, input);
        }
    }

    /// @dev Writes the pairs of alpha, of the inputs and of F: negated, since A is not.
    function _writeShared(
        bytes memory pairs,
        uint256[] memory sums,
        bytes memory key,
        uint256 count,
        uint256[2] calldata foldedC
    ) private view {
        uint256 scalar = Groth16.R - sums[0];
        uint256 negatedFy = Groth16.negate(foldedC[1]);
        for (uint256 i = 0; i < sums.length; ++i) sums[i] = Groth16.R - sums[i];
        (uint256 x, uint256 y) = Groth16.combine(key, 0, sums);
        bool done;
        assembly ("memory-safe") {
            let pair := add(add(pairs, 0x20), mul(count, PAIR_BYTES))
            mcopy(pair, add(key, 0x20), 0x40)
            mstore(add(pair, 0x40), scalar)
            done := and(eq(returndatasize(), 0x40), staticcall(gas(), 0x07, pair, 0x60, pair, 0x40))
            // beta
            mcopy(add(pair, 0x40), add(key, 0x60), 0x80)
            // gamma
            mstore(add(pair, 0xc0), x)
            mstore(add(pair, 0xe0), y)
            mcopy(add(pair, 0x100), add(key, 0xe0), 0x80)
            // delta
            calldatacopy(add(pair, 0x180), foldedC, 0x20)
            mstore(add(pair, 0x1a0), negatedFy)
            mcopy(add(pair, 0x1c0), add(key, 0x160), 0x80)
        }
        if (!done) revert Groth16.PrecompileFailed(7);
    }
}
