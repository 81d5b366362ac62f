// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Groth16 over BN254, the verification key as data
/// @notice Checks `e(-A, B) e(alpha, beta) e(L, gamma) e(C, delta) = 1` with `L = IC[0] + sum input[i] IC[i + 1]`
/// (J. Groth, "On the Size of Pairing-based Non-interactive Arguments", EUROCRYPT 2016, section 3.2), by the
/// precompiles of EIP-196 and EIP-197.
/// @dev Returns false only for a proof it has judged. It reverts on everything it could not judge: malformed bytes, a
/// point off the curve, an input that is not canonical, too little gas. Proofs are malleable (A, B, C has twins that
/// verify): never use the bytes of a proof as an identifier.
library Groth16 {
    /// @dev Order of the scalar field.
    uint256 internal constant R = 21888242871839275222246405745257275088548364400416034343698204186575808495617;
    /// @dev Order of the base field.
    uint256 internal constant Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583;

    uint256 internal constant PROOF_BYTES = 256;
    /// @dev alpha 2, beta 4, gamma 4, delta 4 words.
    uint256 internal constant KEY_FIXED_BYTES = 14 * 32;
    uint256 internal constant G1_BYTES = 64;
    uint256 internal constant G2_BYTES = 128;

    uint256 private constant PAIRING_BYTES = 4 * (G1_BYTES + G2_BYTES);

    /// @notice The proof is not eight words.
    error ProofLength(uint256 lengthBytes);
    /// @notice The key is not one for this number of inputs.
    error KeyMismatch(uint256 keyBytes, uint256 inputs);
    /// @notice The input at this place is not below the order of the scalar field.
    error InputNotInField(uint256 place, uint256 value);
    /// @notice A coordinate of the proof is not below the order of the base field.
    error ProofNotCanonical();
    /// @notice A precompile refused its input, or had too little gas.
    error PrecompileFailed(uint256 precompile);

    /// @param key alpha | beta | gamma | delta | IC, as in `IVerificationKeys`; checked when it was registered.
    /// @param inputs The public inputs.
    /// @param proof A (x, y) | B (x.im, x.re, y.im, y.re) | C (x, y).
    function verify(bytes memory key, uint256[] memory inputs, bytes calldata proof) internal view returns (bool) {
        if (proof.length != PROOF_BYTES) revert ProofLength(proof.length);
        if (key.length != keyBytes(inputs.length)) revert KeyMismatch(key.length, inputs.length);

        for (uint256 i = 0; i < inputs.length; ++i) {
            if (inputs[i] >= R) revert InputNotInField(i, inputs[i]);
        }
        (uint256 lx, uint256 ly) = combine(key, 1, inputs);
        uint256 negatedAy = negate(uint256(bytes32(proof[32:64])));

        bytes memory pairs = new bytes(PAIRING_BYTES);
        assembly ("memory-safe") {
            let to := add(pairs, 0x20)
            // (-A, B)
            calldatacopy(to, proof.offset, 0xc0)
            mstore(add(to, 0x20), negatedAy)
            // (alpha, beta)
            mcopy(add(to, 0xc0), add(key, 0x20), 0xc0)
            // (L, gamma)
            mstore(add(to, 0x180), lx)
            mstore(add(to, 0x1a0), ly)
            mcopy(add(to, 0x1c0), add(key, 0xe0), 0x80)
            // (C, delta)
            calldatacopy(add(to, 0x240), add(proof.offset, 0xc0), 0x40)
            mcopy(add(to, 0x280), add(key, 0x160), 0x80)
        }
        return pairing(pairs);
    }

    /// @notice The length of a key for this number of inputs.
    function keyBytes(uint256 inputs) internal pure returns (uint256) {
        return KEY_FIXED_BYTES + (inputs + 1) * G1_BYTES;
    }

    /// @notice Whether the product of pairings is one. Reverts when a point is not valid.
    function pairing(bytes memory pairs) internal view returns (bool) {
        uint256 result;
        bool done;
        assembly ("memory-safe") {
            done := staticcall(gas(), 0x08, add(pairs, 0x20), mload(pairs), 0x00, 0x20)
            // A precompile that succeeds returns one word; an address without code succeeds and returns none.
            done := and(done, eq(returndatasize(), 0x20))
            result := mload(0x00)
        }
        if (!done) revert PrecompileFailed(8);
        return result == 1;
    }

    /// @notice The y of the opposite point. Reverts with `ProofNotCanonical`.
    /// @dev Zero is its own negative: it is the y of the point at infinity alone.
    function negate(uint256 y) internal pure returns (uint256) {
        if (y >= Q) revert ProofNotCanonical();
        return y == 0 ? 0 : Q - y;
    }

    /// @notice The sum of IC[i] before `first`, which is zero or one, and of scalar[i] IC[first + i].
    /// @dev In one buffer: the sum so far in its first two words, the next term behind.
    function combine(
        bytes memory key,
        uint256 first,
        uint256[] memory scalars
    ) internal view returns (uint256 x, uint256 y) {
        uint256 failed;
        assembly ("memory-safe") {
            let sum := mload(0x40)
            let term := add(sum, 0x40)
            let ic := add(add(key, 0x20), KEY_FIXED_BYTES)
            let scalar := add(scalars, 0x20)
            let end := add(scalar, shl(5, mload(scalars)))
            // Without an IC[0] of its own the sum starts at infinity, two zeros.
            mstore(sum, mul(first, mload(ic)))
            mstore(add(sum, 0x20), mul(first, mload(add(ic, 0x20))))
            ic := add(ic, shl(6, first))
            for {} lt(scalar, end) {
                scalar := add(scalar, 0x20)
                ic := add(ic, 0x40)
            } {
                mcopy(term, ic, 0x40)
                mstore(add(term, 0x40), mload(scalar))
                if iszero(and(eq(returndatasize(), 0x40), staticcall(gas(), 0x07, term, 0x60, term, 0x40))) {
                    failed := 7
                    break
                }
                if iszero(and(eq(returndatasize(), 0x40), staticcall(gas(), 0x06, sum, 0x80, sum, 0x40))) {
                    failed := 6
                    break
                }
            }
            x := mload(sum)
            y := mload(add(sum, 0x20))
        }
        if (failed != 0) revert PrecompileFailed(failed);
    }
}
